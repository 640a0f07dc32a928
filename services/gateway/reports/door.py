"""`GET /v1/imports/{id}/report.{ending}`: the report of an import over HTTP, and what writes each format."""

from __future__ import annotations

import asyncio
import re
from pathlib import PurePath
from urllib.parse import quote

import grpc.aio
from starlette.requests import Request
from starlette.responses import Response

from services.core.clock import VIETNAM, utc_now
from services.core.errors import NotFound
from services.core.vietnamese import fold
from services.gateway import answers
from services.gateway.formats import Format, pick
from services.gateway.reports.collect import Collector
from services.gateway.reports.model import Report
from services.rpc.caller import reading_for

PATH = "/v1/imports/{id}/report.{ending}"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
}
"""The page has a style sheet in itself and nothing else."""


FORMATS: dict[str, Format[Report]] = {
    "xlsx": Format(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "services.gateway.reports.spreadsheets:xlsx",
    ),
    "csv": Format("text/csv; charset=utf-8", "services.gateway.reports.spreadsheets:csv_file"),
    "gpkg": Format("application/geopackage+sqlite3", "services.gateway.reports.gpkg:write"),
    "geojson": Format("application/geo+json", "services.gateway.reports.geojson:write"),
    "html": Format("text/html; charset=utf-8", "services.gateway.reports.html:write"),
}
"""Formats by the ending of a file's name."""


def parse_format(value: str) -> Format[Report]:
    """A format by its ending.

    Raises:
        InvalidField: none of the formats.
    """
    return pick(FORMATS, value)


class ReportDoor:
    """The route.

    Args:
        channel: where the services are.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def handle(self, request: Request) -> Response:
        """The report of an import that has ended; HTML is shown, every other format is a download."""
        reading_for("export")
        id_, ending = request.path_params["id"], request.path_params["ending"]
        format_ = parse_format(ending)
        if not _ID.fullmatch(id_):
            raise NotFound(f"imports/{id_[:64]}")
        collector = Collector(self._channel, answers.caller(request.scope))
        report = await collector.collect(f"imports/{id_}", utc_now().astimezone(VIETNAM))
        body = await asyncio.to_thread(format_.write, report)
        headers = {"Cache-Control": "no-store"}
        if ending == "html":
            headers |= _PAGE
        else:
            headers["Content-Disposition"] = _disposition(report.done.file_name, ending)
        return Response(body, media_type=format_.media_type, headers=headers)


def _disposition(file_name: str, ending: str) -> str:
    """The name under which a report is saved: that of the file, in ASCII for old programs and as it is for others."""
    name = f"{PurePath(file_name).stem[:100]}-kiem-tra.{ending}"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", fold(name)).strip("-.") or f"kiem-tra.{ending}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
