"""The corners of boundaries: repeated vertices and spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.limits import tolerance
from gis.model import Context, ParcelTable
from gis.shapes import LEAST_POINTS, Rings, invalid, shapes

NEEDLE_BASE_M = 0.01
"""A spike with a narrower base is a line out and back: where it alone makes a ring invalid, the spike is the fault."""

MOST_TO_TRY = 2000
"""Vertices of a shape up to which it is tried without its needles."""


@dataclass(frozen=True, eq=False)
class Corners:
    """What is odd about the corners of all rings; c sharp corners.

    Attributes:
        repeated: record to how many vertices repeat the one before, and one of them.
        record: shape (c,), record of each corner sharper than the limit of G09 between two arms longer than its limit.
        xy: shape (c, 2), the corner.
        cosine: shape (c,), cosine of its angle; 1 for a needle.
        arm: shape (c,), length of its shorter arm in metres.
        base: shape (c,), distance of the corners before and after it in metres.
    """

    repeated: dict[int, tuple[int, NDArray[np.float64]]]
    record: NDArray[np.int64]
    xy: NDArray[np.float64]
    cosine: NDArray[np.float64]
    arm: NDArray[np.float64]
    base: NDArray[np.float64]


@derived
def corners(parcels: ParcelTable, ctx: Context) -> Corners:
    """The odd corners of a sheet; vertices that repeat the one before take no part in angles."""
    rings = shapes(parcels, ctx).rings
    limit = tolerance(ctx, "rules.repeated_vertex_m")
    edge_x, edge_y, squared = _edges(rings)
    short = squared <= limit**2
    short[rings.stop - 1] = False
    repeated: dict[int, tuple[int, NDArray[np.float64]]] = {}
    if short.any():
        where = np.flatnonzero(short)
        record = rings.record[np.searchsorted(rings.stop, where, side="right")]
        for one in np.unique(record).tolist():
            mine = where[record == one]
            repeated[one] = (len(mine), rings.xy[mine[0]])
        rings = _without(rings, short)
        edge_x, edge_y, squared = _edges(rings)
    before_x, before_y, before = (_before(column, rings) for column in (edge_x, edge_y, squared))
    dot = -(edge_x * before_x + edge_y * before_y)
    sharpest = np.cos(np.radians(tolerance(ctx, "rules.spike_deg")))
    long = tolerance(ctx, "rules.spike_arm_m") ** 2
    sharp = (dot > 0) & (dot * dot > sharpest**2 * squared * before) & (squared > long) & (before > long)
    sharp[rings.stop - 1] = False
    at = np.flatnonzero(sharp)
    return Corners(
        repeated=repeated,
        record=rings.record[np.searchsorted(rings.stop, at, side="right")],
        xy=rings.xy[at],
        cosine=dot[at] / np.sqrt(squared[at] * before[at]),
        arm=np.sqrt(np.minimum(squared[at], before[at])),
        base=np.hypot(edge_x[at] + before_x[at], edge_y[at] + before_y[at]),
    )


def _edges(rings: Rings) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """From each vertex to the next: east, north, squared length; meaningless at the last vertex of a ring."""
    east, north = (np.diff(column, append=0) for column in (rings.x, rings.y))
    return east, north, east * east + north * north


def _before(column: NDArray[np.float64], rings: Rings) -> NDArray[np.float64]:
    """The value of the edge before each vertex, around the ring; the last vertex of a ring repeats its first."""
    before = np.empty_like(column)
    before[1:] = column[:-1]
    before[rings.start] = column[np.maximum(rings.stop - 2, rings.start)]
    return before


def _without(rings: Rings, left_out: NDArray[np.bool_]) -> Rings:
    """The rings without some of their vertices."""
    keep = ~left_out
    size = np.add.reduceat(keep, rings.start)
    stop = np.cumsum(size)
    return Rings(rings.xy[keep], rings.x[keep], rings.y[keep], stop - size, stop, rings.record, rings.hole)


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
    wrong = invalid(parcels, ctx)
    spiky: dict[int, Spike] = {}
    for record in np.unique(found.record).tolist():
        mine = np.flatnonzero(found.record == record)
        mine = mine[np.argsort(-found.cosine[mine], kind="stable")]
        angle = float(np.degrees(np.arccos(np.clip(found.cosine[mine[0]], -1, 1))))
        if record in wrong:
            needles = mine[found.base[mine] <= NEEDLE_BASE_M]
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
