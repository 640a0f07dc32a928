"""Map tiles: shapes in WGS 84 → Mapbox Vector Tile 2.1, many shapes at once.

Projection: spherical web Mercator (EPSG:3857), by its formula. Clipping: Sutherland and Hodgman 1974, which takes any
ring, also one that crosses itself, in time linear in its vertices; edges that it adds lie in the buffer, outside what
is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from ngoclinh.land.v1.vector_tile_pb2 import (
    VECTOR_TILE_GEOMETRY_TYPE_POINT,
    VECTOR_TILE_GEOMETRY_TYPE_POLYGON,
    VectorTile,
    VectorTileGeometryType,
    VectorTileLayer,
)
from numpy.typing import NDArray

from gis.model import Geometries

CONTENT_TYPE = "application/vnd.mapbox-vector-tile"
EXTENT = 4096
"""Units along a side of a tile."""
BUFFER = 64
"""Units beyond the sides that shapes are kept in, so that their outlines do not show at the sides."""
MAX_LATITUDE = 85.0511287798066
"""Where the world of web Mercator ends: it is a square."""

POINT, POLYGON = VECTOR_TILE_GEOMETRY_TYPE_POINT, VECTOR_TILE_GEOMETRY_TYPE_POLYGON
Value = str | int | float
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOVE_TO, _LINE_TO, _CLOSE_PATH = 9, 2, 15
"""Command 1 once; command 2, to which the count times 8 is added; command 7 once."""


@dataclass(frozen=True)
class Tile:
    """A tile of a web map: zoom level, column from the west, row from the north."""

    z: int
    x: int
    y: int

    def bounds(self, buffer: float = 0.0) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees.

        Args:
            buffer: units that are added at each side, as far as the world goes.
        """
        world, margin = 2.0**self.z, buffer / EXTENT
        west, east = ((self.x + side) / world for side in (-margin, 1 + margin))
        north, south = ((self.y + side) / world for side in (-margin, 1 + margin))
        return (
            _longitude(max(west, 0.0)),
            _latitude(min(south, 1.0)),
            _longitude(min(east, 1.0)),
            _latitude(max(north, 0.0)),
        )

    def locate(self, lonlat: Floats) -> Floats:
        """Units from the upper left corner, x to the right and y down.

        Args:
            lonlat: shape (n, 2), degrees.
        """
        world = 2.0**self.z
        latitude = np.radians(np.clip(lonlat[:, 1], -MAX_LATITUDE, MAX_LATITUDE))
        x = (lonlat[:, 0] / 360 + 0.5) * world - self.x
        y = (0.5 - np.arcsinh(np.tan(latitude)) / (2 * np.pi)) * world - self.y
        return np.column_stack([x, y]) * EXTENT


