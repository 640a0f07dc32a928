"""A fabric of parcels that share every boundary: Voronoi cells whose edges are bent the same way on both sides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Geometries

SPACING_M = 20.0
"""Distance of the cells' centres: parcels of about 400 m²."""

PIECE_M = 4.8
"""Boundaries are bent about every so many metres."""

BEND_M = 0.25
"""Largest sideways shift of a bend."""

NODE_GRID_M = 0.05
"""Corners where three parcels meet lie on this grid, so that no two are nearer."""

ORIGIN = (530_000.0, 1_670_000.0)
"""Lower left corner, EPSG:5899, near Trà My."""


@dataclass(frozen=True, eq=False)
class Fabric:
    """Parcels without faults: a valid coverage on the millimetre grid.

    Attributes:
        geometry: shape (n,), polygons, counter-clockwise.
        t_junctions: how many vertices stand on one side of a boundary only.
    """

    geometry: Geometries
    t_junctions: int


def fabric(n: int, seed: int, t_junction_share: float = 0.0, origin: tuple[float, float] = ORIGIN) -> Fabric:
    """At least `n` parcels in a square, the same for the same arguments.

    Args:
        n: how many parcels are wanted; the next square number is made.
        seed: of the random numbers.
        t_junction_share: vertices that stand on one side of a boundary only, as a share of all vertices of all rings.
        origin: lower left corner, east and north in metres.
    """
    rng = np.random.default_rng(seed)
    start, stop, ring = _cell_edges(math.ceil(math.sqrt(max(n, 1))), rng)
    chains, size = _bent(start, stop, rng)
    t_junctions = 0
    if t_junction_share > 0:
        chains, size, t_junctions = _one_sided(chains, size, t_junction_share, rng)
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    ring_size = np.add.reduceat(size, first)
    vertex_ring = np.repeat(np.arange(len(first)), ring_size)
    xy = np.round(chains + np.asarray(origin), 3)
    rings = shapely.linearrings(xy, indices=vertex_ring)
    return Fabric(np.asarray(shapely.polygons(rings), dtype=object), t_junctions)


def _cell_edges(
    side: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Directed edges of side² Voronoi cells, cell by cell: starts and ends of shape (e, 2), and the cell of each."""
    steps = np.arange(-1, side + 1)
    centres = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * SPACING_M
    centres = centres + rng.uniform(-0.28, 0.28, centres.shape) * SPACING_M
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(centres), ordered=True))
    inner = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    cells = cells[((inner >= 0) & (inner < side)).all(axis=1)]
    cells = shapely.orient_polygons(cells)
    xy, ring = shapely.get_coordinates(cells, return_index=True)
    xy = np.round(xy / NODE_GRID_M) * NODE_GRID_M
    same = (ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    return xy[:-1][same], xy[1:][same], ring[:-1][same]


def _bent(
    start: NDArray[np.float64], stop: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each directed edge as its first vertex and its bends, the same bends for both directions.

    Returns:
        vertices of all edges one after the other, and the number of each edge's.
    """
    forward = (start[:, 0] < stop[:, 0]) | ((start[:, 0] == stop[:, 0]) & (start[:, 1] < stop[:, 1]))
    low = np.where(forward[:, None], start, stop)
    high = np.where(forward[:, None], stop, start)
    _, first, which = np.unique(_place_key((low + high) / 2), return_index=True, return_inverse=True)
    low, high = low[first], high[first]
    along = high - low
    length = np.hypot(along[:, 0], along[:, 1])
    pieces = np.maximum(np.rint(length / PIECE_M).astype(np.int64), 1)
    most = int(pieces.max(initial=1))
    bend = rng.uniform(-1, 1, (len(first), most)) * np.minimum(BEND_M, length / 20)[:, None]
    size = pieces[which]
    edge = np.repeat(np.arange(len(start)), size)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(size) - size, size)
    shared = which[edge]
    number = np.where(forward[edge], place, size[edge] - place)
    share = number / size[edge]
    side = np.where(place == 0, 0.0, bend[shared, number % most])
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(length, 1e-9)[:, None]
    xy = low[shared] + along[shared] * share[:, None] + normal[shared] * side[:, None]
    return np.where((place == 0)[:, None], start[edge], xy), size


def _one_sided(
    xy: NDArray[np.float64], size: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Vertices in the middle of some pieces of boundary, on one of its two sides only."""
    xy = np.round(xy, 3)
    edge = np.repeat(np.arange(len(size)), size)
    after = np.arange(1, len(xy) + 1)
    inside = np.append(edge[1:] == edge[:-1], False)
    inside &= np.hypot(*(xy - xy[after % len(xy)]).T) > 1.0
    chosen = np.flatnonzero(inside & (rng.random(len(xy)) < share * len(xy) / max(inside.sum(), 1)))
    middle = (xy[chosen] + xy[chosen + 1]) / 2
    _, first = np.unique(_place_key(middle), return_index=True)
    chosen, middle = chosen[first], middle[first]
    size = size + np.bincount(edge[chosen], minlength=len(size))
    return np.insert(xy, chosen + 1, middle, axis=0), size, len(chosen)


def _place_key(xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """One number a place, to a tenth of a millimetre."""
    grid = np.rint((xy + 2 * SPACING_M) * 1e4).astype(np.int64)
    return np.asarray((grid[:, 0] << 32) ^ grid[:, 1])
