"""Faults that are put into a fabric and labelled, so that it is known what a check must find and where."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Geometries

Ring = NDArray[np.float64]

OVERLAP_M, SLIVER_M = 1.2, 0.08
"""How far a bend is pushed: for an overlap or gap that is an error, and for one that is a sliver."""

SPIKE_M, SPIKE_BASE_M = 8.0, 0.02


@dataclass(frozen=True)
class Fault:
    """A fault that was put in."""

    kind: str
    """One of `FAULT_KINDS`."""
    rule: str
    """Id of the rule that must find it."""
    record: int
    """The record that was changed, or for a duplicate the one that was copied."""
    other: int
    """The neighbour, or the copy; -1 where there is none."""
    place: tuple[float, float]
    """Where it is."""

    @property
    def records(self) -> frozenset[int]:
        """The records that the finding must name."""
        return frozenset({self.record, self.other} - {-1} if self.kind in NAMED else {self.record})


def inject(geometry: Geometries, kinds: Sequence[str], seed: int) -> tuple[Geometries, tuple[Fault, ...]]:
    """A fabric with faults in parcels that do not touch each other; duplicates are added at the end.

    Args:
        geometry: shape (n,), a fabric without faults.
        kinds: kinds of faults, one after the other as often as there is room: at most one in 36 parcels.
        seed: of the random choice.

    Returns:
        the shapes, and the faults in the order of `kinds`.
    """
    rng = np.random.default_rng(seed)
    tree = shapely.STRtree(geometry)
    changed, taken = geometry.copy(), np.zeros(len(geometry), dtype=bool)
    copies: list[shapely.Geometry] = []
    faults: list[Fault] = []
    waiting = list(kinds)
    for record in rng.permutation(len(geometry)).tolist():
        if not waiting:
            break
        near = tree.query(geometry[record].buffer(ROOM_M))
        if taken[near].any():
            continue
        if waiting[0] == "duplicate":
            copies.append(geometry[record])
            fault: Fault | None = Fault(
                "duplicate",
                "parcels_duplicate",
                record,
                len(geometry) + len(copies) - 1,
                _point(geometry[record].representative_point()),
            )
        else:
            fault = _changed(waiting[0], record, changed, tree)
        if fault is not None:
            faults.append(fault)
            taken[near] = True
            waiting.pop(0)
    if waiting:
        raise ValueError(f"no room for {len(waiting)} of {len(kinds)} faults in {len(geometry)} parcels")
    shapes = np.empty(len(geometry) + len(copies), dtype=object)
    shapes[: len(geometry)] = changed
    shapes[len(geometry) :] = copies
    return shapes, tuple(faults)


ROOM_M = 25.0
"""Faults keep this distance from each other's parcels."""


def _changed(kind: str, record: int, shapes: Geometries, tree: shapely.STRtree) -> Fault | None:
    """Puts a fault into one shape in place; None where the shape has no boundary that suits."""
    rule, change = FAULT_KINDS[kind]
    ring = shapely.get_coordinates(shapes[record])[:-1]
    for at in _longest_first(ring):
        middle = shapely.Point((ring[at] + ring[(at + 1) % len(ring)]) / 2)
        touching = [int(one) for one in tree.query(middle, predicate="dwithin", distance=0.3) if one != record]
        if len(touching) != 1:
            continue
        made = change(ring, at)
        if made is None:
            continue
        shape = shapely.Polygon(np.round(made[0], 3))
        if shape.is_valid != (kind == "bow_tie"):
            shapes[record] = shape
            return Fault(kind, rule, record, touching[0] if kind in WITH_NEIGHBOUR else -1, made[1])
    return None


def _longest_first(ring: Ring) -> list[int]:
    length = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T)
    return [int(at) for at in np.argsort(-length, kind="stable")]


def _pushed(distance: float) -> Callable[[Ring, int], tuple[Ring, tuple[float, float]] | None]:
    """A change that puts a corner beside the middle of an edge; to the right of a counter-clockwise ring is outside."""

    def change(ring: Ring, at: int) -> tuple[Ring, tuple[float, float]] | None:
        start, stop = ring[at], ring[(at + 1) % len(ring)]
        along = stop - start
        length = float(math.hypot(*along))
        if length < 2.0:
            return None
        outwards = np.array([along[1], -along[0]]) / length
        corner = (start + stop) / 2 + outwards * distance
        made = np.insert(ring, at + 1, corner, axis=0)
        return made, _point(shapely.Point(corner - outwards * distance / 2))

    return change


def _bow_tie(ring: Ring, at: int) -> tuple[Ring, tuple[float, float]] | None:
    """Two neighbouring corners in the wrong order."""
    if len(ring) < 4:
        return None
    made, after = ring.copy(), (at + 1) % len(ring)
    made[[at, after]] = made[[after, at]]
    return made, _point(shapely.Point((ring[at] + ring[after]) / 2))


def _spike(ring: Ring, at: int) -> tuple[Ring, tuple[float, float]] | None:
    """A needle outwards from the middle of an edge."""
    start, stop = ring[at], ring[(at + 1) % len(ring)]
    along = stop - start
    length = float(math.hypot(*along))
    if length < 2.0:
        return None
    middle, unit = (start + stop) / 2, along / length
    tip = middle + np.array([unit[1], -unit[0]]) * SPIKE_M
    base = unit * SPIKE_BASE_M / 2
    made = np.insert(ring, at + 1, np.array([middle - base, tip, middle + base]), axis=0)
    return made, _point(shapely.Point(tip))


def _point(point: shapely.Point) -> tuple[float, float]:
    return float(point.x), float(point.y)


FAULT_KINDS: dict[str, tuple[str, Callable[[Ring, int], tuple[Ring, tuple[float, float]] | None]]] = {
    "overlap": ("parcels_overlap", _pushed(OVERLAP_M)),
    "gap": ("gap_between_parcels", _pushed(-OVERLAP_M)),
    "sliver_overlap": ("parcels_overlap", _pushed(SLIVER_M)),
    "sliver_gap": ("gap_between_parcels", _pushed(-SLIVER_M)),
    "bow_tie": ("ring_crosses_itself", _bow_tie),
    "spike": ("boundary_spike", _spike),
    "duplicate": ("parcels_duplicate", lambda ring, at: None),
}
"""Kinds of faults: the rule that must find each, and how a ring is changed at an edge."""

NAMED = frozenset({"overlap", "gap", "sliver_overlap", "sliver_gap", "duplicate"})
"""Kinds whose finding is about two records. A spike or a bow-tie is one parcel's fault, though it may overlap another."""

WITH_NEIGHBOUR = frozenset({"overlap", "gap", "sliver_overlap", "sliver_gap", "spike"})
"""Kinds that a neighbour takes part in."""
