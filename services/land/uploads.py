"""Files on their way into the store: kept on disk from before an upload is acknowledged until its import has ended."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from ngoclinh.land.v1.import_service_pb2 import UploadHeader, UploadImportRequest

from gis.kinds import HEAD, sniff
from services.core.errors import InvalidField, TooLarge, Unavailable
from services.core.names import random_id
from services.core.room import require_room

_PARTIAL = ".part"


@dataclass(frozen=True)
class Stored:
    """A file that is on disk, durably.

    Attributes:
        name: name of its import.
        header: what the user said.
        size_bytes: its size.
        sha256: its digest, hexadecimal.
    """

    name: str
    header: UploadHeader
    size_bytes: int
    sha256: str


class Uploads:
    """The folder of files whose imports have not ended.

    Args:
        folder: readable by its owner only; made at the first use.
        max_mb: largest file in MB.
    """

    def __init__(self, folder: Path, max_mb: int) -> None:
        self._folder = folder
        self._max_mb = max_mb

    def path(self, name: str) -> Path:
        """Where the file of an import lies."""
        return self._folder / name.removeprefix("imports/")

    def names(self) -> list[str]:
        """Imports whose files are here, in the order of their arrival; what an upload left unfinished is removed."""
        if not self._folder.is_dir():
            return []
        for partial in self._folder.glob(f"*{_PARTIAL}"):
            partial.unlink(missing_ok=True)
        kept = sorted(self._folder.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [f"imports/{path.name}" for path in kept]

    async def receive(self, header: UploadHeader, stream: AsyncIterator[UploadImportRequest]) -> Stored:
        """Store the chunks of an upload; they are durable when this returns.

        Raises:
            InvalidField: a second header, or another digest than the header says.
            UnreadableFile: empty, or of a kind that is not read.
            RefusedFile: refused on purpose.
            TooLarge: above the limit.
            Unavailable: the disk is full, or almost.
        """
        name = f"imports/{random_id()}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self.path(name).with_suffix(_PARTIAL)
            try:
                size, digest = await self._write(partial, header, stream)
                await asyncio.to_thread(_make_durable, partial, self.path(name))
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise _disk(error) from error
        return Stored(name, header, size, digest)

    async def _write(
        self, path: Path, header: UploadHeader, stream: AsyncIterator[UploadImportRequest]
    ) -> tuple[int, str]:
        """Size and digest of what came; the kind is told from the first bytes, before the rest is waited for."""
        digest = hashlib.sha256()
        size = 0
        head = b""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            async for message in stream:
                if message.WhichOneof("part") == "header":
                    raise InvalidField("header", "chỉ được gửi một lần, đầu tiên", "comes once, first")
                chunk = message.chunk
                size += len(chunk)
                if size > self._max_mb << 20:
                    raise TooLarge(
                        f"Tệp lớn hơn giới hạn {self._max_mb} MB.", f"The file exceeds the limit of {self._max_mb} MB."
                    )
                if len(head) < HEAD:
                    head = (head + chunk)[:HEAD]
                    if len(head) == HEAD:
                        sniff(head)
                digest.update(chunk)
                require_room(path.parent, len(chunk))
                await asyncio.to_thread(file.write, chunk)
        sniff(head)
        if header.sha256 and header.sha256 != digest.hexdigest():
            raise InvalidField(
                "header.sha256",
                f"tệp nhận được có mã băm khác ({digest.hexdigest()}); hãy gửi lại",
                f"the file that came has another digest ({digest.hexdigest()}); send it again",
            )
        return size, digest.hexdigest()

    def forget(self, name: str) -> None:
        """Remove the file of an import that has ended."""
        self.path(name).unlink(missing_ok=True)


async def read_header(stream: AsyncIterator[UploadImportRequest]) -> UploadHeader:
    """The header of an upload; of the file's name only the part behind the last folder is kept.

    Raises:
        InvalidField: the first message is none.
    """
    first = await anext(stream, None)
    if first is None or first.WhichOneof("part") != "header":
        raise InvalidField("header", "thông điệp đầu tiên phải là header", "must be the first message")
    header = UploadHeader()
    header.CopyFrom(first.header)
    header.file_name = PureWindowsPath(header.file_name).name or "?"
    return header


def _make_durable(partial: Path, final: Path) -> None:
    """Rename a file when its bytes are on disk, and wait until the name is too."""
    for path in (partial, final.parent):
        if path == final.parent:
            partial.rename(final)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _disk(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("Ổ đĩa đã đầy, không lưu được tệp.", "The disk is full; the file cannot be stored.")
    return Unavailable(f"Không lưu được tệp: {error.strerror}.", f"The file cannot be stored: {error.strerror}.")
