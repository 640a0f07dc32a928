"""Directed edges of a sheet: those that no neighbour runs the other way.

In a clean coverage every boundary occurs once in each direction. So the edges, on a grid of 0.1 mm and with all rings
turned the same way, are sorted; what is left without exactly one counterpart marks the parcels to look at. Vertices that
only one of two neighbours has (T-junctions) leave edges of both unmatched: an edge and the chain of edges that runs back
along it, within the position error and with less than a face between them, balance each other too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.shapes import Rings

GRID_M = 0.0001
"""Vertices are compared on this grid, a tenth of the resolution of the cadastral plane: what two vertices that count as one
can hide along an edge of 70 m is below the limits of T01 and T02."""

MOST_MISSING = 8
"""An edge on whose other side more vertices stand is looked at by GEOS."""

MOST_WAYS = 8
"""So is an edge whose other side passes a vertex from which more loose edges start."""

TABLE_BITS = 22
"""Size of the table that sorts out most matched edges before the exact look-up."""

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
        edges: edges without counterpart, those at T-junctions left out.
        loose: edges without exactly one counterpart, those at T-junctions too.
        slivers: shape (n,), upper bound in m² of a record's area that neighbours hold too, for all its T-junctions.
    """

    edges: Edges
    loose: Edges
    slivers: NDArray[np.float64]


def unmatched(rings: Rings, used: NDArray[np.bool_], reach_m: NDArray[np.float64], hidden_m2: float) -> Unmatched:
    """The edges of a sheet without a counterpart.

    Args:
        rings: the rings of the sheet.
        used: shape (n,), False for records to leave out.
        reach_m: shape (n,), how far from an edge of a record a vertex of its neighbour may be to lie on it.
        hidden_m2: largest sliver between an edge and the vertices on it; with a larger one they do not lie on it.
    """
    loose = _loose_edges(rings, used)
    balanced, slivers = _closed(loose, reach_m, hidden_m2)
    return Unmatched(loose[~balanced], loose, slivers)


def _loose_edges(rings: Rings, used: NDArray[np.bool_]) -> Edges:
    """The edges of all rings that have no counterpart; only they are unfolded."""
    xy = rings.xy
    if not len(xy):
        key = np.zeros(0, dtype=np.uint64)
        return Edges(xy, xy, key, key, rings.record)
    key = _keys(rings.x, rings.y)
    length = rings.stop - rings.start
    flipped = _wrong_way(rings)
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
    """Grid places as single numbers; unique up to 429 km; farther apart, an accident in both directions."""
    column = np.rint(x / GRID_M).astype(np.int64).view(np.uint64)
    row = np.rint(y / GRID_M).astype(np.int64).view(np.uint64)
    return (column << np.uint64(32)) | (row & np.uint64(0xFFFFFFFF))


def _wrong_way(rings: Rings) -> NDArray[np.bool_]:
    """Shape (r,), rings to turn so that the parcel is to the left: shells clockwise, holes counter-clockwise."""
    x, y = rings.x, rings.y
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
    left = edge[~matched]
    if not len(left):
        return alone
    table = np.zeros(1 << TABLE_BITS, dtype=bool)
    slot = np.uint64((1 << TABLE_BITS) - 1)
    table[left & slot] = True
    mine = hashes >> _ONE
    maybe = np.flatnonzero(table[mine & slot] if counted is None else table[mine & slot] & counted)
    alone[maybe] = left[np.minimum(np.searchsorted(left, mine[maybe]), len(left) - 1)] == mine[maybe]
    return alone


