"""Gaps: ground that no parcel covers, enclosed by boundaries without a counterpart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.corners import spikes
from gis.coverage import coverage, width_m
from gis.derived import derived
from gis.edges import GRID_M, Edges
from gis.limits import tolerance
from gis.model import Context, Geometries, ParcelTable
from gis.pairs import box_pairs
from gis.shapes import invalid

LEAST_BORDER_M = 0.02
"""A parcel with less of its boundary along a gap only touches its corner."""


MOST_CROSSINGS = 2_000_000
"""Pairs of loose edges whose boxes may meet, besides twenty an edge; more are a tangle, not boundaries."""


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
    found = coverage(parcels, ctx)
    faces = _faces(found.loose) if found.complete else None
    if faces is None:
        return None
    width = width_m(faces)
    thin = (shapely.area(faces) > tolerance(ctx, "rules.gap_m2")) & (width < tolerance(ctx, "rules.gap_width_m"))
    faces, width = faces[thin], width[thin]
    present = np.flatnonzero(~shapely.is_missing(found.ground))
    tree = shapely.STRtree(found.ground[present])
    inside = shapely.point_on_surface(faces)
    covered = np.zeros(len(faces), dtype=bool)
    covered[tree.query(inside, predicate="intersects")[0]] = True
    torn = _torn(parcels, ctx, faces, inside)
    result = []
    for number in np.flatnonzero(~covered & ~torn).tolist():
        near = present[tree.query(faces[number], predicate="dwithin", distance=GRID_M)]
        border = shapely.intersection(shapely.buffer(faces[number], GRID_M), shapely.boundary(found.ground[near]))
        around = near[shapely.length(border) > LEAST_BORDER_M]
        area = float(shapely.area(faces[number]))
        result.append(Gap(tuple(sorted(around.tolist())), area, float(width[number]), faces[number]))
    return sorted(result, key=lambda gap: (gap.records, gap.area_m2))


def _faces(edges: Edges) -> Geometries | None:
    """All faces that the edges enclose; None where the edges are too tangled."""
    if not len(edges):
        return np.zeros(0, dtype=object)
    ends = np.sort(np.column_stack([edges.start_key, edges.stop_key]), axis=1)
    mixed = ends[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ ends[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
    once = np.unique(mixed, return_index=True)[1]
    lines = shapely.linestrings(np.stack([edges.start[once], edges.stop[once]], axis=1))
    met = 0
    for number, _ in box_pairs(lines, shapely.STRtree(lines)):
        met += len(number)
        if met > MOST_CROSSINGS + 20 * len(lines):
            return None
    noded = shapely.get_parts(shapely.union_all(lines))
    return np.asarray(shapely.get_parts(shapely.polygonize(noded)))


def _torn(parcels: ParcelTable, ctx: Context, faces: Geometries, inside: Geometries) -> NDArray[np.bool_]:
    """Shape of `faces`, True where a fault of one parcel's own boundary left the hole."""
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
        torn[tree.query(faces, predicate="dwithin", distance=GRID_M)[0]] = True
    return torn
