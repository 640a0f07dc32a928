"""`GET /v1/brief`: a brief over HTTP, and what writes each format."""

from __future__ import annotations

import asyncio
import re
from datetime import date

import grpc.aio
from starlette.requests import Request
from starlette.responses import Response

from services.core.clock import utc_now, vietnam_date
from services.core.errors import InvalidField
from services.gateway.brief.collect import Brief, Collector
from services.gateway.formats import Format, pick

FORMATS: dict[str, Format[Brief]] = {
    "docx": Format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "services.gateway.brief.docx:write"
    ),
    "pdf": Format("application/pdf", "services.gateway.brief.pdf:write"),
    "txt": Format("text/plain; charset=utf-8", "services.gateway.brief.text:write"),
}
"""Formats by the ending of a file's name."""

_WATCH_AREA = re.compile(r"(?:watchAreas/)?([a-z0-9-]{1,63})")


def parse_day(value: str) -> date:
    """A day as ISO date; "" means today in Vietnam.

    Raises:
        InvalidField: no such day.
    """
    try:
        return date.fromisoformat(value) if value else vietnam_date(utc_now())
    except ValueError as error:
        raise InvalidField(
            "date",
            f"“{value}” không phải ngày; ví dụ đúng: 2026-11-20",
            f"'{value}' is no date; a correct one is 2026-11-20",
        ) from error


def parse_format(value: str) -> Format[Brief]:
    """A format by its ending.

    Raises:
        InvalidField: none of the formats.
    """
    return pick(FORMATS, value)


def parse_watch_area(value: str, default: str) -> str:
    """Resource name of a watch area from its name or id; "" means the default.

    Raises:
        InvalidField: no such name.
    """
    match = _WATCH_AREA.fullmatch(value or default)
    if not match:
        raise InvalidField("watch_area", f"“{value}” không phải tên địa bàn", f"'{value}' is no watch area")
    return f"watchAreas/{match[1]}"


class BriefDoor:
    """The route.

    Args:
        channel: where the services are.
        default_watch_area: id of the watch area where a request names none.
    """

    def __init__(self, channel: grpc.aio.Channel, default_watch_area: str) -> None:
        self._collector = Collector(channel)
        self._default = default_watch_area

    async def handle(self, request: Request) -> Response:
        """The brief of `date` for `watch_area` in `format` (docx, pdf, txt)."""
        ending = request.query_params.get("format", "docx")
        format_ = parse_format(ending)
        day = parse_day(request.query_params.get("date", ""))
        watch_area = parse_watch_area(request.query_params.get("watch_area", ""), self._default)
        brief = await self._collector.collect(day, watch_area, utc_now())
        body = await asyncio.to_thread(format_.write, brief)
        name = f"diem-bao-{watch_area.removeprefix('watchAreas/')}-{day.isoformat()}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(body, media_type=format_.media_type, headers=headers)
