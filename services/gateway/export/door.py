"""`GET /v1/articles:export`: articles as a file over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import grpc.aio
from ngoclinh.media.v1.media_service_pb2 import ListArticlesRequest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core.clock import utc_now, vietnam_date
from services.gateway import answers
from services.gateway.export import formats
from services.gateway.export.collect import Exporter
from services.gateway.transcode import query_message
from services.rpc.caller import reading_for


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
        format_ = formats.parse(ending)
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != "format"]
        filter_ = query_message(ListArticlesRequest, urlencode(rest).encode()).filter
        exporter = Exporter(self._channel, answers.caller(request.scope))
        body = format_.write(exporter, exporter.pages(filter_))
        first = await anext(body)  # what is wrong with the request is told before the answer has begun
        name = f"tin-bai-{vietnam_date(utc_now()).isoformat()}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(_with(first, body), media_type=format_.media_type, headers=headers)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
