"""Outlines of communes in the store: a file of them takes the place of all before it, maps ask for some."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from ngoclinh.land.v1.area_outline_pb2 import AreaOutline, AreaOutlines, AreaOutlinesHeader, SkippedOutline
from ngoclinh.land.v1.import_service_pb2 import UploadAreaOutlinesRequest, UploadHeader, UploadImportRequest
from ngoclinh.land.v1.land_service_pb2 import GetAreaOutlinesRequest, GetAreaOutlinesResponse
from ngoclinh.land.v1.parcel_pb2 import Import, ImportOptions

from services.core import paging
from services.core.clock import Clock, to_timestamp
from services.core.errors import InvalidPageToken, Overloaded, TooLarge, UnreadableFile
from services.core.ports import ParcelStore
from services.core.sections.work import LandSettings
from services.land import options
from services.land.reader import read_outlines
from services.land.uploads import Uploads, read_header

COMMUNES = "communes"
"""Name of the layer of communes in the store."""

MOST_SKIPPED = 100
"""Skipped records that an answer names."""

_AT_ONCE = 25


class OutlineUploads:
    """Takes files of outlines, one at a time.

    Args:
        store: where outlines go.
        folder: where a file lies while it is read; nothing else may lie there.
        land: limits.
        clock: the present moment.
    """

    def __init__(self, store: ParcelStore, folder: Path, land: LandSettings, clock: Clock) -> None:
        self._store = store
        self._land = land
        self._clock = clock
        self._uploads = Uploads(folder, land.max_upload_mb)
        self._turn = asyncio.Lock()

    async def receive(self, requests: AsyncIterator[UploadAreaOutlinesRequest]) -> AreaOutlines:
        """Read the outlines of an upload and put them in the place of all that are stored.

        Raises:
            NgocLinhError: the file cannot be used; nothing was changed.
            Overloaded: another one is being read.
        """
        if self._turn.locked():
            raise Overloaded("Đang nạp một tệp ranh giới khác.", "Another file of outlines is being loaded.", 10)
        async with self._turn:
            for left in await asyncio.to_thread(self._uploads.names):
                self._uploads.forget(left)
            stream = _parts(requests)
            header = await read_header(stream)
            options.read(header.options)
            stored = await self._uploads.receive(header, stream)
            try:
                outlines, answer = await self._read(self._uploads.path(stored.name), header)
            finally:
                self._uploads.forget(stored.name)
            await self._store.put_layer(COMMUNES, outlines)
        answer.update_time.CopyFrom(to_timestamp(self._clock()))
        return answer

    async def _read(self, path: Path, header: UploadHeader) -> tuple[list[AreaOutline], AreaOutlines]:
        """What the child finds in a file.

        Raises:
            UnreadableFile: no outline can be used.
            TooLarge: they are more than a child could hold.
        """
        asked = AreaOutlinesHeader(file_name=header.file_name, coordinate_system=header.options.coordinate_system)
        outlines: dict[str, AreaOutline] = {}
        answer = AreaOutlines()
        left = self._land.reader_memory_mb << 20
        async with aclosing(read_outlines(path, asked, self._land)) as found:
            async for one in found:
                if isinstance(one, AreaOutline):
                    outlines[one.area] = one
                    left -= len(one.wgs84_wkb)
                elif isinstance(one, SkippedOutline):
                    answer.skipped_count += 1
                    if answer.skipped_count <= MOST_SKIPPED:
                        answer.skipped.append(one)
                elif isinstance(one, Import):
                    answer.coordinate_system = one.coordinate_system
                if left < 0:
                    raise TooLarge("Các ranh giới quá chi tiết.", "The outlines are too detailed.")
        if not outlines:
            first = answer.skipped[0] if answer.skipped else SkippedOutline()
            raise UnreadableFile(
                f"Tệp không có ranh giới xã, phường nào dùng được; bản ghi đầu “{first.code}”: {first.reason.vi}.",
                f"The file has no usable outline of a commune; its first record '{first.code}': {first.reason.en}.",
            )
        answer.outline_count = len(outlines)
        return list(outlines.values()), answer


async def get_outlines(store: ParcelStore, request: GetAreaOutlinesRequest, most_bytes: int) -> GetAreaOutlinesResponse:
    """The outlines of some communes, as many as fit into one answer; its token leads to the others.

    Args:
        store: where they are.
        request: names of the communes.
        most_bytes: bytes of an answer.
    """
    filter_ = GetAreaOutlinesRequest(areas=request.areas)
    key = paging.decode_token("areaOutlines", filter_, request.page_token)
    if key is not None and ([type(value) for value in key] != [int] or not 0 < key[0] < len(request.areas)):
        raise InvalidPageToken
    answer = GetAreaOutlinesResponse()
    start, left = key[0] if key else 0, most_bytes
    for first in range(start, len(request.areas), _AT_ONCE):
        names = request.areas[first : first + _AT_ONCE]
        found = {one.area: one for one in await store.layer(COMMUNES, names)}
        for number, name in enumerate(names, first):
            if name not in found:
                continue
            left -= found[name].ByteSize() + 8
            if left < 0 and answer.outlines:
                answer.next_page_token = paging.encode_token("areaOutlines", filter_, [number])
                return answer
            answer.outlines.append(found[name])
    return answer


async def _parts(requests: AsyncIterator[UploadAreaOutlinesRequest]) -> AsyncIterator[UploadImportRequest]:
    """The messages of an upload as those of any other file."""
    async for one in requests:
        if one.WhichOneof("part") == "header":
            known = ImportOptions(coordinate_system=one.header.coordinate_system)
            yield UploadImportRequest(header=UploadHeader(file_name=one.header.file_name, options=known))
        else:
            yield UploadImportRequest(chunk=one.chunk)
