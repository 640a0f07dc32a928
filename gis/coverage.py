"""Overlaps and duplicates: the answer of comparing all pairs, without comparing them.

Only parcels that meet a face covered twice can share ground (`gis.faces`), so GEOS compares those with each other. What
T-junctions hide stays below the limit of T01; invalid parcels, whose edges take no part, are compared with all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.faces import faces, width_m
from gis.ground import Ground, ground, polygons_of
from gis.limits import tolerance
from gis.model import Context, Geometries, ParcelTable
from gis.pairs import box_pairs

MOST_OVERLAPS = 10_000
"""Overlaps that are listed, besides one a parcel; a sheet with more is piled up, not a coverage."""

MOST_PAIRS = 2_000_000
"""Pairs of boxes that are looked at, besides thirty a parcel."""

INTERIORS_MEET = "T********"
"""Relation of two shapes whose insides share something, equal and contained shapes too."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """Two parcels with common area."""

    first: int
    """The lower record."""
    second: int
    """The higher record."""
    area_m2: float
    """Their common area."""
    width_m: float
    """2 · area / perimeter of the widest piece."""
    face: shapely.Geometry
    """The common area, polygons only."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """What a sheet's parcels have in common.

    Attributes:
        overlaps: pairs with more common area than the limit, by record; copies are left out.
        duplicates: groups of records that draw one parcel, in rising order.
        complete: False where so many parcels lie upon each other that the comparison was ended.
    """

    overlaps: list[Overlap]
    duplicates: list[tuple[int, ...]]
    complete: bool


@derived
def coverage(parcels: ParcelTable, ctx: Context) -> Coverage:
    """Compares the parcels of a sheet with each other."""
    limit = tolerance(ctx, "rules.overlap_m2")
    found = ground(parcels, ctx)
    overlaps, complete = _overlaps(found.shape, _near_pairs(parcels, ctx, limit), limit)
    alike = {
        _pair(one)
        for one in overlaps
        if one.area_m2 >= shapely.area(found.shape[[one.first, one.second]]).max() - limit
    }
    return Coverage(
        overlaps=[one for one in overlaps if _pair(one) not in alike],
        duplicates=sorted([*found.copies, *alike]),
        complete=complete,
    )


def _near_pairs(
    parcels: ParcelTable, ctx: Context, limit: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs that may share more than the limit, each once."""
    found, made = ground(parcels, ctx), faces(parcels, ctx)
    alone = found.single & (~found.whole | (found.edges.slivers > limit / 2))
    if made.tangled:
        alone[found.edges.edges.record] |= found.single[found.edges.edges.record]
    together = found.single & ~alone & _on_doubtful_faces(found, made.face[made.doubtful])
    yield from _box_pairs(found, together, together)
    yield from _box_pairs(found, alone, found.single)


def _on_doubtful_faces(found: Ground, doubtful: Geometries) -> NDArray[np.bool_]:
    """Shape (n,), True for records that meet one of the faces."""
    meeting = np.zeros(len(found.shape), dtype=bool)
    if len(doubtful):
        meeting[found.tree.query(doubtful, predicate="intersects")[1]] = True
    return meeting


def _box_pairs(
    found: Ground, firsts: NDArray[np.bool_], seconds: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of one of the firsts and one of the seconds whose boxes meet, each once."""
    records = np.flatnonzero(firsts)
    for number, second in box_pairs(found.shape[records], found.tree):
        first = records[number]
        once = seconds[second] & ((first < second) | ~firsts[second])
        yield first[once], second[once]


def _overlaps(
    shapes: Geometries, pairs: Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]], limit: float
) -> tuple[list[Overlap], bool]:
    """Those of the pairs with more common area than the limit, and whether all were looked at."""
    found: list[Overlap] = []
    most_pairs, most = MOST_PAIRS + 30 * len(shapes), MOST_OVERLAPS + len(shapes)
    seen = 0
    for first, second in pairs:
        seen += len(first)
        if seen > most_pairs or len(found) > most:
            break
        meet = shapely.relate_pattern(shapes[first], shapes[second], INTERIORS_MEET)
        found += _common(shapes, first[meet], second[meet], limit)
    return sorted(found[:most], key=_pair), seen <= most_pairs and len(found) <= most


def _common(shapes: Geometries, first: NDArray[np.int64], second: NDArray[np.int64], limit: float) -> Iterator[Overlap]:
    """Pairs whose common area exceeds the limit."""
    pieces, pair = polygons_of(shapely.intersection(shapes[first], shapes[second]))
    first_piece = np.searchsorted(pair, np.arange(len(first) + 1))
    area = np.bincount(pair, shapely.area(pieces), minlength=len(first))
    width = np.zeros(len(first))
    np.maximum.at(width, pair, width_m(pieces))
    for at in np.flatnonzero(area > limit).tolist():
        mine = pieces[first_piece[at] : first_piece[at + 1]]
        face = mine[0] if len(mine) == 1 else shapely.multipolygons(mine)
        one, other = int(first[at]), int(second[at])
        yield Overlap(min(one, other), max(one, other), float(area[at]), float(width[at]), face)


def _pair(overlap: Overlap) -> tuple[int, int]:
    return overlap.first, overlap.second
