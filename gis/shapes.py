"""The geometry of a sheet as rules compute with it: usable shapes, rings as flat arrays, validity, areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.limits import tolerance
from gis.model import Context, Geometries, ParcelTable

POLYGON, MULTIPOLYGON = 3, 6
LINES = (1, 2, 5)

LEAST_POINTS = 4
"""Coordinates of the smallest ring, a triangle."""

FAR_FROM_ORIGIN_M = 100_000.0
"""A vertex (0, 0) is a fault in a sheet whose middle is farther from the origin."""


@dataclass(frozen=True, eq=False)
class Rings:
    """The closed rings of all usable parcels in flat arrays; m vertices, r rings.

    Attributes:
        xy: shape (m, 2), vertices of all rings one after the other, the first of a ring repeated at its end.
        x: shape (m,), eastings from the first vertex of the sheet.
        y: shape (m,), northings from there.
        start: shape (r,), index of the first vertex of each ring.
        stop: shape (r,), index after its last vertex.
        record: shape (r,), record to which each ring belongs.
        hole: shape (r,), True for inner rings.
    """

    xy: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    record: NDArray[np.int64]
    hole: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shapes:
    """The geometry of a sheet as far as it can be computed with.

    Attributes:
        usable: shape (k,), records with a polygon or multipolygon of finite coordinates and not too many vertices.
        geometry: shape (k,), their shapes.
        rings: their rings.
        faults: record to the reason why its geometry is not usable: "open" or "short" for rings that came as lines,
            else a case of the rule `coordinates_unusable`.
    """

    usable: NDArray[np.int64]
    geometry: Geometries
    rings: Rings
    faults: dict[int, str]


@derived
def shapes(parcels: ParcelTable, ctx: Context) -> Shapes:
    """The usable shapes of a sheet, and what is wrong with the others."""
    kind = shapely.get_type_id(parcels.geometry)
    vertices = shapely.get_num_coordinates(parcels.geometry)
    faults: dict[int, str] = {}

    def exclude(mask: NDArray[np.bool_], reason: str) -> None:
        for record in np.flatnonzero(mask).tolist():
            faults.setdefault(record, reason)

    area_like = (kind == POLYGON) | (kind == MULTIPOLYGON)
    exclude(kind < 0, "none")
    exclude(vertices == 0, "empty")
    lines = np.flatnonzero(np.isin(kind, LINES))
    faults.update((record, _line_fault(parcels.geometry[record])) for record in lines.tolist())
    exclude(~area_like, "kind")
    exclude(vertices > tolerance(ctx, "rules.max_vertices"), "too_many")
    usable = _others(np.arange(len(parcels)), faults)
    rings = _rings(parcels.geometry, usable)
    for reason, bad in _bad_vertices(rings.xy, tolerance(ctx, "rules.max_coordinate_m")):
        vertex_ring = np.searchsorted(rings.stop, np.flatnonzero(bad), side="right")
        for record in np.unique(rings.record[vertex_ring]).tolist():
            faults.setdefault(record, reason)
    kept = _others(usable, faults)
    if len(kept) != len(usable):
        rings = _rings(parcels.geometry, kept)
    return Shapes(kept, parcels.geometry[kept], rings, faults)


def _line_fault(line: shapely.Geometry) -> str:
    """What keeps lines from being the rings of a polygon; "kind" for proper rings, which are no polygon either."""
    parts = shapely.get_parts(line)
    if not shapely.is_closed(parts).all():
        return "open"
    return "short" if (shapely.get_num_coordinates(parts) < LEAST_POINTS).any() else "kind"


def _others(records: NDArray[np.int64], faults: dict[int, str]) -> NDArray[np.int64]:
    return records[~np.isin(records, list(faults))] if faults else records


def _bad_vertices(xy: NDArray[np.float64], limit: float) -> list[tuple[str, NDArray[np.bool_]]]:
    """Cases of unusable coordinates with a mask of vertices each."""
    found: list[tuple[str, NDArray[np.bool_]]] = []
    if not len(xy):
        return found
    if not (-limit <= xy.min() and xy.max() <= limit):  # also where they are NaN
        found.append(("not_finite", np.any(~np.isfinite(xy), axis=1)))
        found.append(("too_large", np.any(np.abs(xy) > limit, axis=1)))
    if xy[:, 0].min() <= 0:
        zero = np.all(xy == 0, axis=1)
        if zero.any() and not zero.all() and np.hypot(*np.median(xy[~zero], axis=0)) > FAR_FROM_ORIGIN_M:
            found.append(("origin", zero))
    return found


def _rings(geometry: Geometries, usable: NDArray[np.int64]) -> Rings:
    parts, record = geometry[usable], usable
    if (shapely.get_type_id(parts) == MULTIPOLYGON).any():
        parts, index = shapely.get_parts(parts, return_index=True)
        record = usable[index]
    holes = shapely.get_num_interior_rings(parts).astype(np.int64)
    full = ~shapely.is_empty(parts)
    rings_of_part = np.where(full, holes + 1, 0)
    first = np.cumsum(rings_of_part) - rings_of_part
    size = np.empty(rings_of_part.sum(), dtype=np.int64)
    size[first[full]] = shapely.get_num_coordinates(parts[full])
    if holes.any():
        pierced = np.flatnonzero(holes)
        rings, index = shapely.get_rings(parts[pierced], return_index=True)
        place = first[pierced][index] + np.arange(len(rings)) - np.searchsorted(index, index)
        size[place] = shapely.get_num_coordinates(rings)
    stop = np.cumsum(size)
    hole = np.ones(len(size), dtype=bool)
    hole[first[full]] = False
    full = size > 0  # a hole may be empty
    owner = np.repeat(record, rings_of_part)
    xy = shapely.get_coordinates(parts)
    x, y = (xy[:, axis] - xy[0, axis] if len(xy) else xy[:, axis] for axis in (0, 1))
    return Rings(xy, x, y, (stop - size)[full], stop[full], owner[full], hole[full])


@derived
def invalid(parcels: ParcelTable, ctx: Context) -> dict[int, str]:
    """Records whose usable shape is not valid, with the reason of GEOS. Example: "Self-intersection[3 4]"."""
    found = shapes(parcels, ctx)
    bad = np.flatnonzero(~shapely.is_valid(found.geometry))
    reasons = shapely.is_valid_reason(found.geometry[bad])
    return dict(zip(found.usable[bad].tolist(), reasons.tolist(), strict=True))


@derived
def sound(parcels: ParcelTable, ctx: Context) -> NDArray[np.bool_]:
    """Shape (n,), True for records with a usable and valid shape."""
    mask = np.zeros(len(parcels), dtype=bool)
    mask[shapes(parcels, ctx).usable] = True
    mask[list(invalid(parcels, ctx))] = False
    return mask


@derived
def areas(parcels: ParcelTable, ctx: Context) -> NDArray[np.float64]:
    """Shape (n,), areas in square metres of the plane; NaN where the shape is not sound."""
    computed = np.full(len(parcels), np.nan)
    good = sound(parcels, ctx)
    computed[good] = shapely.area(parcels.geometry[good])
    return computed
