"""`POST /v1/imports:upload`, `POST /v1/areaOutlines:upload`: a file as the body or in a form, passed on in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from ngoclinh.land.v1.area_outline_pb2 import AreaOutlinesHeader
from ngoclinh.land.v1.import_service_pb2 import UploadAreaOutlinesRequest, UploadHeader, UploadImportRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.core.errors import Forbidden, InvalidField, Unauthenticated
from services.gateway import answers
from services.gateway.extra import Extra
from services.gateway.openapi import Form
from services.gateway.transcode import assign, query_message
from services.rpc import methods
from services.rpc.access import require_allowed
from services.rpc.caller import present
from services.rpc.deadline import timeout_for
from services.rpc.interceptors import STREAM_CAP_S

KINDS = frozenset({"application/octet-stream", "multipart/form-data"})
PARCELS, OUTLINES = "/v1/imports:upload", "/v1/areaOutlines:upload"
FORM = Form(UploadHeader.DESCRIPTOR, "file", alone=True)
OUTLINES_FORM = Form(AreaOutlinesHeader.DESCRIPTOR, "file", alone=True)
CHUNK = 256 * 1024
"""Bytes of one message."""


class Upload:
    """A door for files.

    A body of `application/octet-stream` is the file; the fields of the header are query parameters (`file_name`,
    `options.…`). In a form (`multipart/form-data`) the part `file` is the file and the other parts are named like those
    parameters. A form is kept on the disk until it is whole, so it is read of those only who may send the file.

    Args:
        rpc: the method that takes the file.
        name: what ImportService calls it.
        header: what its first message says.
        request: its messages.
    """

    def __init__(self, rpc: Any, name: str, header: type[Any], request: type[Any]) -> None:
        self._rpc, self._name, self._header, self._request = rpc, name, header, request

    async def handle(self, request: Request) -> Response:
        """What the method answers."""
        header = query_message(self._header, request.scope["query_string"])
        if request.headers["content-type"].lower().startswith("multipart/"):
            if not may_call("ngoclinh.land.v1.ImportService", self._name):
                return await self._send(request, header, nothing())
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

    async def _send(self, request: Request, header: Any, data: AsyncIterator[bytes]) -> Response:
        fault: list[Exception] = []

        async def messages() -> AsyncIterator[Any]:
            yield self._request(header=header)
            try:
                async for block in data:
                    for start in range(0, len(block), CHUNK):
                        yield self._request(chunk=block[start : start + CHUNK])
            except Exception as error:
                fault.append(error)
                raise  # grpc then cancels the call: a broken upload never looks like a whole file

        metadata = answers.caller(request.scope)
        call = self._rpc(messages(), timeout=timeout_for(STREAM_CAP_S), metadata=metadata)
        try:
            return answers.answer(await call)
        except (asyncio.CancelledError, grpc.aio.AioRpcError):
            if fault:
                raise fault[0] from None
            raise


def routes(channel: grpc.aio.Channel) -> tuple[Extra, ...]:
    """The routes with what they are.

    Args:
        channel: where ImportService is.
    """
    imports = ImportServiceStub(channel)
    parcels = Upload(imports.UploadImport, "UploadImport", UploadHeader, UploadImportRequest)
    outlines = Upload(imports.UploadAreaOutlines, "UploadAreaOutlines", AreaOutlinesHeader, UploadAreaOutlinesRequest)
    return (
        Extra("POST", PARCELS, parcels.handle, "UploadImport: a file as the body or in a form.", FORM),
        Extra("POST", OUTLINES, outlines.handle, "UploadAreaOutlines: a file as the body or in a form.", OUTLINES_FORM),
    )


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(CHUNK):
        yield block


def may_call(service: str, method: str) -> bool:
    """May the present caller call a method? For doors that would read much before they call it; the server decides."""
    who = present.get()
    try:
        if who is not None:
            require_allowed(who, methods.access(methods.service(service).methods_by_name[method]))
    except (Forbidden, Unauthenticated):
        return False
    return True


async def nothing() -> AsyncIterator[Any]:
    """No chunks: what somebody sends who may not, so that the server refuses it and keeps that in the audit log."""
    return
    yield
