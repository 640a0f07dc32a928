"""`POST /v1/backups:upload`, `POST /v1/bundles:upload`, `GET /v1/backups/{file}:download`: large files, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
from ngoclinh.operations.v1.maintenance_service_pb2 import (
    DownloadBackupRequest,
    DownloadBackupResponse,
    UploadBackupRequest,
    UploadBundleRequest,
)
from ngoclinh.operations.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway import answers
from services.gateway.extra import Extra
from services.rpc.deadline import timeout_for
from services.rpc.interceptors import STREAM_CAP_S

BACKUP, BUNDLE = "/v1/backups:upload", "/v1/bundles:upload"
DOWNLOAD = "/v1/backups/{file}:download"
KINDS = frozenset({"application/octet-stream"})
CHUNK = 256 * 1024
"""Bytes of one message."""


class MaintenanceDoor:
    """The routes.

    Args:
        channel: where MaintenanceService is.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = MaintenanceServiceStub(channel)

    async def backup(self, request: Request) -> Response:
        """Take a backup from elsewhere."""
        return await _send(request, self._stub.UploadBackup, lambda part: UploadBackupRequest(chunk=part))

    async def bundle(self, request: Request) -> Response:
        """Take the bundle of the next release."""
        return await _send(request, self._stub.UploadBundle, lambda part: UploadBundleRequest(chunk=part))

    async def file(self, request: Request) -> Response:
        """A backup to be saved."""
        asked = DownloadBackupRequest(name=f"backups/{request.path_params['file']}")
        call = self._stub.DownloadBackup(
            asked, timeout=timeout_for(STREAM_CAP_S), metadata=answers.caller(request.scope)
        )  # fmt: skip
        messages = aiter(call)
        backup = (await anext(messages)).backup
        headers = {
            "Content-Disposition": f'attachment; filename="{backup.name.removeprefix("backups/")}"',
            "Content-Length": str(backup.size_bytes),
            "Cache-Control": "no-store",
        }
        return StreamingResponse(_bodies(messages), media_type="application/octet-stream", headers=headers)


def routes(channel: grpc.aio.Channel) -> tuple[Extra, ...]:
    """The routes with what they are."""
    door = MaintenanceDoor(channel)
    return (
        Extra("POST", BACKUP, door.backup, "UploadBackup: the file is the body (application/octet-stream)."),
        Extra("POST", BUNDLE, door.bundle, "UploadBundle: the file is the body (application/octet-stream)."),
        Extra("GET", DOWNLOAD, door.file, "DownloadBackup: the file of a backup."),
    )


async def _send(request: Request, rpc: Any, message: Callable[[bytes], Any]) -> Response:
    fault: list[Exception] = []

    async def messages() -> AsyncIterator[Any]:
        try:
            async for block in request.stream():
                for start in range(0, len(block), CHUNK):
                    yield message(block[start : start + CHUNK])
        except Exception as error:
            fault.append(error)
            raise  # grpc then cancels the call: a broken upload never looks like a whole file

    call = rpc(messages(), timeout=timeout_for(STREAM_CAP_S), metadata=answers.caller(request.scope))
    try:
        return answers.answer(await call)
    except (asyncio.CancelledError, grpc.aio.AioRpcError):
        if fault:
            raise fault[0] from None
        raise


async def _bodies(messages: AsyncIterator[DownloadBackupResponse]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield message.chunk
