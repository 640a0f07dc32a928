"""The corners of boundaries: repeated vertices and spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.limits import tolerance
from gis.model import Context, ParcelTable
from gis.shapes import LEAST_POINTS, invalid, shapes

NEEDLE_BASE_M = 0.01
"""A spike with a narrower base is a line out and back: where it alone makes a ring invalid, the spike is the fault."""

MOST_TO_TRY = 2000
"""Vertices of a shape up to which it is tried without its needles."""


@dataclass(frozen=True, eq=False)
class Corners:
    """The corners of all rings without repeated vertices, one row a corner; c corners.

    Attributes:
        xy: shape (c, 2), the corner.
        record: shape (c,), its record.
        arm: shape (c,), length of the shorter of its two edges in metres.
        cosine: shape (c,), cosine of the angle between the two edges; 1 for a needle, -1 on a straight line.
        base: shape (c, 2), from the corner before to the corner after.
        repeated: vertices that were left out: record to how many and one of them.
    """

    xy: NDArray[np.float64]
    record: NDArray[np.int64]
    arm: NDArray[np.float64]
    cosine: NDArray[np.float64]
    base: NDArray[np.float64]
    repeated: dict[int, tuple[int, NDArray[np.float64]]]


@derived
def corners(parcels: ParcelTable, ctx: Context) -> Corners:
    """The corners of all rings; vertices nearer to the one before than the limit of G07 are left out and listed."""
    rings = shapes(parcels, ctx).rings
    if not len(rings.start):
        nothing = np.zeros(0)
        return Corners(rings.xy, rings.record, nothing, nothing, rings.xy, {})
    keep = np.ones(len(rings.xy), dtype=bool)
    keep[rings.stop - 1] = False
    edge = np.diff(rings.xy, axis=0, append=0)
    length = np.hypot(edge[:, 0], edge[:, 1])
    short = keep & (length <= tolerance(ctx, "rules.repeated_vertex_m"))
    repeated: dict[int, tuple[int, NDArray[np.float64]]] = {}
    if short.any():
        keep &= ~short
        where = np.flatnonzero(short)
        record = rings.record[np.searchsorted(rings.stop, where, side="right")]
        for one in np.unique(record).tolist():
            mine = where[record == one]
            repeated[one] = (len(mine), rings.xy[mine[0]])
    edge, length, xy = edge[keep], length[keep], rings.xy[keep]
    size = np.add.reduceat(keep, rings.start)
    stop = np.cumsum(size)
    before = np.arange(-1, len(xy) - 1)
    filled = size > 0
    before[(stop - size)[filled]] = stop[filled] - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = -(edge * edge[before]).sum(axis=1) / (length * length[before])
    arm = np.minimum(length, length[before])
    base = edge + edge[before]
    return Corners(xy, np.repeat(rings.record, size), arm, np.nan_to_num(cosine), base, repeated)


@dataclass(frozen=True)
class Spike:
    """The needles of a parcel's boundary."""

    tips: tuple[tuple[float, float], ...]
    """Their vertices, the sharpest first."""
    angle_deg: float
    """Its angle in degrees."""
    arm_m: float
    """Length of its shorter arm in metres."""


@derived
def spikes(parcels: ParcelTable, ctx: Context) -> dict[int, Spike]:
    """Records with a spike: a corner sharper than the limit of G09 between two long arms.

    Of invalid shapes only those that are valid without their needles: elsewhere the sharp corner comes of the crossing.
    """
    found = corners(parcels, ctx)
    limit = np.cos(np.radians(tolerance(ctx, "rules.spike_deg")))
    sharp = np.flatnonzero((found.cosine > limit) & (found.arm > tolerance(ctx, "rules.spike_arm_m")))
    wrong = invalid(parcels, ctx)
    spiky: dict[int, Spike] = {}
    for record in np.unique(found.record[sharp]).tolist():
        mine = sharp[found.record[sharp] == record]
        mine = mine[np.argsort(-found.cosine[mine], kind="stable")]
        angle = float(np.degrees(np.arccos(np.clip(found.cosine[mine[0]], -1, 1))))
        if record in wrong:
            needles = mine[np.hypot(*found.base[mine].T) <= NEEDLE_BASE_M]
            if not len(needles) or not _valid_without(parcels.geometry[record], found.xy[needles]):
                continue
        tips = tuple((x, y) for x, y in found.xy[mine].tolist())
        spiky[record] = Spike(tips, angle, float(found.arm[mine[0]]))
    return spiky


def _valid_without(shape: shapely.Geometry, tips: NDArray[np.float64]) -> bool:
    """Whether a polygon is valid once the tips of its needles, and the vertices that then repeat, are gone."""
    if shape.geom_type != "Polygon" or shapely.get_num_coordinates(shape) > MOST_TO_TRY:
        return False
    rings = []
    for ring in (shape.exterior, *shape.interiors):
        vertices = shapely.get_coordinates(ring)[:-1]
        kept = vertices[~(vertices[:, None] == tips).all(axis=2).any(axis=1)]
        kept = kept[(kept != np.roll(kept, 1, axis=0)).any(axis=1)]
        if len(kept) < LEAST_POINTS - 1:
            return False
        rings.append(kept)
    return bool(shapely.is_valid(shapely.Polygon(rings[0], rings[1:])))
