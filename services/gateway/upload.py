"""`POST /v1/imports:upload`: a file as the body or in a form, passed on in chunks to UploadImport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc.aio
from ngoclinh.land.v1.import_service_pb2 import UploadHeader, UploadImportRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.core.errors import InvalidField
from services.gateway import answers
from services.gateway.openapi import Form
from services.gateway.transcode import assign, query_message
from services.rpc.deadline import timeout_for
from services.rpc.interceptors import STREAM_CAP_S

KINDS = frozenset({"application/octet-stream", "multipart/form-data"})
FORM = Form(UploadHeader.DESCRIPTOR, "file", alone=True)
CHUNK = 256 * 1024
"""Bytes of one message to UploadImport."""


class Upload:
    """The door for files.

    A body of `application/octet-stream` is the file; `file_name`, `sha256` and `options.…` are query parameters. In
    a form (`multipart/form-data`) the part `file` is the file and the other parts are named like those parameters.

    Args:
        channel: where ImportService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._imports = ImportServiceStub(channel)

    async def handle(self, request: Request) -> Response:
        """The import that a file has become, running."""
        header = query_message(UploadHeader, request.scope["query_string"])
        if request.headers["content-type"].lower().startswith("multipart/"):
            try:
                async with request.form(max_files=1, max_fields=20) as form:
                    file = None
                    for name, value in form.multi_items():
                        if isinstance(value, UploadFile):
                            file = value
                        else:
                            assign(header, name, value)
                    if file is None:
                        raise InvalidField("file", "thiếu tệp", "the file is missing")
                    header.file_name = header.file_name or file.filename or ""
                    return await self._send(request, header, _chunks(file))
            except HTTPException as error:
                raise InvalidField("body", "không phải biểu mẫu đúng", "is not a valid form") from error
        return await self._send(request, header, request.stream())

    async def _send(self, request: Request, header: UploadHeader, data: AsyncIterator[bytes]) -> Response:
        fault: list[Exception] = []

        async def messages() -> AsyncIterator[UploadImportRequest]:
            yield UploadImportRequest(header=header)
            try:
                async for block in data:
                    for start in range(0, len(block), CHUNK):
                        yield UploadImportRequest(chunk=block[start : start + CHUNK])
            except Exception as error:
                fault.append(error)
                raise  # grpc then cancels the call: a broken upload never looks like a whole file

        metadata = answers.caller(request.scope)
        call = self._imports.UploadImport(messages(), timeout=timeout_for(STREAM_CAP_S), metadata=metadata)
        try:
            return answers.answer(await call)
        except (asyncio.CancelledError, grpc.aio.AioRpcError):
            if fault:
                raise fault[0] from None
            raise


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(CHUNK):
        yield block