def _closed(
    edges: Edges, reach_m: NDArray[np.float64], hidden_m2: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Edges that balance each other at T-junctions, and the slivers that this hides.

    From the end of each edge the other side is walked back to its start, along loose edges whose vertices lie on it.

    Returns:
        shape (e,), True for an edge and the chain on its other side; and `Unmatched.slivers`.
    """
    slivers = np.zeros(len(reach_m))
    along = edges.stop - edges.start
    length = np.hypot(along[:, 0], along[:, 1])
    near = np.minimum(reach_m[edges.record], hidden_m2 / np.maximum(length, GRID_M))
    order = np.argsort(edges.start_key, kind="stable")
    sorted_start = edges.start_key[order]
    edge, at = np.arange(len(edges)), edges.stop_key
    share, inside = np.ones(len(edges)), np.zeros(len(edges))
    steps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # of each step: the state before it, the edge it took
    chains: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for _ in range(MOST_MISSING + 1):
        state, way = _ways(sorted_start, at)
        mine, taken = edge[state], order[way]
        home = edges.stop_key[taken] == edges.start_key[mine]
        towards = edges.stop[taken] - edges.start[mine]
        away = (along[mine, 0] * towards[:, 1] - along[mine, 1] * towards[:, 0]) / length[mine]
        back = (along[mine] * towards).sum(axis=1) / length[mine] ** 2
        on = (np.abs(away) <= near[mine]) & (back > 0) & (back < share[state]) & ~home
        if steps:
            first = np.unique(mine[home], return_index=True)[1]
            arrived = np.flatnonzero(home)[first]
            chains += _walked(steps, state[arrived], mine[arrived], taken[arrived])
            np.add.at(slivers, edges.record[mine[arrived]], (inside[state] * length[mine])[arrived])
        steps.append((state[on], taken[on]))
        edge, at, share = mine[on], edges.stop_key[taken[on]], back[on]
        inside = np.maximum(inside[state[on]], away[on])
        if not len(edge):
            break
    return _balanced(chains, len(edges)), slivers


def _ways(sorted_start: NDArray[np.uint64], at: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a place and an edge that begins there: indices into `at` and `sorted_start`. Too many ways are none."""
    low = np.searchsorted(sorted_start, at, side="left")
    ways = np.searchsorted(sorted_start, at, side="right") - low
    ways[ways > MOST_WAYS] = 0
    state = np.repeat(np.arange(len(at)), ways)
    return state, low[state] + np.arange(len(state)) - np.repeat(np.cumsum(ways) - ways, ways)


def _balanced(chains: list[tuple[NDArray[np.int64], NDArray[np.int64]]], count: int) -> NDArray[np.bool_]:
    """Shape (count,), True for the edges and the members of their chains; an edge that is used twice spoils its chains."""
    balanced = np.zeros(count, dtype=bool)
    if chains:
        owner, member = (np.concatenate(column) for column in zip(*chains, strict=True))
        uses = np.bincount(member, minlength=count) + np.bincount(np.unique(owner), minlength=count)
        spoilt = uses > 1
        spoilt[owner[uses[member] > 1]] = True
        kept = ~spoilt[owner]
        balanced[member[kept]] = True
        balanced[owner[kept]] = True
    return balanced


def _walked(
    steps: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    state: NDArray[np.int64],
    owner: NDArray[np.int64],
    last: NDArray[np.int64],
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The chains that arrived, step by step backwards: the edge that each balances, and an edge of the chain."""
    found = [(owner, last)]
    for before, taken in reversed(steps):
        found.append((owner, taken[state]))
        state = before[state]
    return found


def copies(edges: Edges) -> list[tuple[int, ...]]:
    """Groups of records with the same loose edges, in rising order: all edges of a copy are loose."""
    if not len(edges):
        return []
    first = np.flatnonzero(np.diff(edges.record, prepend=-1))
    sums = np.add.reduceat(_hashes(edges.start_key, edges.stop_key) * _MIX[0], first)
    order = np.argsort(sums, kind="stable")
    same = np.flatnonzero(np.diff(sums[order]) == 0)
    if not len(same):
        return []
    run = np.flatnonzero(np.diff(same, prepend=-2) > 1)
    records = edges.record[first][order]
    lasts = np.append(same[run[1:] - 1], same[-1]) + 1
    return [tuple(records[at : last + 1].tolist()) for at, last in zip(same[run], lasts, strict=True)]
