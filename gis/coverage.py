"""Whether parcels cover the ground once: overlaps and duplicates; gaps are in `gis.gaps`.

Edges that no neighbour runs the other way mark the parcels to look at (`gis.edges`); GEOS compares those with all others,
and only those. The answer is that of comparing all pairs: what T-junctions hide stays below the limit of T01.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.edges import Edges, Unmatched, unmatched
from gis.limits import position_error_m, scales, tolerance
from gis.model import Context, Geometries, ParcelTable
from gis.pairs import box_pairs
from gis.shapes import invalid, shapes

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
        ground: shape (n,), shapes that were compared: invalid ones repaired, None for what cannot be compared.
        loose: edges without a counterpart, from which gaps are made.
        uncompared: records whose shape is invalid and too large to repair, or cannot be repaired.
        complete: False where so many parcels lie upon each other that the comparison was ended.
    """

    overlaps: list[Overlap]
    duplicates: list[tuple[int, ...]]
    ground: Geometries
    loose: Edges
    uncompared: list[int]
    complete: bool


@derived
def coverage(parcels: ParcelTable, ctx: Context) -> Coverage:
    """Compares the parcels of a sheet with each other."""
    limit = tolerance(ctx, "rules.overlap_m2")
    ground, uncompared = _ground(parcels, ctx)
    present = ~shapely.is_missing(ground)
    whole = present.copy()
    whole[list(invalid(parcels, ctx))] = False
    reach = position_error_m(ctx, scales(parcels, ctx))
    hidden = min(limit, tolerance(ctx, "rules.gap_m2"))
    edges = unmatched(shapes(parcels, ctx).rings, whole, reach, hidden)
    copies = _copies(edges.loose)
    single = present.copy()
    single[[record for group in copies for record in group[1:]]] = False
    suspects = _suspects(parcels, ctx, edges, limit) & single
    overlaps, complete = _overlaps(ground, np.flatnonzero(single), np.flatnonzero(suspects), limit)
    alike = [one for one in overlaps if one.area_m2 >= shapely.area(ground[[one.first, one.second]]).max() - limit]
    same = {_pair(one) for one in alike}
    return Coverage(
        overlaps=[one for one in overlaps if _pair(one) not in same],
        duplicates=sorted([*copies, *same]),
        ground=ground,
        loose=edges.edges,
        uncompared=uncompared,
        complete=complete,
    )


def polygons_of(shape: shapely.Geometry) -> Geometries:
    """The polygons in any geometry, shape (k,)."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return np.asarray(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def width_m(shape: shapely.Geometry | Geometries) -> NDArray[np.float64]:
    """Width of thin faces: 2 · area / perimeter."""
    return np.asarray(2 * shapely.area(shape) / np.maximum(shapely.length(shape), 1e-12))


def _ground(parcels: ParcelTable, ctx: Context) -> tuple[Geometries, list[int]]:
    """Shapes to compare, and invalid records that cannot be repaired within bounds."""
    found = shapes(parcels, ctx)
    ground = np.full(len(parcels), None, dtype=object)
    ground[found.usable] = found.geometry
    most = tolerance(ctx, "rules.repair_vertices")
    uncompared = []
    for record in invalid(parcels, ctx):
        repaired = None
        if shapely.get_num_coordinates(ground[record]) <= most:
            pieces = polygons_of(shapely.make_valid(ground[record], method="structure", keep_collapsed=False))
            repaired = shapely.multipolygons(pieces) if len(pieces) else None
        if repaired is None or not shapely.is_valid(repaired):
            uncompared.append(record)
            repaired = None
        ground[record] = repaired
    return ground, uncompared


def _copies(edges: Edges) -> list[tuple[int, ...]]:
    """Groups of records with the same edges; all edges of a copy are without a counterpart."""
    if not len(edges):
        return []
    weight = (edges.start_key * np.uint64(0x9E3779B97F4A7C15)) ^ (edges.stop_key * np.uint64(0xC2B2AE3D27D4EB4F))
    weight = (weight ^ (weight >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
    first = np.flatnonzero(np.diff(edges.record, prepend=-1))
    sums = np.add.reduceat(weight, first)
    order = np.argsort(sums, kind="stable")
    groups = np.split(edges.record[first][order], np.flatnonzero(np.diff(sums[order])) + 1)
    return [tuple(group.tolist()) for group in groups if len(group) > 1]


def _suspects(parcels: ParcelTable, ctx: Context, edges: Unmatched, limit: float) -> NDArray[np.bool_]:
    """Shape (n,), records that may share area with another: all others cannot share more than the limit."""
    suspects = edges.slivers > limit / 2
    suspects[edges.edges.record] = True
    suspects[list(invalid(parcels, ctx))] = True
    return suspects


def _overlaps(
    ground: Geometries, compared: NDArray[np.int64], suspects: NDArray[np.int64], limit: float
) -> tuple[list[Overlap], bool]:
    """Pairs of a suspect and any other record with more common area than the limit, and whether all were looked at."""
    found: list[Overlap] = []
    most_pairs, most = MOST_PAIRS + 30 * len(ground), MOST_OVERLAPS + len(ground)
    seen = 0
    for first, second in _near_pairs(ground, compared, suspects):
        seen += len(first)
        if seen > most_pairs or len(found) > most:
            break
        meet = shapely.relate_pattern(ground[first], ground[second], INTERIORS_MEET)
        found += _common(ground, first[meet], second[meet], limit)
    return sorted(found[:most], key=_pair), seen <= most_pairs and len(found) <= most


def _common(ground: Geometries, first: NDArray[np.int64], second: NDArray[np.int64], limit: float) -> Iterator[Overlap]:
    """Pairs whose common area exceeds the limit."""
    faces = shapely.intersection(ground[first], ground[second])
    for one, other, common in zip(first.tolist(), second.tolist(), faces, strict=True):
        pieces = polygons_of(common)
        area = float(shapely.area(pieces).sum())
        if area > limit:
            face = pieces[0] if len(pieces) == 1 else shapely.multipolygons(pieces)
            yield Overlap(min(one, other), max(one, other), area, float(width_m(pieces).max()), face)


def _pair(overlap: Overlap) -> tuple[int, int]:
    return overlap.first, overlap.second


def _near_pairs(
    ground: Geometries, compared: NDArray[np.int64], suspects: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs whose boxes meet, each once: a suspect and another record."""
    suspect = np.zeros(len(ground), dtype=bool)
    suspect[suspects] = True
    for number, other in box_pairs(ground[suspects], shapely.STRtree(ground[compared])):
        first, second = suspects[number], compared[other]
        keep = (first < second) | ~suspect[second]
        yield first[keep], second[keep]
