"""Tiles read back as the specification says, apart from the encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from ngoclinh.land.v1.vector_tile_pb2 import VectorTile, VectorTileFeature, VectorTileLayer

from gis.mvt import EXTENT, Tile

Ring = list[tuple[int, int]]


def rings(feature: VectorTileFeature) -> list[Ring]:
    """The rings, or the points, of a feature in units."""
    found: list[Ring] = []
    x = y = 0
    numbers = iter(feature.geometry)
    for command in numbers:
        kind, count = command & 7, command >> 3
        if kind == 7:
            continue
        for _ in range(count):
            step = [(number >> 1) ^ -(number & 1) for number in (next(numbers), next(numbers))]
            x, y = x + step[0], y + step[1]
            if kind == 1:
                found.append([])
            found[-1].append((x, y))
    return found


def doubled_area(ring: Ring) -> int:
    """Positive for an outer ring."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True))


def shape(feature: VectorTileFeature) -> shapely.Geometry:
    """The polygons of a feature in units, put together by the winding of the rings."""
    polygons: list[tuple[Ring, list[Ring]]] = []
    for ring in rings(feature):
        if doubled_area(ring) > 0:
            polygons.append((ring, []))
        else:
            polygons[-1][1].append(ring)
    return shapely.MultiPolygon(polygons)


def on_earth(geometry: shapely.Geometry, tile: Tile) -> shapely.Geometry:
    """A shape in units as it lies in longitude and latitude: the inverse of the web Mercator projection."""

    def place(units: Any) -> Any:
        x, y = ((units / EXTENT + (tile.x, tile.y)) / 2**tile.z).T
        return np.column_stack([x * 360 - 180, np.degrees(2 * np.arctan(np.exp(np.pi * (1 - 2 * y))) - np.pi / 2)])

    return shapely.transform(geometry, place)


def layers(data: bytes) -> dict[str, VectorTileLayer]:
    """The layers of a tile by name."""
    return {layer.name: layer for layer in VectorTile.FromString(data).layers}


def features(data: bytes, name: str) -> list[tuple[dict[str, Any], VectorTileFeature]]:
    """Attributes and features of a layer; none where the tile has no such layer."""
    layer = layers(data).get(name, VectorTileLayer())
    values = [getattr(value, value.ListFields()[0][0].name) for value in layer.values]
    return [
        ({layer.keys[key]: values[value] for key, value in zip(*[iter(one.tags)] * 2, strict=True)}, one)
        for one in layer.features
    ]
