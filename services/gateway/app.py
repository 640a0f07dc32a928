"""The web application: REST by annotation, the few routes written by hand in one table, the pages."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Protocol

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from services.core.config import Settings
from services.core.errors import NgocLinhError
from services.core.log import get_logger
from services.gateway import answers, evidence, maintenance, metrics, openapi, provider, session, upload
from services.gateway.area_shapes import AreaShapes
from services.gateway.brief.door import BriefDoor
from services.gateway.events import Events
from services.gateway.export import audit
from services.gateway.export.door import ExportDoor
from services.gateway.extra import Extra
from services.gateway.geojson import GeoJson
from services.gateway.reports import door as reports
from services.gateway.security import MIB, Door, Guard
from services.gateway.static import pages
from services.gateway.tiles import PATH as TILES
from services.gateway.tiles import TileDoor
from services.gateway.transcode import Transcoder
from services.rpc import status as rpc_status

_log = get_logger(__name__)
CLIP = "/v1/articles:clip"


class SignsIn(session.SignsIn, provider.KnowsProvider, Protocol):
    """What knows people, with a password or by a provider."""


class Gateway:
    """Everything that HTTP reaches.

    Args:
        channel: where the services are.
        settings: hosts, origins, limits.
        sign_in: who somebody is; None lets everyone in.
        keep: keeps in the audit log who signed in and out.
        page: makes the page of metrics; None measures this process only.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        settings: Settings,
        sign_in: SignsIn | None = None,
        keep: session.Keep | None = None,
        page: metrics.Page | None = None,
    ) -> None:
        self._health = health_pb2_grpc.HealthStub(channel)
        self.events = Events(channel)
        shapes = GeoJson(channel)
        communes = AreaShapes(channel, settings.default_watch_area)
        brief = BriefDoor(channel, settings.default_watch_area)
        files = evidence.EvidenceDoor(channel)
        self.extras = (
            Extra("GET", "/healthz", self._healthz, "Does it serve."),
            Extra("GET", metrics.PATH, metrics.MetricsDoor(page).handle, "Metrics for Prometheus."),
            Extra("GET", "/openapi.json", self._openapi, "This document."),
            Extra("GET", "/v1/areas.geojson", communes.collection, "Communes of a watch area as GeoJSON, for maps."),
            Extra(
                "GET",
                "/v1/articles:export",
                ExportDoor(channel).handle,
                "ListArticles as a file: format (jsonl, csv, xlsx) and its filter.",
            ),
            Extra("POST", CLIP, files.clip, "SubmitArticle with a file as evidence, in a form.", evidence.FORM),
            Extra("GET", "/v1/evidence/{sha256}", files.file, "A file that an article names as evidence."),
            Extra("GET", "/v1/events", self.events.handle, "What happens, as server-sent events."),
            Extra(
                "GET",
                reports.PATH,
                reports.ReportDoor(channel).handle,
                "The report of an import as a file: xlsx, csv, gpkg, geojson or html.",
            ),
            Extra("GET", "/v1/parcels.geojson", shapes.parcels, "ListParcels as GeoJSON, with shapes."),
            Extra("GET", "/v1/findings.geojson", shapes.findings, "ListFindings as GeoJSON."),
            Extra("GET", TILES, TileDoor(channel).handle, "GetParcelTile: a map tile, Mapbox Vector Tile 2.1."),
            Extra(
                "GET",
                "/v1/brief",
                brief.handle,
                "The daily brief of a watch area: date, watch_area, format (docx, pdf, txt).",
            ),
            *upload.routes(channel),
            Extra("GET", audit.PATH, audit.AuditExportDoor(channel).handle, "ListAuditEntries as CSV: its filter."),
            *maintenance.routes(channel),
            *session.routes(sign_in, keep),
            *provider.routes(sign_in, keep),
        )
        doors = {
            **dict.fromkeys(
                (upload.PARCELS, upload.OUTLINES),
                Door(max_bytes=(settings.land.max_upload_mb + 1) * MIB, kinds=upload.KINDS),
            ),
            maintenance.BACKUP: Door(max_bytes=settings.backup.max_upload_mb * MIB, kinds=maintenance.KINDS),
            maintenance.BUNDLE: Door(max_bytes=settings.backup.max_upload_mb * MIB, kinds=maintenance.KINDS),
            CLIP: Door(max_bytes=evidence.MAX_BODY, kinds=evidence.KINDS),
            "/healthz": Door(open=True),
            session.PATH: Door(max_bytes=session.MAX_BODY, open=True),
            provider.BEGIN: Door(open=True),
            provider.CALLBACK: Door(open=True),
            provider.LEFT: Door(open=True),
        }
        self.app: ASGIApp = Guard(self._starlette(channel), settings.gateway, doors, sign_in)

    def _starlette(self, channel: grpc.aio.Channel) -> Starlette:
        by_hand = [Route(extra.path, extra.handler, methods=[extra.verb]) for extra in self.extras]
        rest = Route("/v1/{rest:path}", Transcoder(channel).handle, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        return Starlette(
            routes=[*by_hand, rest, Mount("/", pages())],
            exception_handlers={
                NgocLinhError: _domain_error,
                grpc.aio.AioRpcError: _rpc_error,
                HTTPException: _http_error,
                Exception: _fault,
            },
        )

    async def _healthz(self, request: Request) -> Response:
        try:
            answer = await self._health.Check(health_pb2.HealthCheckRequest(service="readiness"), timeout=2)
            serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        except grpc.aio.AioRpcError:
            serving = False
        body = json.dumps({"status": "SERVING" if serving else "NOT_SERVING"})
        return Response(body, 200 if serving else 503, {"Cache-Control": "no-store"}, media_type=answers.JSON)

    async def _openapi(self, request: Request) -> Response:
        return Response(self._document, media_type=answers.JSON)

    @cached_property
    def _document(self) -> bytes:
        extras = [(extra.verb, extra.path, extra.summary, extra.form) for extra in self.extras]
        return json.dumps(openapi.document(extras), ensure_ascii=False).encode()


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NgocLinhError)
    return answers.domain_error(error, request.headers)


async def _rpc_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, grpc.aio.AioRpcError)
    return answers.error(rpc_status.from_rpc_error(error), answers.language(request.headers))


async def _fault(request: Request, error: Exception) -> Response:
    _log.error("fault", path=request.scope["path"], exc_info=error)
    return answers.error(rpc_status.from_error(error, request.scope["request_id"]), answers.language(request.headers))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "GET, HEAD") if error.status_code == 405 else ""
    return answers.no_route(request.headers, allowed)
