"""Map tiles of parcels and findings, drawn from the store for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import shapely
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import Finding, Parcel
from ngoclinh.land.v1.vector_tile_pb2 import VectorTileLayer
from ngoclinh.type.v1.type_pb2 import BoundingBox

from gis import mvt
from gis.model import Geometries
from services.core.errors import InvalidField
from services.core.ports import ParcelSquare, ParcelStore

LEAST_ZOOM = 8
"""Below, tiles are empty: a commune is a few pixels there."""
PARCEL_ZOOM = 12
"""From here on parcels are drawn one by one, where a tile has at most `MOST_PARCELS` of them."""
MOST_FINDINGS = 2_000
MOST_BYTES = 3_500_000
"""A gRPC message ends at 4 MiB; a larger tile is drawn in squares."""
SQUARES = 64
"""Squares along a side of a tile."""
MOST_PARCELS = SQUARES**2
"""With more, a parcel is smaller than a square: some 8 pixels."""
AT_ONCE = 2
"""Tiles drawn at a time, so that a map that is dragged about leaves the threads to others too."""


class Tiles:
    """Draws tiles.

    Args:
        store: parcels and findings.
    """

    def __init__(self, store: ParcelStore) -> None:
        self._store = store
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def draw(self, tile: mvt.Tile, import_name: str = "", areas: Sequence[str] = ()) -> bytes:
        """The tile; no bytes where there is nothing to draw.

        Args:
            tile: which one.
            import_name: only parcels and findings of this import; "" for all that are current.
            areas: only those of these communes of today; none for all.

        Raises:
            InvalidField: there is no such column or row.
        """
        for field, place in (("x", tile.x), ("y", tile.y)):
            if not 0 <= place < 2**tile.z:
                last = 2**tile.z - 1
                raise InvalidField(
                    field, f"ở mức {tile.z} phải từ 0 đến {last}", f"must be 0 to {last} at zoom {tile.z}"
                )
        if tile.z < LEAST_ZOOM:
            return b""
        async with self._turn:
            near, wanted, inside = FindingFilter(), ParcelFilter(), ParcelFilter()
            for filter_, buffer in ((near, mvt.BUFFER), (wanted, mvt.BUFFER), (inside, 0)):
                setattr(filter_, "import", import_name)
                filter_.areas.extend(areas)
                filter_.bounds.CopyFrom(_box(tile, buffer))
            findings = (await self._store.findings(near, MOST_FINDINGS)).findings
            if tile.z >= PARCEL_ZOOM:
                parcels = await self._store.within(wanted, MOST_PARCELS + 1)
                if len(parcels) <= MOST_PARCELS:
                    drawn = await asyncio.to_thread(draw_parcels, tile, parcels, findings)
                    if len(drawn) <= MOST_BYTES:
                        return drawn
            squares = await self._store.squares(inside, SQUARES)
            return await asyncio.to_thread(_draw_squares, tile, squares, findings)


def draw_parcels(tile: mvt.Tile, parcels: Sequence[Parcel], findings: Sequence[Finding]) -> bytes:
    """The tile with parcels one by one."""
    shapes = shapely.from_wkb([parcel.wgs84_wkb or None for parcel in parcels], on_invalid="ignore")
    return mvt.encode([parcel_layer(tile, shapes, parcels), _finding_layer(tile, findings)])


def parcel_layer(tile: mvt.Tile, shapes: Geometries, parcels: Sequence[Parcel]) -> VectorTileLayer:
    """The layer of parcels.

    Args:
        tile: which tile.
        shapes: theirs, in degrees; None allowed.
        parcels: what they are.
    """
    properties: list[dict[str, mvt.Value]] = [
        {
            "name": parcel.name,
            "sheet": parcel.sheet,
            "number": parcel.number,
            "land_use_code": parcel.land_use_code,
            "error_count": parcel.error_count,
            "warning_count": parcel.warning_count,
        }
        for parcel in parcels
    ]
    return mvt.layer("parcels", mvt.POLYGON, mvt.polygons(shapes, tile), properties)


def _draw_squares(tile: mvt.Tile, squares: Sequence[ParcelSquare], findings: Sequence[Finding]) -> bytes:
    west, south, east, north = tile.bounds()
    corner = np.array([(square.column, square.row) for square in squares], dtype=np.float64).reshape(-1, 2)
    size = np.array([east - west, north - south]) / SQUARES
    low, high = corner * size + (west, south), (corner + 1) * size + (west, south)
    shapes = np.asarray(shapely.box(*low.T, *high.T), dtype=object)
    properties: list[dict[str, mvt.Value]] = [
        {
            "parcel_count": square.parcel_count,
            "error_count": square.error_count,
            "warning_count": square.warning_count,
        }
        for square in squares
    ]
    layer = mvt.layer("parcels", mvt.POLYGON, mvt.polygons(shapes, tile), properties)
    return mvt.encode([layer, _finding_layer(tile, findings)])


def _finding_layer(tile: mvt.Tile, findings: Sequence[Finding]) -> VectorTileLayer:
    places = np.array([(one.location.longitude_deg, one.location.latitude_deg) for one in findings], dtype=np.float64)
    properties: list[dict[str, mvt.Value]] = [
        {"name": one.name, "rule_code": one.rule_code, "severity": one.severity} for one in findings
    ]
    return mvt.layer("findings", mvt.POINT, mvt.points(places.reshape(-1, 2), tile), properties)


def _box(tile: mvt.Tile, buffer: float) -> BoundingBox:
    west, south, east, north = tile.bounds(buffer)
    return BoundingBox(west_deg=west, south_deg=south, east_deg=east, north_deg=north)
