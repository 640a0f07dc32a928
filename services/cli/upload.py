"""The client's side of an upload: a file to ImportService, and waiting until its import has ended."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import grpc.aio
from ngoclinh.land.v1.area_outline_pb2 import AreaOutlines, AreaOutlinesHeader
from ngoclinh.land.v1.import_service_pb2 import (
    GetImportRequest,
    UploadAreaOutlinesRequest,
    UploadHeader,
    UploadImportRequest,
)
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from ngoclinh.land.v1.parcel_pb2 import Import, ImportOptions, ImportState

from services.core.errors import UnreadableFile
from services.land.frames import error_of

_CHUNK = 256 * 1024
_POLL_S = 0.2
_SHAPEFILE = b"\x00\x00\x27\x0a"
_SIDECARS = (".shx", ".dbf", ".prj", ".cpg")


async def import_file(
    channel: grpc.aio.Channel, file: Path, options: ImportOptions, told: Callable[[str], None] = lambda _: None
) -> Import:
    """Upload a file and wait until its import has ended.

    Args:
        channel: where ImportService is.
        file: the file; the parts of a Shapefile are packed into one ZIP file.
        options: what is known about it.
        told: called with the step that it is in.

    Returns:
        the import, COMMITTED or REJECTED.

    Raises:
        NgocLinhError: the file cannot be used.
        grpc.aio.AioRpcError: the service refuses it.
    """
    require(file)
    imports = ImportServiceStub(channel)
    import_: Import = await imports.UploadImport(_messages(file, options), timeout=3600)
    while import_.state == ImportState.IMPORT_STATE_RUNNING:
        told(import_.step)
        await asyncio.sleep(_POLL_S)
        import_ = await imports.GetImport(GetImportRequest(name=import_.name))
    if import_.state == ImportState.IMPORT_STATE_FAILED:
        raise error_of(import_)
    return import_


async def upload_outlines(channel: grpc.aio.Channel, file: Path, coordinate_system: str) -> AreaOutlines:
    """Upload a file of commune outlines; they take the place of those before.

    Args:
        channel: where ImportService is.
        file: the file; the parts of a Shapefile are packed into one ZIP file.
        coordinate_system: "auto", an EPSG code or a central meridian.

    Raises:
        UnreadableFile: there is no such file.
        grpc.aio.AioRpcError: the service refuses it.
    """
    require(file)

    async def messages() -> AsyncIterator[UploadAreaOutlinesRequest]:
        with _whole(file) as stream:
            header = AreaOutlinesHeader(file_name=file.name, coordinate_system=coordinate_system)
            yield UploadAreaOutlinesRequest(header=header)
            while chunk := stream.read(_CHUNK):
                yield UploadAreaOutlinesRequest(chunk=chunk)

    answer: AreaOutlines = await ImportServiceStub(channel).UploadAreaOutlines(messages(), timeout=3600)
    return answer


async def _messages(file: Path, options: ImportOptions) -> AsyncIterator[UploadImportRequest]:
    with _whole(file) as stream:
        yield UploadImportRequest(header=UploadHeader(file_name=file.name, options=options))
        while chunk := stream.read(_CHUNK):
            yield UploadImportRequest(chunk=chunk)


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[BinaryIO]:
    """A file as one stream: a Shapefile with its parts beside it comes as a ZIP file of them."""
    parts = [other for other in file.parent.iterdir() if other.stem == file.stem and other.suffix.lower() in _SIDECARS]
    with file.open("rb") as stream:
        if not parts or stream.read(4) != _SHAPEFILE:
            stream.seek(0)
            yield stream
            return
    with tempfile.TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in (file, *parts):
                archive.write(part, f"{file.stem}{part.suffix.lower() if part != file else '.shp'}")
        packed.seek(0)
        yield packed


def require(file: Path) -> None:
    """Raise `UnreadableFile` where there is no such file."""
    if not file.is_file():
        raise UnreadableFile(f"Không có tệp {file}.", f"There is no file {file}.")
