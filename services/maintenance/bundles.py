"""The bundle of the next release: taken and looked at here, installed by root.

The program has no right to replace itself, and none is lent to it: whoever can write as the program could else become
root. So the page asks root (`installs`), or shows the command, with the hash of the very bytes that were looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from ngoclinh.operations.v1.maintenance_service_pb2 import Bundle
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core.config import Settings
from services.core.errors import NgocLinhError
from services.maintenance.backups import receive
from services.update.bundle import examine
from services.update.places import BUNDLE, FOLDER, Places


class Bundles:
    """At most one bundle, in a folder of the data folder.

    Args:
        settings: where it lies, and how large it may be.
        places: where the installation lies, whose key it has to fit.
    """

    def __init__(self, settings: Settings, places: Places) -> None:
        self._folder = settings.data_dir / FOLDER
        self._places = places
        self._most = settings.backup.max_upload_mb << 20
        self._known: tuple[tuple[int, int], Bundle] | None = None
        self._lock = asyncio.Lock()

    async def waiting(self) -> Bundle | None:
        """The bundle that waits to be installed; None where there is none, or it was installed."""
        file = self._folder / BUNDLE
        async with self._lock:
            try:
                state = file.stat()
            except FileNotFoundError:
                return None
            key = (state.st_size, state.st_mtime_ns)
            if self._known is None or self._known[0] != key:
                self._known = key, await asyncio.to_thread(_describe, file, self._places)
            told = self._known[1]
            return told if not told.HasField("problem") else None

    async def take(self, chunks: AsyncIterator[bytes]) -> Bundle:
        """Keep a bundle in the place of the one before, once it is looked at as `ngoclinh update` does.

        Raises:
            TooLarge: it exceeds the limit.
            Unavailable: the disk is almost full.
            RefusedFile, UnreadableFile: it is damaged or none.
            Conflict: it is not newer, or made for another machine.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".{BUNDLE}.part"
        async with self._lock:
            try:
                await receive(chunks, part, self._most)
                await asyncio.to_thread(examine, part, self._places)
                part.replace(self._folder / BUNDLE)
            finally:
                part.unlink(missing_ok=True)
            self._known = None
        found = await self.waiting()
        assert found is not None
        return found


def _describe(file: Path, places: Places) -> Bundle:
    state = file.stat()
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    told = Bundle(size_bytes=state.st_size, sha256=sha256)
    told.create_time.FromDatetime(datetime.fromtimestamp(int(state.st_mtime), UTC))
    told.command = f"sudo ngoclinh update {shlex.quote(str(file.absolute()))} --sha256 {sha256}"
    try:
        found = examine(file, places)
        told.version, told.signed = found.version, found.signed
    except NgocLinhError as error:
        told.problem.CopyFrom(LocalizedText(vi=error.vi, en=error.en))
    return told
