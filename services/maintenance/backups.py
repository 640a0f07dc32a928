"""The backups of a machine: which there are, what they hold, one more now, one from elsewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ngoclinh.operations.v1.maintenance_service_pb2 import Backup, BackupPart, BackupRun, WorkState
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.backup import archive
from services.backup.content import FOLDERS, POSTGRES, Manifest
from services.backup.make import make, size
from services.backup.restore import require_known
from services.core.clock import Clock, to_timestamp
from services.core.config import Settings
from services.core.errors import Conflict, NgocLinhError, NotFound, TooLarge, Unavailable
from services.core.log import get_logger
from services.core.room import require_room

SUFFIX = ".ngoclinh"
CHUNK = 256 * 1024
"""Bytes of one part of a file that is given."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.ngoclinh")
_STAMP = "%Y%m%dT%H%M%SZ"
_log = get_logger(__name__)


class Backups:
    """Backups in the folder of the daily ones and in `backups` of the data folder.

    Args:
        settings: where they lie.
        clock: the present moment.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._own = settings.data_dir / "backups"
        self._task: asyncio.Task[None] | None = None
        self._added, self._total = 0, 1
        self._run = BackupRun()

    @property
    def run(self) -> BackupRun:
        """The backup that is made now, or was made last."""
        told = BackupRun()
        told.CopyFrom(self._run)
        if told.state == WorkState.WORK_STATE_RUNNING:
            told.share = min(0.99, self._added / self._total)
        return told

    def path(self, name: str) -> Path:
        """The file of a backup by its resource name.

        Raises:
            NotFound: there is none of this name.
        """
        wanted = name.removeprefix("backups/")
        for path in self._files():
            if path.name == wanted:
                return path
        raise NotFound(name)

    async def all(self) -> list[Backup]:
        """The backups, newest first."""
        found = await asyncio.to_thread(lambda: [self.describe(path) for path in self._files()])
        return sorted(found, key=lambda each: each.create_time.ToNanoseconds(), reverse=True)

    def describe(self, path: Path) -> Backup:
        """What a file says about itself; what is wrong with it as its problem."""
        state = path.stat()
        told = Backup(name=f"backups/{path.name}", size_bytes=state.st_size)
        told.create_time.FromDatetime(datetime.fromtimestamp(int(state.st_mtime), UTC))
        try:
            manifest = _manifest(path, state.st_size, state.st_mtime_ns)
            told.version = manifest.version
            told.create_time.CopyFrom(to_timestamp(datetime.fromisoformat(manifest.time)))
            told.parts.extend(_parts(manifest))
            require_known(self._settings, manifest)
        except (NgocLinhError, ValueError) as error:
            told.problem.CopyFrom(_text(error))
        return told

    def start(self) -> None:
        """Begin a backup in the background.

        Raises:
            Conflict: one is being made.
        """
        if self._task is not None and not self._task.done():
            raise Conflict("Đang có một bản sao lưu được tạo.", "A backup is being made.")
        target = self._folder() / f"manual-{self._clock().astimezone(UTC):{_STAMP}}{SUFFIX}"
        self._run = BackupRun(state=WorkState.WORK_STATE_RUNNING, backup=f"backups/{target.name}")
        self._added, self._total = 0, 1
        self._task = asyncio.create_task(self._make(target), name="backup")

    async def close(self) -> None:
        """Wait for the backup that is being made: a thread that writes cannot be broken off."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def receive(self, chunks: AsyncIterator[bytes]) -> Backup:
        """Keep a backup from elsewhere; it is looked at before it has a name.

        Raises:
            TooLarge: it exceeds the limit.
            Unavailable: the disk is almost full.
            UnreadableFile, RefusedFile: it is no backup.
        """
        target = self._folder() / f"uploaded-{self._clock().astimezone(UTC):{_STAMP}}{SUFFIX}"
        part = target.with_name(f".{target.name}.part")
        try:
            await receive(chunks, part, self._settings.backup.max_upload_mb << 20)
            await asyncio.to_thread(lambda: _look(part))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return await asyncio.to_thread(self.describe, target)

    async def _make(self, target: Path) -> None:
        run = self._run
        try:
            self._total = max(1, await asyncio.to_thread(size, self._settings))
            await asyncio.to_thread(make, self._settings, target, self._clock, self._count)
            run.state, run.share = WorkState.WORK_STATE_DONE, 1.0
        except Exception as error:
            _log.warning("backup failed", error=str(error))
            run.state = WorkState.WORK_STATE_FAILED
            run.problem.CopyFrom(_text(error))

    def _count(self, added: int) -> None:
        self._added += added

    def _folder(self) -> Path:
        folder = self._settings.backup.folder or self._own
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"Không dùng được thư mục {folder}: {error}", f"Cannot use {folder}: {error}") from error
        return folder

    def _files(self) -> Iterator[Path]:
        seen = set[str]()
        for folder in (self._settings.backup.folder, self._own):
            for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
                plain = path.is_file() and not path.is_symlink()
                if plain and _NAME.fullmatch(path.name) and path.name not in seen:
                    seen.add(path.name)
                    yield path


async def receive(
    chunks: AsyncIterator[bytes], target: Path, most: int, told: Callable[[bytes], object] = lambda chunk: None
) -> int:
    """Write what arrives to a new file, part by part, never more than a limit and what the disk spares; its size.

    Raises:
        TooLarge: it exceeds the limit.
        Unavailable: the disk is almost full.
    """
    count = 0
    with target.open("wb") as file:
        async for chunk in chunks:
            count += len(chunk)
            if count > most:
                raise TooLarge(
                    f"Tệp vượt giới hạn {most / 1e6:.0f} MB.", f"The file exceeds the limit of {most / 1e6:.0f} MB."
                )
            require_room(target.parent, len(chunk))
            told(chunk)
            await asyncio.to_thread(file.write, chunk)
    return count


async def parts(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file, part by part."""
    file = await asyncio.to_thread(path.open, "rb")
    with file:
        while part := await asyncio.to_thread(file.read, CHUNK):
            yield part


@lru_cache(64)
def _manifest(path: Path, size_bytes: int, changed_ns: int) -> Manifest:
    """The manifest of a file as it was at a moment: a long one is not read at every look."""
    return _look(path)


def _look(path: Path) -> Manifest:
    with archive.opened(path) as (_, manifest):
        return manifest


def _parts(manifest: Manifest) -> Iterator[BackupPart]:
    for name, store in manifest.stores.items():
        yield BackupPart(
            name=name, count=sum(store.rows.values()), size_bytes=manifest.files[f"{name}.sqlite"].size
        )  # fmt: skip
    if POSTGRES in manifest.files:
        yield BackupPart(name="postgres", size_bytes=manifest.files[POSTGRES].size)
    for folder in FOLDERS:
        sizes = [entry.size for name, entry in manifest.files.items() if name.startswith(f"{folder}/")]
        yield BackupPart(name=folder, count=len(sizes), size_bytes=sum(sizes))


def _text(error: Exception) -> LocalizedText:
    if isinstance(error, NgocLinhError):
        return LocalizedText(vi=error.vi, en=error.en)
    return LocalizedText(vi=f"Lỗi bên trong: {error}", en=f"An internal fault: {error}")
