"""The doors to the fenced children: read a file in a new one, check the parcels of a request in a warm one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import ceil
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from ngoclinh.land.v1.area_outline_pb2 import AreaOutlinesHeader
from ngoclinh.land.v1.land_service_pb2 import ValidateParcelsRequest
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ValidationReport

from services.core.errors import Overloaded
from services.core.sections.work import LandSettings
from services.land import fence
from services.land.child import Child

INLINE_LIMIT_S = 5.0
"""Seconds after which the check of a request is given up."""

_INLINE_MEMORY_MB = 1024
_INLINE_CPU_S = 3600
_ANSWERS_OF_A_WORKER = 1000
_MOST_WAITING = 32


async def read_file(path: Path, import_: Import, land: LandSettings) -> AsyncGenerator[Message, None]:
    """Read and check a file in a child process of its own.

    Args:
        path: the file; of a Shapefile the parts beside it are read too.
        import_: name, name of the file, options. Without a name no parcels come, only findings.
        land: limits.

    Yields:
        an `Import` in state RUNNING for each step, `Parcel`s, before each its `ParcelOwners` where the settings keep
        them, `Finding`s, at last the `Import` as it ended: COMMITTED
        (usable) or REJECTED (stopped by a rule of the coordinate system).

    Raises:
        NgocLinhError: the file cannot be used; nothing that came before counts.
    """
    async with aclosing(_read(path, import_, land)) as answers:
        async for answer in answers:
            yield answer


async def read_outlines(path: Path, header: AreaOutlinesHeader, land: LandSettings) -> AsyncGenerator[Message, None]:
    """Read the outlines of a file in a child process of its own.

    Args:
        path: the file.
        header: what is known about it.
        land: limits.

    Yields:
        what `services.land.outlines.read_outlines` finds.

    Raises:
        NgocLinhError: the file cannot be used; nothing that came before counts.
    """
    async with aclosing(_read(path, header, land)) as answers:
        async for answer in answers:
            yield answer


async def _read(path: Path, request: Message, land: LandSettings) -> AsyncGenerator[Message, None]:
    limits = fence.Limits(land.reader_memory_mb, ceil(land.reader_timeout_s) + 1, 4 * land.max_upload_mb)
    child = Child(limits, _orders(land, path))
    await child.start()
    try:
        async with aclosing(child.ask(request, land.reader_timeout_s)) as answers:
            async for answer in answers:
                yield answer
    finally:
        await child.stop()


class Workers:
    """Warm children that check the parcels of requests, one request each at a time.

    A child that takes longer than `INLINE_LIMIT_S` seconds is killed and another takes its place.

    Args:
        land: limits.
        count: children at most.
    """

    def __init__(self, land: LandSettings, count: int = 2) -> None:
        self._land = land
        self._free = asyncio.Semaphore(count)
        self._waiting = 0
        self._idle: list[Child] = []
        self._closed = False

    async def validate(self, request: ValidateParcelsRequest) -> ValidationReport:
        """The findings of the parcels in a request.

        Raises:
            NgocLinhError: they cannot be used.
            TooLarge: they take more time or memory than allowed.
            Overloaded: too many requests wait already.
        """
        if self._waiting >= _MOST_WAITING:
            raise Overloaded("Đang có quá nhiều yêu cầu kiểm tra thửa.", "Too many parcels are being checked.")
        self._waiting += 1
        try:
            async with self._free:
                return await self._validate(request)
        finally:
            self._waiting -= 1

    async def warm(self) -> None:
        """Start a child ahead of the first request."""
        self._idle.append(await self._started())

    async def close(self) -> None:
        """End all children."""
        self._closed = True
        while self._idle:
            await self._idle.pop().stop()

    async def _validate(self, request: ValidateParcelsRequest) -> ValidationReport:
        child = await self._ready()
        whole = False
        try:
            parts = [answer async for answer in child.ask(request, INLINE_LIMIT_S)]
            whole = True
        finally:
            if whole and child.alive and child.answered < _ANSWERS_OF_A_WORKER and not self._closed:
                self._idle.append(child)
            else:
                await child.stop()
        done = parts[-1]
        assert isinstance(done, Import)
        return report(done, [part for part in parts if isinstance(part, Finding)])

    async def _ready(self) -> Child:
        """A child that waits, else a new one; those that died meanwhile are cleared away."""
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            await child.stop()
        return await self._started()

    async def _started(self) -> Child:
        child = Child(fence.Limits(_INLINE_MEMORY_MB, _INLINE_CPU_S, 1), _orders(self._land))
        await child.start()
        return child


def report(done: Import, findings: list[Finding]) -> ValidationReport:
    """A checked sheet as the report that the command line and the API give."""
    return ValidationReport(
        file=done.file_name,
        crs=done.coordinate_system,
        crs_origin=done.coordinate_system_origin,
        parcel_count=done.parcel_count,
        findings=findings,
        error_count=done.error_count,
        warning_count=done.warning_count,
        info_count=done.info_count,
        owner_columns=done.owner_columns,
        owners_kept=done.owners_kept,
    )


def _orders(land: LandSettings, path: Path | None = None) -> dict[str, Any]:
    limits = {
        "max_parcels": land.max_parcels,
        "max_vertices": land.max_vertices,
        "max_bytes": 4 * land.max_upload_mb << 20,
    }
    return {"path": str(path.absolute()) if path else "", "limits": limits, "keep_owners": land.keep_owners}
