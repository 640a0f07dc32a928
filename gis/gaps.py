"""Gaps: ground that no parcel covers, enclosed by boundaries without a counterpart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.corners import spikes
from gis.coverage import coverage
from gis.derived import derived
from gis.faces import faces
from gis.ground import ground
from gis.limits import tolerance
from gis.model import Context, Geometries, ParcelTable
from gis.shapes import invalid

CONTACT_M = 0.001
"""A parcel is along a gap where it is nearer than this."""

LEAST_BORDER_M = 0.02
"""A parcel with less of its boundary along a gap only touches its corner."""


@dataclass(frozen=True, eq=False)
class Gap:
    """A thin face between parcels that belongs to none."""

    records: tuple[int, ...]
    """The parcels around it, in rising order."""
    area_m2: float
    """Its area."""
    width_m: float
    """2 · area / perimeter."""
    face: shapely.Polygon
    """Its outline."""


@derived
def gaps(parcels: ParcelTable, ctx: Context) -> list[Gap] | None:
    """The gaps of a sheet; None where its boundaries are too tangled to tell.

    Holes that an invalid boundary or a spike tears are left to the rules about those.
    """
    found = faces(parcels, ctx)
    if found.tangled or not coverage(parcels, ctx).complete:
        return None
    area = shapely.area(found.face)
    open_ground = ~found.held & (area > tolerance(ctx, "rules.gap_m2"))
    open_ground &= found.width_m < tolerance(ctx, "rules.gap_width_m")
    numbers = np.flatnonzero(open_ground)
    numbers = numbers[~torn(parcels, ctx, found.face[numbers], found.inside[numbers])]
    around = _around(parcels, ctx, found.face[numbers])
    result = [
        Gap(tuple(records), float(area[number]), float(found.width_m[number]), found.face[number])
        for number, records in zip(numbers.tolist(), around, strict=True)
    ]
    return sorted(result, key=lambda gap: (gap.records, gap.area_m2))


def _around(parcels: ParcelTable, ctx: Context, faces: Geometries) -> list[list[int]]:
    """The records along each face, in rising order."""
    compared = ground(parcels, ctx)
    number, record = compared.tree.query(faces, predicate="dwithin", distance=CONTACT_M)
    border = shapely.intersection(shapely.buffer(faces, CONTACT_M)[number], shapely.boundary(compared.shape[record]))
    along = shapely.length(border) > LEAST_BORDER_M
    around: list[list[int]] = [[] for _ in faces]
    for at, one in sorted(zip(number[along].tolist(), record[along].tolist(), strict=True)):
        around[at].append(one)
    return around


def torn(parcels: ParcelTable, ctx: Context, faces: Geometries, inside: Geometries) -> NDArray[np.bool_]:
    """Which holes a fault of one parcel's own boundary left.

    Args:
        parcels: the sheet.
        ctx: what is known about it.
        faces: the holes, shape (n,).
        inside: a point in each of them.

    Returns:
        Shape (n,), True where it is so.
    """
    torn = np.zeros(len(faces), dtype=bool)
    if not len(faces):
        return torn
    broken = list(invalid(parcels, ctx))
    hulls = shapely.convex_hull(parcels.geometry[broken])
    if len(hulls):
        torn[shapely.STRtree(hulls).query(inside, predicate="intersects")[0]] = True
    tips = [tip for spike in spikes(parcels, ctx).values() for tip in spike.tips]
    if tips:
        tree = shapely.STRtree(shapely.points(tips))
        torn[tree.query(faces, predicate="dwithin", distance=CONTACT_M)[0]] = True
    return torn
