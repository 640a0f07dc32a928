"""Directed edges of a sheet: those that no neighbour runs the other way.

In a clean coverage every boundary occurs once in each direction. So the edges, on a millimetre grid and with all rings
turned the same way, are sorted; what is left without exactly one counterpart marks the parcels to look at. A vertex that
only one of two neighbours has (a T-junction) leaves edges of both unmatched: they are cut at each other's vertices before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.pairs import box_pairs
from gis.shapes import Rings

GRID_M = 0.001
"""Vertices are compared on this grid, the resolution of the cadastral plane."""

MOST_NEAR = 2000
"""An edge whose box is expected to hold more vertices is not cut; its parcel is looked at instead."""

_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)


@dataclass(frozen=True, eq=False)
class Edges:
    """Directed edges with the parcel to their left; e edges.

    Attributes:
        start: shape (e, 2), metres.
        stop: shape (e, 2).
        start_key: shape (e,), the start on the grid as one number.
        stop_key: shape (e,).
        record: shape (e,), the parcel.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    start_key: NDArray[np.uint64]
    stop_key: NDArray[np.uint64]
    record: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.record)

    def __getitem__(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Edges:
        return Edges(
            self.start[chosen], self.stop[chosen], self.start_key[chosen], self.stop_key[chosen], self.record[chosen]
        )


@dataclass(frozen=True, eq=False)
class Unmatched:
    """What is left of a sheet's edges.

    Attributes:
        edges: edges without exactly one counterpart, after cutting.
        uncut: the same before cutting.
        slivers: shape (n,), upper bound in m² of a record's common area with neighbours that the cutting hid.
    """

    edges: Edges
    uncut: Edges
    slivers: NDArray[np.float64]


def unmatched(rings: Rings, used: NDArray[np.bool_], reach_m: NDArray[np.float64], hidden_m2: float) -> Unmatched:
    """The edges of a sheet without a counterpart.

    Args:
        rings: the rings of the sheet.
        used: shape (n,), False for records to leave out.
        reach_m: shape (n,), how far from an edge of a record a vertex may be to cut it.
        hidden_m2: largest sliver between an edge and a vertex that cutting may hide.
    """
    whole = _loose_edges(rings, used)
    cut, slivers = _cut(whole, reach_m, hidden_m2)
    return Unmatched(cut[_without_counterpart(_hashes(cut.start_key, cut.stop_key))], whole, slivers)


def _loose_edges(rings: Rings, used: NDArray[np.bool_]) -> Edges:
    """The edges of all rings that have no counterpart; only they are unfolded."""
    xy = rings.xy
    if not len(xy):
        key = np.zeros(0, dtype=np.uint64)
        return Edges(xy, xy, key, key, rings.record)
    x, y = xy[:, 0] - xy[0, 0], xy[:, 1] - xy[0, 1]
    key = _keys(x, y)
    length = rings.stop - rings.start
    flipped = _wrong_way(x, y, rings)
    last = np.zeros(len(xy), dtype=bool)
    last[rings.stop - 1] = True
    first, second = key, np.append(key[1:], key[:1])
    skipped = last | (first == second)
    if not used.all():
        skipped |= np.repeat(~used[rings.record], length)
    turned = np.repeat(flipped, length) if flipped.any() else None
    loose = np.flatnonzero(_without_counterpart(_hashes(first, second, turned), ~skipped))
    ring = np.searchsorted(rings.stop, loose, side="right")
    start = np.where(flipped[ring], loose + 1, loose)
    stop = np.where(flipped[ring], loose, loose + 1)
    return Edges(xy[start], xy[stop], key[start], key[stop], rings.record[ring])


def _keys(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Grid places as single numbers; unique up to 4 295 km."""
    column = np.rint(x / GRID_M).astype(np.int64).view(np.uint64)
    row = np.rint(y / GRID_M).astype(np.int64).view(np.uint64)
    return (column << np.uint64(32)) | (row & np.uint64(0xFFFFFFFF))


def _wrong_way(x: NDArray[np.float64], y: NDArray[np.float64], rings: Rings) -> NDArray[np.bool_]:
    """Shape (r,), rings to turn so that the parcel is to the left: shells clockwise, holes counter-clockwise."""
    cross = np.zeros(len(x))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[rings.stop - 1] = 0
    return np.asarray((np.add.reduceat(cross, rings.start) < 0) != rings.hole)


def _hashes(
    first: NDArray[np.uint64], second: NDArray[np.uint64], turned: NDArray[np.bool_] | None = None
) -> NDArray[np.uint64]:
    """One number an edge: the two directions of an edge differ in the lowest bit only."""
    forward = first < second
    low, high = np.minimum(first, second), np.maximum(first, second)
    mixed = low * _MIX[0]
    mixed ^= mixed >> np.uint64(29)
    mixed += high * _MIX[1]
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX[2]
    mixed |= _ONE
    mixed ^= forward if turned is None else forward ^ turned
    return mixed


def _without_counterpart(hashes: NDArray[np.uint64], counted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Shape (e,), True for counted edges that do not occur exactly once in each direction."""
    alone = np.zeros(len(hashes), dtype=bool)
    order = np.sort(hashes if counted is None else hashes[counted])
    if not len(order):
        return alone
    edge = order >> _ONE
    same = edge[1:] == edge[:-1]
    pair = same & (order[1:] != order[:-1])
    pair[1:] &= ~same[:-1]
    pair[:-1] &= ~same[1:]
    matched = np.zeros(len(order), dtype=bool)
    matched[1:] |= pair
    matched[:-1] |= pair
    left = np.unique(edge[~matched])
    if not len(left):
        return alone
    table = np.zeros(1 << 20, dtype=bool)
    slot = np.uint64((1 << 20) - 1)
    table[left & slot] = True
    mine = hashes >> _ONE
    maybe = np.flatnonzero(table[mine & slot] if counted is None else table[mine & slot] & counted)
    alone[maybe] = left[np.minimum(np.searchsorted(left, mine[maybe]), len(left) - 1)] == mine[maybe]
    return alone


def _cut(edges: Edges, reach_m: NDArray[np.float64], hidden_m2: float) -> tuple[Edges, NDArray[np.float64]]:
    """The edges, cut at the vertices of others that lie on them."""
    slivers = np.zeros(len(reach_m))
    if not len(edges):
        return edges, slivers
    keys, place = np.unique(edges.start_key, return_index=True)
    vertices = edges.start[place]
    edge, vertex, share, away = _near(edges, vertices, keys, reach_m)
    length = np.hypot(*(edges.stop - edges.start).T)
    on_it = np.abs(away) * length[edge] <= hidden_m2
    edge, vertex, share, away = edge[on_it], vertex[on_it], share[on_it], away[on_it]
    np.add.at(slivers, edges.record[edge], np.maximum(away, 0) * length[edge])
    order = np.lexsort((share, edge))
    edge, vertex = edge[order], vertex[order]
    pieces = 1 + np.bincount(edge, minlength=len(edges))
    source = np.repeat(np.arange(len(edges)), pieces)
    start, start_key = edges.start[source], edges.start_key[source]
    stop, stop_key = edges.stop[source], edges.stop_key[source]
    inserted = np.arange(len(edge)) + edge + 1  # a piece that begins at a vertex, after one piece for every edge before
    start[inserted], start_key[inserted] = vertices[vertex], keys[vertex]
    stop[inserted - 1], stop_key[inserted - 1] = vertices[vertex], keys[vertex]
    return Edges(start, stop, start_key, stop_key, edges.record[source]), slivers


def _near(
    edges: Edges, vertices: NDArray[np.float64], keys: NDArray[np.uint64], reach_m: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Vertices beside edges: number of the edge and of the vertex, share of the way, distance to the left in metres."""
    reach = reach_m[edges.record]
    low = np.minimum(edges.start, edges.stop) - reach[:, None]
    high = np.maximum(edges.start, edges.stop) + reach[:, None]
    extent = np.maximum(vertices.max(axis=0) - vertices.min(axis=0), GRID_M)
    expected = len(vertices) * np.prod(np.minimum((high - low) / extent, 1), axis=1)
    short = np.flatnonzero(expected <= MOST_NEAR)
    boxes = shapely.box(low[short, 0], low[short, 1], high[short, 0], high[short, 1])
    tree = shapely.STRtree(shapely.points(vertices))
    found = []
    for number, vertex in box_pairs(boxes, tree):
        edge = short[number]
        along = edges.stop[edge] - edges.start[edge]
        towards = vertices[vertex] - edges.start[edge]
        squared = (along**2).sum(axis=1)
        share = (along * towards).sum(axis=1) / squared
        away = (along[:, 0] * towards[:, 1] - along[:, 1] * towards[:, 0]) / np.sqrt(squared)
        kept = (np.abs(away) <= reach[edge]) & (share > 0) & (share < 1)
        kept &= (keys[vertex] != edges.start_key[edge]) & (keys[vertex] != edges.stop_key[edge])
        found.append((edge[kept], vertex[kept], share[kept], away[kept]))
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0), np.zeros(0)
    edge, vertex, share, away = (np.concatenate(column) for column in zip(*found, strict=True))
    return edge, vertex, share, away
