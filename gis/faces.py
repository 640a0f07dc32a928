"""The faces that loose edges enclose, and how many parcels cover each.

Where one parcel ends at a matched edge another begins, so the number of parcels over a place changes at loose edges only:
it is one number for a whole face. 0 is a gap (or a road), 1 is as it should be, 2 or more is an overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.derived import derived
from gis.edges import GRID_M, Edges
from gis.ground import ground
from gis.model import Context, Geometries, ParcelTable
from gis.pairs import box_pairs

MOST_CROSSINGS = 20_000
"""Pairs of loose edges whose boxes may meet, besides twenty an edge; more are a tangle, not boundaries."""


@dataclass(frozen=True, eq=False)
class Faces:
    """What the loose edges of a sheet enclose; f faces.

    Attributes:
        face: shape (f,), polygons.
        inside: shape (f,), a point in each.
        width_m: shape (f,), 2 · area / perimeter.
        cover: shape (f,), how many sound parcels cover it, of copies one; told at the point inside.
        held: shape (f,), True where any shape covers it, repaired ones too.
        tangled: True where the edges cross too often to be boundaries; then there are no faces.
    """

    face: Geometries
    inside: Geometries
    width_m: NDArray[np.float64]
    cover: NDArray[np.int64]
    held: NDArray[np.bool_]
    tangled: bool = False

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Shape (f,), True for faces that two parcels may share: covered twice, or too thin to tell by a point."""
        return (self.cover > 1) | (self.width_m < GRID_M)


@derived
def faces(parcels: ParcelTable, ctx: Context) -> Faces:
    """The faces of a sheet."""
    found = ground(parcels, ctx)
    made = _enclosed(found.edges.edges)
    none = np.zeros(0, dtype=object)
    if made is None:
        return Faces(none, none, np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), tangled=True)
    inside = shapely.point_on_surface(made)
    number, record = found.tree.query(inside, predicate="intersects")
    counted = (found.whole & found.single)[record]
    covered = np.bincount(number[counted], minlength=len(made))
    return Faces(made, inside, width_m(made), covered, np.isin(np.arange(len(made)), number))


def width_m(shape: shapely.Geometry | Geometries) -> NDArray[np.float64]:
    """Width of thin faces: 2 · area / perimeter."""
    return np.asarray(2 * shapely.area(shape) / np.maximum(shapely.length(shape), 1e-12))


def _enclosed(edges: Edges) -> Geometries | None:
    """All faces that the edges enclose; None where the edges are too tangled."""
    if not len(edges):
        return np.zeros(0, dtype=object)
    keys = np.concatenate([edges.start_key, edges.stop_key])
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    xy = np.concatenate([edges.start, edges.stop])[first]  # one place for all vertices of one key
    ends = np.sort(place.reshape(2, -1), axis=0)
    ends = np.unique(ends[0] * len(first) + ends[1])
    lines = shapely.linestrings(np.stack([xy[ends // len(first)], xy[ends % len(first)]], axis=1))
    met = 0
    for number, _ in box_pairs(lines, shapely.STRtree(lines)):
        met += len(number)
        if met > MOST_CROSSINGS + 20 * len(lines):
            return None
    noded = shapely.get_parts(shapely.union_all(lines))
    return np.asarray(shapely.get_parts(shapely.polygonize(noded)))