def polygons(geometries: Geometries, tile: Tile) -> list[list[int]]:
    """The commands that draw shapes, clipped and on whole units.

    Outer rings run clockwise on the screen and holes against it. Rings that have no area on whole units are dropped.

    Args:
        geometries: shape (n,), polygons and multipolygons in degrees; whatever else there is draws nothing.
        tile: where they are drawn.

    Returns:
        for each shape its commands; none where nothing of it is seen.
    """
    parts, owner = shapely.get_parts(geometries, return_index=True)
    areal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, polygon = shapely.get_rings(parts[areal], return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    infinite = np.zeros(len(rings), dtype=bool)
    infinite[ring[~np.isfinite(xy).all(axis=1)]] = True
    wanted = ~infinite[ring] & (ring == np.append(ring[1:], -1))  # without the vertex that closes a ring
    units, ring = _clipped(tile.locate(xy[wanted]), ring[wanted])
    whole = np.rint(units).astype(np.int64)
    moved = (whole != whole[_before(ring)]).any(axis=1)
    whole, ring = whole[moved], ring[moved]

    outer = np.diff(polygon, prepend=-1) != 0
    doubled_area = np.bincount(ring, _cross(whole, ring), len(rings))
    sound = doubled_area != 0
    outer_sound = np.zeros(int(areal.sum()), dtype=bool)
    outer_sound[polygon[outer]] = sound[outer]
    sound &= outer_sound[polygon]
    whole, ring = whole[sound[ring]], ring[sound[ring]]
    whole = whole[_turned(ring, (doubled_area > 0) != outer)]
    return _commands(whole, ring, owner[areal][polygon], len(geometries))


def points(lonlat: Floats, tile: Tile) -> list[list[int]]:
    """The commands that draw single points; none where a point lies beyond the buffer.

    Args:
        lonlat: shape (n, 2), degrees.
        tile: where they are drawn.
    """
    units = tile.locate(lonlat)
    seen: NDArray[np.bool_] = np.all((units >= -BUFFER) & (units <= EXTENT + BUFFER), axis=1)
    whole = _zigzag(np.rint(np.where(seen[:, None], units, 0)).astype(np.int64)).tolist()
    return [[_MOVE_TO, *place] if there else [] for place, there in zip(whole, seen.tolist(), strict=True)]


def layer(
    name: str,
    kind: VectorTileGeometryType.ValueType,
    commands: Sequence[Sequence[int]],
    properties: Sequence[Mapping[str, Value]],
) -> VectorTileLayer:
    """A layer of features.

    Args:
        name: its name.
        kind: POINT or POLYGON.
        commands: for each feature what draws it; a feature without is left out.
        properties: for each feature its attributes.
    """
    made = VectorTileLayer(version=2, name=name, extent=EXTENT)
    keys: dict[str, int] = {}
    values: dict[tuple[type, Value], int] = {}
    for drawing, attributes in zip(commands, properties, strict=True):
        if drawing:
            tags: list[int] = []
            for key, value in attributes.items():
                tags += (keys.setdefault(key, len(keys)), values.setdefault((type(value), value), len(values)))
            made.features.add(type=kind, tags=tags, geometry=drawing)
    made.keys.extend(keys)
    for _, value in values:
        if isinstance(value, str):
            made.values.add(string_value=value)
        elif isinstance(value, int):
            made.values.add(sint_value=value)
        else:
            made.values.add(double_value=value)
    return made


def encode(layers: Sequence[VectorTileLayer]) -> bytes:
    """A tile; layers without features are left out."""
    return VectorTile(layers=[each for each in layers if each.features]).SerializeToString()


def _longitude(x: float) -> float:
    return (x - 0.5) * 360


def _latitude(y: float) -> float:
    return float(np.degrees(np.arctan(np.sinh((0.5 - y) * 2 * np.pi))))


def _before(ring: Ints) -> Ints:
    """For each vertex the position of the one before it in its ring."""
    before = np.arange(-1, len(ring) - 1)
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    before[first] = np.append(first[1:], len(ring))[: len(first)] - 1
    return before


def _clipped(xy: Floats, ring: Ints) -> tuple[Floats, Ints]:
    """Rings cut off beyond the buffer, one side after the other."""
    for axis in (0, 1):
        for sign, limit in ((-1, -BUFFER), (1, EXTENT + BUFFER)):
            inside = sign * xy[:, axis] <= sign * limit
            if inside.all():
                continue
            before = _before(ring)
            crosses = inside != inside[before]
            start, end = xy[before][crosses], xy[crosses]
            share = (limit - start[:, axis]) / (end[:, axis] - start[:, axis])
            cut = start + share[:, None] * (end - start)
            cut[:, axis] = limit
            count = crosses.astype(np.int64) + inside
            place = np.cumsum(count) - count
            clipped = np.empty((int(count.sum()), 2))
            clipped[place[crosses]] = cut
            clipped[(place + crosses)[inside]] = xy[inside]
            xy, ring = clipped, np.repeat(ring, count)
    return xy, ring


def _cross(xy: Ints, ring: Ints) -> Ints:
    """The terms whose sum over a ring is twice its area, positive where it runs clockwise on the screen."""
    x, y = xy.T
    x_before, y_before = xy[_before(ring)].T
    crossed: Ints = x_before * y - x * y_before
    return crossed


def _turned(ring: Ints, backwards: NDArray[np.bool_]) -> Ints:
    """Positions of all vertices, those of some rings in reverse."""
    place = np.arange(len(ring))
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    size = np.diff(first, append=len(ring))
    mirrored = np.repeat(2 * first + size - 1, size) - place
    return np.where(backwards[ring], mirrored, place)


def _zigzag(number: Ints) -> Ints:
    return (number << 1) ^ (number >> 63)


def _commands(xy: Ints, ring: Ints, feature_of_ring: Ints, features: int) -> list[list[int]]:
    """The commands of each feature from its rings: move, lines, close."""
    found: list[list[int]] = [[] for _ in range(features)]
    if not len(ring):
        return found
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    size = np.diff(first, append=len(ring))
    feature = feature_of_ring[ring[first]]
    from_ = np.vstack([[0, 0], xy[:-1]])
    new = np.diff(feature, prepend=-1) != 0
    from_[first[new]] = 0
    step = _zigzag(xy - from_)

    length = 2 * size + 3
    start = np.cumsum(length) - length
    within = np.arange(len(ring)) - np.repeat(first, size)
    place = np.repeat(start, size) + 1 + 2 * within + (within > 0)
    commands = np.empty(int(length.sum()), dtype=np.int64)
    commands[start] = _MOVE_TO
    commands[start + 3] = ((size - 1) << 3) + _LINE_TO
    commands[start + length - 1] = _CLOSE_PATH
    commands[place], commands[place + 1] = step.T

    flat = commands.tolist()
    edges = [*start[new].tolist(), len(flat)]
    for number, begin, end in zip(feature[new].tolist(), edges, edges[1:], strict=False):
        found[number] = flat[begin:end]
    return found
