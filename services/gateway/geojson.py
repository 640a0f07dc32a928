"""GeoJSON of parcels and findings, for maps and GIS programs (RFC 7946, WGS 84)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import grpc.aio
import shapely
from google.protobuf.message import Message
from ngoclinh.land.v1.land_service_pb2 import BatchGetParcelsRequest, ListFindingsRequest, ListParcelsRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import Finding, Parcel
from starlette.requests import Request
from starlette.responses import Response

from services.core import protojson
from services.gateway.transcode import query_message
from services.rpc.caller import reading_for

M = TypeVar("M", bound=Message)

MOST = 2000
"""Most features of one answer; `truncated` says where there are more."""
BATCH = 100
DIGITS = 8
"""Decimals of a degree: about 1 mm."""

_GEOMETRIES = ("source_wkb", "wgs84_wkb", "location_wkb")


class GeoJson:
    """The two collections; they take the query parameters of ListParcels and ListFindings.

    Args:
        channel: where LandService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._land = LandServiceStub(channel)

    async def parcels(self, request: Request) -> Response:
        """Current parcels that match, with their shapes."""
        reading_for("export")
        found, more = await _pages(self._land.ListParcels, _asked(ListParcelsRequest, request), "parcels")
        names = [parcel.name for parcel in found]
        shaped: list[Parcel] = []
        for start in range(0, len(names), BATCH):
            answer = await self._land.BatchGetParcels(BatchGetParcelsRequest(names=names[start : start + BATCH]))
            shaped += answer.parcels
        return await asyncio.to_thread(_collection, map(_parcel, shaped), more)

    async def findings(self, request: Request) -> Response:
        """Findings that match, each at its place; one without a place has no geometry."""
        found, more = await _pages(self._land.ListFindings, _asked(ListFindingsRequest, request), "findings")
        return await asyncio.to_thread(_collection, map(_finding, found), more)


def _asked(kind: type[M], request: Request) -> M:
    return query_message(kind, request.scope["query_string"])


async def _pages(ask: Callable[[Any], Awaitable[Any]], listing: Any, rows: str) -> tuple[list[Any], bool]:
    """As many rows of a listing as an answer takes, from page to page, and whether there are more."""
    listing.page_size = listing.page_size or 1000
    found: list[Any] = []
    while len(found) < MOST:
        page = await ask(listing)
        found += getattr(page, rows)
        listing.page_token = page.next_page_token
        if not listing.page_token:
            break
    return found[:MOST], bool(listing.page_token) or len(found) > MOST


def _collection(features: Iterable[dict[str, Any]], truncated: bool) -> Response:
    body = {"type": "FeatureCollection", "truncated": truncated, "features": list(features)}
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/geo+json")


def _parcel(parcel: Parcel) -> dict[str, Any]:
    geometry = shapely.from_wkb(parcel.wgs84_wkb) if parcel.wgs84_wkb else None
    return _feature(parcel.name, geometry, protojson.to_dict(parcel))


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.location
    point = shapely.Point(place.longitude_deg, place.latitude_deg) if finding.HasField("location") else None
    return _feature(finding.name, point, protojson.to_dict(finding))


def _feature(name: str, geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    for field in _GEOMETRIES:
        properties.pop(field, None)
    shape = None
    if geometry is not None:
        rounded = shapely.transform(geometry, lambda coordinates: coordinates.round(DIGITS))
        shape = json.loads(shapely.to_geojson(shapely.orient_polygons(rounded)))
    return {"type": "Feature", "id": name, "geometry": shape, "properties": properties}
