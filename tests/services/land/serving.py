"""The two land services behind a real gRPC server, over real stores in a folder."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngoclinh.land.v1.import_service_pb2 import GetImportRequest, UploadHeader, UploadImportRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import Import, ImportOptions, ImportState

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.core import log
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import LandSettings
from services.land.import_servicer import ImportServicer
from services.land.servicer import LandServicer
from services.rpc.client import connect
from services.rpc.serve import Server


@dataclass
class Land:
    """Running services with their stores."""

    parcels: Any
    imports: Any
    store: SqliteParcelStore
    bus: SqliteBus
    folder: Path
    target: str


@asynccontextmanager
async def land(folder: Path, settings: LandSettings | None = None) -> AsyncIterator[Land]:
    """Serve from the stores of a folder."""
    settings = settings or LandSettings()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteParcelStore(folder / "parcels.sqlite"))
        bus = await stack.enter_async_context(SqliteBus(folder / "bus.sqlite"))
        servicer, importer = LandServicer(store, settings), ImportServicer(store, bus, folder / "uploads", settings)
        server = Server(GrpcSettings(port=0))
        server.add("ngoclinh.land.v1.LandService", servicer)
        server.add("ngoclinh.land.v1.ImportService", importer)
        await server.start()
        await importer.start()
        stack.push_async_callback(servicer.close)
        stack.push_async_callback(importer.close)
        stack.push_async_callback(server.stop, 1)
        channel = await stack.enter_async_context(connect(server.target))
        yield Land(LandServiceStub(channel), ImportServiceStub(channel), store, bus, folder, server.target)


def messages(
    path: Path, chunk: int = 100_000, sha256: str | None = None, **options: Any
) -> Iterator[UploadImportRequest]:
    """The messages of an upload."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
    yield UploadImportRequest(header=UploadHeader(file_name=path.name, options=ImportOptions(**options), sha256=digest))
    for start in range(0, len(content), chunk):
        yield UploadImportRequest(chunk=content[start : start + chunk])


async def ended(imports: Any, name: str, within_s: float = 60) -> Import:
    """An import when it no longer runs."""
    async with asyncio.timeout(within_s):
        while True:
            import_: Import = await imports.GetImport(GetImportRequest(name=name))
            if import_.state != ImportState.IMPORT_STATE_RUNNING:
                return import_
            await asyncio.sleep(0.05)


async def _upload_without_end(folder: Path, file: Path) -> None:
    """What a process of the crash test does: upload, tell the name on stdout, and again."""
    log.configure("error")
    async with land(folder) as services:
        while True:
            import_ = await services.imports.UploadImport(messages(file, commune="areas/2004-20944"))
            sys.stdout.write(import_.name + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_upload_without_end(*map(Path, sys.argv[1:])))
