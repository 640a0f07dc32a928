"""Processes of one data folder: only one program works in it; a child that dies or stands still is started again."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from services.core.errors import Conflict
from services.core.log import get_logger

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
SOUND_S = 60.0
"""A child that lived this long starts with the first pause again."""
TERM_S = 20.0
"""Seconds for a child to end by itself."""
BEAT_S = 5.0
"""Seconds between two signs of life of a child."""

_log = get_logger(__name__)


class Lock:
    """An exclusive lock on a file; the kernel gives it back however the process ends.

    Args:
        path: the file; it holds the process id of the owner.
        wait_s: seconds to wait for another owner.
    """

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        self._path = path
        self._wait_s = wait_s
        self._file = -1

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            Conflict: another process has it.
        """
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() < end:
                    time.sleep(0.1)
                    continue
                owner = os.read(self._file, 20).decode("ascii", "replace").strip()
                os.close(self._file)
                folder = self._path.parent
                raise Conflict(
                    f"Ngọc Linh đang chạy với thư mục {folder} (tiến trình {owner}).",
                    f"Ngọc Linh runs on the folder {folder} already (process {owner}).",
                ) from None
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())
            return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        os.close(self._file)


def is_locked(path: Path) -> bool:
    """Does a process hold the lock?"""
    if not path.exists():
        return False
    try:
        with Lock(path):
            return False
    except Conflict:
        return True


def beat() -> None:
    """A sign of life to the parent, on standard output."""
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(1, b".")


class Child:
    """A child process that is started again when it dies, with growing pauses, until it is stopped.

    A child that stands still is ended: it could hold a file that others share, such as the spool of the bus in the middle
    of a write, for as long as it stands.

    Args:
        name: for the log.
        command: program and arguments.
        standard_input: what it gets to read.
        environment: its environment.
        silence_s: seconds without a `beat` after which it stands still; None for a child that gives no signs of life.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        standard_input: bytes = b"",
        environment: dict[str, str] | None = None,
        silence_s: float | None = None,
    ) -> None:
        self._name = name
        self._command = command
        self._input = standard_input
        self._environment = environment
        self._silence_s = silence_s
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and keep it running."""
        self._task = asyncio.create_task(self._keep(), name=f"child {self._name}")

    async def run(self) -> int:
        """Run it once to its end; its exit code."""
        return await self._ended(await self._spawn())

    async def stop(self) -> None:
        """Ask it to end, and make it end after some seconds."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), TERM_S)
        except TimeoutError:
            _log.warning("child does not end", child=self._name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            code = await self._ended(await self._spawn())
            if time.monotonic() - began > SOUND_S:
                pause_s = FIRST_PAUSE_S
            _log.warning("child ended", child=self._name, code=code, pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        """Wait for the end of a child, and make an end of one that stands still; its exit code."""
        if self._silence_s is not None and await self._stands_still(process, self._silence_s):
            _log.warning("child stands still", child=self._name, silence_s=self._silence_s)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return await process.wait()

    async def _stands_still(self, process: asyncio.subprocess.Process, silence_s: float) -> bool:
        """True once a child was silent too long, False once it has closed its output.

        Waits are counted, not a clock: a whole machine that slept, or this process where it stood still, adds one wait.
        """
        assert process.stdout
        silent = 0
        while silent * BEAT_S < silence_s:
            try:
                async with asyncio.timeout(BEAT_S):
                    if not await process.stdout.read(4096):
                        return False
            except TimeoutError:
                silent += 1
            else:
                silent = 0
        return True

    async def _spawn(self) -> asyncio.subprocess.Process:
        output = asyncio.subprocess.DEVNULL if self._silence_s is None else asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=output, env=self._environment
        )
        self._process = process
        self.starts += 1
        assert process.stdin
        with contextlib.suppress(ConnectionError):
            process.stdin.write(self._input)
            await process.stdin.drain()
        process.stdin.close()
        return process
