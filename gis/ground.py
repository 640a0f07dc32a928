"""The shapes that are compared with each other: sound ones as they are, invalid ones repaired within bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.edges import Unmatched, copies, unmatched
from gis.limits import position_error_m, scales, tolerance
from gis.model import Context, Geometries, ParcelTable
from gis.shapes import invalid, shapes


@dataclass(frozen=True, eq=False)
class Ground:
    """What is compared.

    Attributes:
        shape: shape (n,), None for what cannot be compared.
        tree: finds shapes by their boxes; numbers are records.
        whole: shape (n,), True for sound shapes, whose edges take part.
        single: shape (n,), True for shapes to compare, of copies the first only.
        copies: groups of records with the same edges.
        edges: what is left of the edges.
        uncompared: records whose shape is invalid and too large to repair, or cannot be repaired.
    """

    shape: Geometries
    tree: shapely.STRtree
    whole: NDArray[np.bool_]
    single: NDArray[np.bool_]
    copies: list[tuple[int, ...]]
    edges: Unmatched
    uncompared: list[int]


@derived
def ground(parcels: ParcelTable, ctx: Context) -> Ground:
    """The shapes of a sheet, made ready to compare."""
    found = shapes(parcels, ctx)
    shape = np.full(len(parcels), None, dtype=object)
    shape[found.usable] = found.geometry
    whole = ~shapely.is_missing(shape)
    whole[list(invalid(parcels, ctx))] = False
    uncompared = []
    for record in invalid(parcels, ctx):
        shape[record] = _repaired(shape[record], tolerance(ctx, "rules.repair_vertices"))
        if shape[record] is None:
            uncompared.append(record)
    reach = position_error_m(ctx, scales(parcels, ctx))
    hidden = min(tolerance(ctx, "rules.overlap_m2"), tolerance(ctx, "rules.gap_m2"))
    edges = unmatched(found.rings, whole, reach, hidden)
    groups = copies(edges.loose)
    single = ~shapely.is_missing(shape)
    single[[record for group in groups for record in group[1:]]] = False
    return Ground(shape, shapely.STRtree(shape), whole, single, groups, edges, uncompared)


def polygons_of(shapes: Geometries) -> tuple[Geometries, NDArray[np.int64]]:
    """The polygons in any geometries, and for each the number of the geometry that it comes from, rising."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, part_owner = shapely.get_parts(parts, return_index=True)
    polygons = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    return parts[polygons], owner[part_owner[polygons]]


def _repaired(shape: shapely.Geometry, most_vertices: float) -> shapely.Geometry | None:
    """The polygons in an invalid shape; None where it has too many vertices or holds none."""
    if shapely.get_num_coordinates(shape) > most_vertices:
        return None
    pieces, _ = polygons_of(np.array([shapely.make_valid(shape, method="structure", keep_collapsed=False)]))
    repaired = shapely.multipolygons(pieces) if len(pieces) else None
    return repaired if repaired is not None and shapely.is_valid(repaired) else None
