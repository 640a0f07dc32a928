"""ImportService: take a file, answer at once, tell how its import goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ngoclinh.land.v1.area_outline_pb2 import AreaOutlines
from ngoclinh.land.v1.import_service_pb2 import (
    CancelImportRequest,
    GetImportRequest,
    ListImportsRequest,
    ListImportsResponse,
    UploadAreaOutlinesRequest,
    UploadImportRequest,
    WatchImportRequest,
    WatchImportResponse,
)
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceServicer
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState

from services.core import paging
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import InvalidPageToken, NotFound, Overloaded
from services.core.ports import Bus, ParcelStore
from services.core.sections.work import LandSettings
from services.land import options
from services.land.importer import Importer
from services.land.layers import OutlineUploads
from services.land.uploads import Stored, Uploads, read_header

MOST_WAITING = 100
"""Imports that may wait for their turn."""
WATCH_POLL_S = 0.3
"""Seconds between two looks at an import that is watched."""


class ImportServicer(ImportServiceServicer):
    """Takes uploads; `start` must have run before the first one, and `close` ends its work.

    Args:
        store: where parcels go.
        bus: for `land.validated`.
        folder: where files lie until their imports have ended. Example: ``uploads`` of the data folder; files of outlines
            lie in ``outlines`` beside it.
        land: limits.
        clock: the present moment.
    """

    def __init__(
        self,
        store: ParcelStore,
        bus: Bus,
        folder: Path,
        land: LandSettings | None = None,
        clock: Clock = utc_now,
    ) -> None:
        land = land or LandSettings()
        self._store = store
        self._clock = clock
        self._uploads = Uploads(folder, land.max_upload_mb)
        self._importer = Importer(store, bus, self._uploads, land, clock)
        self._outlines = OutlineUploads(store, folder.with_name("outlines"), land, clock)

    async def start(self) -> None:
        """Go on with the imports that an earlier run left, and wait for new ones."""
        await self._importer.start()

    async def close(self) -> None:
        """Stop working; an import that runs is taken up again by the next `start`."""
        await self._importer.close()

    async def UploadImport(self, request_iterator: AsyncIterator[UploadImportRequest], context: Any) -> Import:
        """Store a file durably, then answer; the import goes on in the background."""
        await self.start()
        if self._importer.waiting >= MOST_WAITING:
            raise Overloaded("Đang có quá nhiều đợt nhập chờ xử lý.", "Too many imports are waiting.", retry_after_s=30)
        header = await read_header(request_iterator)
        options.read(header.options)
        stored = await self._uploads.receive(header, request_iterator)
        return await asyncio.shield(self._accept(stored))

    async def GetImport(self, request: GetImportRequest, context: Any) -> Import:
        """One import; of the one that runs, the step too."""
        return await self._import(request.name)

    async def CancelImport(self, request: CancelImportRequest, context: Any) -> Import:
        """End an import that waits or runs; nothing of it is kept."""
        return await asyncio.shield(self._importer.cancel(request.name))

    async def WatchImport(self, request: WatchImportRequest, context: Any) -> AsyncIterator[WatchImportResponse]:
        """One import as it is, and again whenever it goes a step on, until it has ended."""
        told: Import | None = None
        while told is None or told.state == ImportState.IMPORT_STATE_RUNNING:
            import_ = await self._import(request.name)
            if import_ != told:
                told = import_
                yield WatchImportResponse(**{"import": import_})
            else:
                await asyncio.sleep(WATCH_POLL_S)

    async def ListImports(self, request: ListImportsRequest, context: Any) -> ListImportsResponse:
        """Imports, newest first."""
        after = paging.decode_token("imports", None, request.page_token)
        if after is not None and [type(value) for value in after] != [int]:
            raise InvalidPageToken
        imports, last = await self._store.imports(paging.page_size(request.page_size, 100, 1000), after)
        token = paging.encode_token("imports", None, last) if last else ""
        return ListImportsResponse(imports=map(self._importer.with_step, imports), next_page_token=token)

    async def UploadAreaOutlines(
        self, request_iterator: AsyncIterator[UploadAreaOutlinesRequest], context: Any
    ) -> AreaOutlines:
        """Read outlines of communes and put them in the place of those before."""
        return await self._outlines.receive(request_iterator)

    async def _import(self, name: str) -> Import:
        """An import with the step that it is in."""
        import_ = await self._store.import_(name)
        if import_ is None:
            raise NotFound(name)
        return self._importer.with_step(import_)

    async def _accept(self, stored: Stored) -> Import:
        """Hold a stored file as a running import; a caller who goes away meanwhile does not stop it halfway."""
        now = to_timestamp(self._clock())
        import_ = Import(
            name=stored.name,
            file_name=stored.header.file_name,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            state=ImportState.IMPORT_STATE_RUNNING,
            options=stored.header.options,
            create_time=now,
            update_time=now,
        )
        try:
            await self._store.begin_import(import_)
        except BaseException:
            self._uploads.forget(stored.name)
            raise
        self._importer.add(stored.name)
        return import_
