"""`GET /v1/articles:export`: articles as a file over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import grpc.aio
from ngoclinh.media.v1.media_service_pb2 import ListArticlesRequest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core.clock import utc_now, vietnam_date
from services.gateway import answers
from services.gateway.export.collect import Exporter
from services.gateway.export.formats import FORMATS
from services.gateway.formats import pick
from services.gateway.transcode import query_message
from services.rpc.caller import reading_for

T = TypeVar("T")


class ExportDoor:
    """The route. Parameters: `format` (jsonl, csv, xlsx) and those of ListArticles that begin with `filter.`.

    Args:
        channel: where MediaService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def handle(self, request: Request) -> Response:
        """Everything that matches, newest first."""
        reading_for("export")
        ending = request.query_params.get("format", "csv")
        format_ = pick(FORMATS, ending)
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != "format"]
        filter_ = query_message(ListArticlesRequest, urlencode(rest).encode()).filter
        exporter = Exporter(self._channel, answers.caller(request.scope))
        pages = exporter.pages(filter_)
        begun = [page async for page in _first(pages)]  # what is wrong is told before the answer has begun
        body = format_.write(exporter, _with(begun, pages))
        written = [part async for part in _first(body)]
        name = f"tin-bai-{vietnam_date(utc_now()).isoformat()}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(_with(written, body), media_type=format_.media_type, headers=headers)


async def _first(pages: AsyncIterator[T]) -> AsyncIterator[T]:
    async for page in pages:
        yield page
        return


async def _with(begun: Sequence[T], rest: AsyncIterator[T]) -> AsyncIterator[T]:
    for page in begun:
        yield page
    async for page in rest:
        yield page
