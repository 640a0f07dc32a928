"""The handle of a fenced child process: start it, speak with it, end it whatever it does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState

from services.core.errors import NgocLinhError, TooLarge, Unavailable, UnreadableFile
from services.core.log import get_logger
from services.land import fence, frames

PROGRAM = "services.land.reader_child"
_FOLDER = "ngoclinh-reader-"
_STREAM_LIMIT = 1 << 20
_STDERR_KEPT = 4000
_END_GRACE_S = 5.0

_log = get_logger(__name__)


class Child:
    """One child process with a private folder, in a process group of its own.

    Args:
        limits: what it may use.
        orders: what else `reader_child.main` takes, besides its folder.
    """

    def __init__(self, limits: fence.Limits, orders: Mapping[str, Any]) -> None:
        self._limits = limits
        self._orders = dict(orders)
        self._folder = ""
        self._process: asyncio.subprocess.Process | None = None
        self._stderr: asyncio.Task[bytes] | None = None
        self._expired_after_s = 0.0
        self.answered = 0

    async def start(self) -> None:
        """Start the process."""
        await asyncio.to_thread(_sweep)
        self._folder = tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-")
        orders = self._orders | {"fence": asdict(self._limits), "folder": self._folder}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            PROGRAM,
            json.dumps(orders),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._folder,
            env=fence.environment(self._folder),
            start_new_session=True,
            limit=_STREAM_LIMIT,
        )
        self._stderr = asyncio.create_task(self._drain())

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.returncode is None

    async def ask(self, message: Message, within_s: float) -> AsyncGenerator[Message, None]:
        """Send a request and give the answers as they come, the final `Import` last.

        Args:
            message: the request.
            within_s: seconds after which the process is killed.

        Raises:
            NgocLinhError: what the child says of a file or request that cannot be used.
            TooLarge: it came to a limit of time or memory.
            Unavailable: it was killed from outside, where the machine has no memory left for instance; ask again.
            UnreadableFile: it broke down or spoke nonsense.
        """
        timer = asyncio.get_running_loop().call_later(within_s, self._expire, within_s)
        try:
            async with aclosing(self._answers(message)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            timer.cancel()

    async def _answers(self, message: Message) -> AsyncGenerator[Message, None]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(frames.encode(message))
            await process.stdin.drain()
        while True:
            try:
                answer = await frames.receive(process.stdout)
            except frames.BrokenFrame as error:
                raise await self._broken(str(error)) from error
            if answer is None:
                raise await self._broken("it ended")
            if isinstance(answer, Import) and answer.state == ImportState.IMPORT_STATE_FAILED:
                raise frames.error_of(answer)
            yield answer
            if isinstance(answer, Import) and answer.state != ImportState.IMPORT_STATE_RUNNING:
                self.answered += 1
                return

    async def stop(self) -> None:
        """End the process and all that it started; remove its folder."""
        process = self._process
        if process is not None:
            self._kill()
            await process.wait()
            if self._stderr is not None:
                self._stderr.cancel()
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _kill(self) -> None:
        process = self._running()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _expire(self, seconds: float) -> None:
        self._expired_after_s = seconds
        self._kill()

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start it first"
        return self._process

    async def _drain(self) -> bytes:
        """The last words on stderr; the pipe never fills."""
        stream = self._running().stderr
        assert stream is not None
        kept = b""
        while chunk := await stream.read(_STDERR_KEPT):
            kept = (kept + chunk)[-_STDERR_KEPT:]
        return kept

    async def _broken(self, what: str) -> NgocLinhError:
        """Why there is no further answer."""
        process = self._running()
        code: int | None = None
        with contextlib.suppress(TimeoutError):
            code = await asyncio.wait_for(process.wait(), _END_GRACE_S)
        words = b""
        if code is not None and self._stderr is not None:
            words = await self._stderr
        if self._expired_after_s:
            return too_long(self._expired_after_s)
        _log.warning("reader child broke down", what=what, code=code, stderr=words.decode("utf-8", "replace"))
        if code == -signal.SIGXCPU or b"MemoryError" in words or b"bad_alloc" in words:
            return too_costly(self._limits)
        if code == -signal.SIGKILL:
            return _ended_from_outside()
        return UnreadableFile(
            "Trình đọc tệp dừng đột ngột khi đọc dữ liệu này; có thể tệp bị hỏng.",
            "The reader broke down on these data; the file may be damaged.",
            {"exit_code": str(code)},
        )


@lru_cache(maxsize=1)
def _sweep() -> None:
    """Remove the folders that the children of a killed service left, once in the life of this one."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def too_long(seconds: float) -> TooLarge:
    """The error of a child that was given up."""
    return TooLarge(
        f"Đọc và kiểm tra dữ liệu này mất quá {seconds:g} giây.",
        f"Reading and checking these data takes more than {seconds:g} seconds.",
        {"limit_s": f"{seconds:g}"},
    )


def _ended_from_outside() -> Unavailable:
    """The error of a child that somebody else killed: its data need not be the reason, so they may be tried again."""
    return Unavailable(
        "Tiến trình đọc dữ liệu bị hệ thống dừng giữa chừng (máy có thể đã hết bộ nhớ); hãy thử lại.",
        "The system ended the process that reads these data (the machine may be out of memory); try again.",
    )


def too_costly(limits: fence.Limits) -> TooLarge:
    """The error of a child that came to its limit of memory or CPU time."""
    return TooLarge(
        f"Đọc và kiểm tra dữ liệu này cần nhiều hơn giới hạn: {limits.memory_mb} MB bộ nhớ, {limits.cpu_s} giây CPU.",
        f"Reading and checking these data takes more than the limits: {limits.memory_mb} MB of memory,"
        f" {limits.cpu_s} seconds of CPU time.",
        {"memory_mb": str(limits.memory_mb), "cpu_s": str(limits.cpu_s)},
    )
