"""`GET /v1/tiles/{z}/{x}/{y}.mvt`: map tiles of parcels and findings."""

from __future__ import annotations

import asyncio
import gzip
import hashlib

import grpc.aio
from ngoclinh.land.v1.land_service_pb2 import GetParcelTileRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import answers
from services.gateway.transcode import assign, query_message

PATH = "/v1/tiles/{z}/{x}/{y}.mvt"
LEVEL = 1
"""Of gzip: the quickest; tiles are drawn for each request."""
LEAST = 1000
"""Bytes below which nothing is packed."""


class TileDoor:
    """The tiles; `?import=imports/…` draws what that import brought.

    Args:
        channel: where LandService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._land = LandServiceStub(channel)

    async def handle(self, request: Request) -> Response:
        """The tile; 204 where there is nothing to draw, 304 where the caller has it already."""
        wanted = query_message(GetParcelTileRequest, request.scope["query_string"])
        for name, value in request.path_params.items():
            assign(wanted, name, value)
        tile = await self._land.GetParcelTile(wanted, metadata=answers.caller(request.scope))
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if not tile.data:
            return Response(status_code=204, headers=headers)
        packed = "gzip" in request.headers.get("accept-encoding", "") and len(tile.data) >= LEAST
        headers["ETag"] = f'"{hashlib.blake2b(tile.data, digest_size=16).hexdigest()}{"-gzip" * packed}"'
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = tile.data
        if packed:
            headers["Content-Encoding"] = "gzip"
            body = await asyncio.to_thread(gzip.compress, body, LEVEL)
        return Response(body, media_type=tile.content_type, headers=headers)
