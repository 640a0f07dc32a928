"""`POST /v1/articles:clip` and `GET /v1/evidence/{sha256}`: a clipped text with a file that shows it, and that file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc.aio
from ngoclinh.media.v1.media_service_pb2 import (
    GetEvidenceRequest,
    GetEvidenceResponse,
    SubmitArticleRequest,
    UploadEvidenceRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core.errors import InvalidField
from services.gateway import answers
from services.gateway.openapi import Form
from services.gateway.transcode import assign
from services.gateway.upload import may_call, nothing

KINDS = frozenset({"multipart/form-data"})
MAX_BODY = 12 * 1024 * 1024
"""Bytes of a form: 10 MB of file, 1 MB of text, and what frames them."""
CHUNK = 256 * 1024

FORM = Form(SubmitArticleRequest.DESCRIPTOR, "evidence", ("url", "title", "text", "publish_time"))
"""What a form holds."""
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "application/pdf": "pdf"}


class EvidenceDoor:
    """The routes. A form has the parts `url`, `title`, `text`, `publish_time` and one file, `evidence`.

    Args:
        channel: where MediaService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._media = MediaServiceStub(channel)

    async def clip(self, request: Request) -> Response:
        """Keep the file, then take the clipping that names it."""
        metadata = answers.caller(request.scope)
        message = SubmitArticleRequest()
        if not may_call("ngoclinh.media.v1.MediaService", "UploadEvidence"):
            await self._media.UploadEvidence(nothing(), metadata=metadata)
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                file = None
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        file = value if value.size else None
                    elif name not in FORM.fields:
                        raise InvalidField(name[:100], "không có trường này", "there is no such field")
                    elif value:
                        assign(message, name, value)
                if file is not None:
                    kept = await self._media.UploadEvidence(_chunks(file), metadata=metadata)
                    message.evidence.append(kept.sha256)
        except HTTPException as error:
            raise InvalidField("body", "không phải biểu mẫu đúng", "is not a valid form") from error
        return answers.answer(await self._media.SubmitArticle(message, metadata=metadata))

    async def file(self, request: Request) -> Response:
        """A file to be saved: no browser shows it as a page of ours."""
        asked = GetEvidenceRequest(
            sha256=request.path_params["sha256"], article=request.query_params.get("article", "")
        )
        messages = aiter(self._media.GetEvidence(asked, metadata=answers.caller(request.scope)))
        evidence = (await anext(messages)).evidence
        name = f"minh-chung-{evidence.sha256[:12]}.{_ENDINGS.get(evidence.media_type, 'bin')}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(evidence.size_bytes),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(_bodies(messages), media_type=evidence.media_type, headers=headers)


async def _chunks(file: UploadFile) -> AsyncIterator[UploadEvidenceRequest]:
    while block := await file.read(CHUNK):
        yield UploadEvidenceRequest(chunk=block)


async def _bodies(messages: AsyncIterator[GetEvidenceResponse]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield message.chunk
