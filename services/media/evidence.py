"""Files that show what was published, kept by their content in one folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from ngoclinh.media.v1.article_pb2 import Evidence

from services.core.errors import InvalidField, NotFound, RefusedFile, TooLarge, Unavailable
from services.core.room import require_room

MAX_BYTES = 10 * 1024 * 1024
"""Largest file."""
CHUNK = 256 * 1024
"""Bytes that are read at once."""
KEPT_UNNAMED_S = 86_400.0
"""Seconds for which a file is kept that no article names."""

_PART = ".part"


def media_type(head: bytes) -> str:
    """What a file is by its first bytes; "" for what is not taken.

    Only kinds that no program runs as a script: SVG and HTML are none of them.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return "application/pdf" if head.startswith(b"%PDF-") else ""


class EvidenceStore:
    """Files by the SHA-256 of their content: the same file lies there once.

    Args:
        folder: made where it is not there, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def receive(self, chunks: AsyncIterator[bytes]) -> Evidence:
        """Keep a file; it is durable when this returns.

        Raises:
            RefusedFile: it is none of the kinds that are taken.
            TooLarge: it is larger than 10 MB.
            InvalidField: it is empty.
            Unavailable: it cannot be written, or the disk is almost full.
        """
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > MAX_BYTES:
                raise TooLarge("Tệp minh chứng vượt giới hạn 10 MB.", "The evidence exceeds the limit of 10 MB.")
        if not data:
            raise InvalidField("evidence", "tệp rỗng", "the file is empty")
        kind = media_type(bytes(data[:16]))
        if not kind:
            raise RefusedFile(
                "Tệp minh chứng phải là PNG, JPEG, WebP hoặc PDF.", "Evidence must be PNG, JPEG, WebP or PDF."
            )
        sha256 = hashlib.sha256(data).hexdigest()
        await asyncio.to_thread(self._write, sha256, bytes(data))
        return Evidence(sha256=sha256, media_type=kind, size_bytes=len(data))

    async def describe(self, sha256: str) -> Evidence:
        """What a kept file is.

        Raises:
            NotFound: there is no such file.
        """
        path = self._path(sha256)

        def look() -> tuple[bytes, int]:
            with path.open("rb") as file:
                return file.read(16), path.stat().st_size

        try:
            head, size = await asyncio.to_thread(look)
        except FileNotFoundError:
            raise NotFound(f"evidence/{sha256}") from None
        return Evidence(sha256=sha256, media_type=media_type(head), size_bytes=size)

    async def read(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes of a kept file, in parts.

        Raises:
            NotFound: there is no such file.
        """
        try:
            file = await asyncio.to_thread(self._path(sha256).open, "rb")
        except FileNotFoundError:
            raise NotFound(f"evidence/{sha256}") from None
        with file:
            while part := await asyncio.to_thread(file.read, CHUNK):
                yield part

    async def erase(self, sha256: str) -> None:
        """Erase a file; one that is not there is fine."""
        await asyncio.to_thread(self._path(sha256).unlink, missing_ok=True)

    async def sweep(self, is_named: Callable[[str], Awaitable[bool]]) -> int:
        """Erase what no article names and nobody will name any more; returns the number of files.

        Args:
            is_named: does an article name this digest.
        """
        count = 0
        for path in await asyncio.to_thread(self._old):
            if path.suffix == _PART or not await is_named(path.name):
                await asyncio.to_thread(path.unlink, missing_ok=True)
                count += 1
        return count

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _old(self) -> list[Path]:
        limit = time.time() - KEPT_UNNAMED_S
        files = (path for path in self._folder.glob("*/*") if path.is_file())
        return [path for path in files if path.stat().st_mtime < limit]

    def _write(self, sha256: str, data: bytes) -> None:
        """Write beside and rename, both synced: a name stands for a whole file, also after the power failed."""
        path = self._path(sha256)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                os.utime(path)
                return
            require_room(path.parent, len(data))
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_PART, delete=False) as file:
                part = Path(file.name)
                try:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    part.unlink()  # on a full disk it would take the last room
                    raise
            part.rename(path)
            for folder in (path.parent, self._folder, self._folder.parent):
                _sync(folder)
        except OSError as error:
            raise Unavailable(
                f"Không ghi được tệp minh chứng: {error.strerror}.", f"Evidence cannot be written: {error.strerror}."
            ) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
