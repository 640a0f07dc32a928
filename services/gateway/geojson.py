"""GeoJSON of parcels and findings, for maps and GIS programs (RFC 7946, WGS 84)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import grpc.aio
import shapely
from ngoclinh.land.v1.land_service_pb2 import BatchGetParcelsRequest, ListFindingsRequest, ListParcelsRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import Finding, Parcel
from starlette.requests import Request
from starlette.responses import Response

from services.core import protojson
from services.gateway.transcode import query_message
from services.rpc.caller import reading_for

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
        listing = query_message(ListParcelsRequest, request.scope["query_string"])
        listing.page_size = listing.page_size or 1000
        found: list[Parcel] = []
        while len(found) < MOST:
            page = await self._land.ListParcels(listing)
            found += page.parcels
            listing.page_token = page.next_page_token
            if not page.next_page_token:
                break
        names = [parcel.name for parcel in found[:MOST]]
        shaped: list[Parcel] = []
        for start in range(0, len(names), BATCH):
            answer = await self._land.BatchGetParcels(BatchGetParcelsRequest(names=names[start : start + BATCH]))
            shaped += answer.parcels
        return await asyncio.to_thread(_collection, map(_parcel, shaped), bool(listing.page_token) or len(found) > MOST)

    async def findings(self, request: Request) -> Response:
        """Findings that match, each at its place; one without a place has no geometry."""
        listing = query_message(ListFindingsRequest, request.scope["query_string"])
        listing.page_size = listing.page_size or 1000
        found: list[Finding] = []
        while len(found) < MOST:
            page = await self._land.ListFindings(listing)
            found += page.findings
            listing.page_token = page.next_page_token
            if not page.next_page_token:
                break
        return await asyncio.to_thread(
            _collection, map(_finding, found[:MOST]), bool(listing.page_token) or len(found) > MOST
        )


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
