"""Children of root with the rights of the service's user: whatever they do costs root bounded time and bounded memory.

Another process of that user may stop such a child, trace it, or write into its pipes. Therefore nothing here waits for
the end of a pipe or of a process without a deadline, a child has neither root's terminal nor root's environment, and
what it says is data.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import BinaryIO, Self

from services.core.errors import Conflict, TooLarge
from services.core.vietnamese import strip_controls

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONNOUSERSITE": "1",
    "PYTHONSAFEPATH": "1",
}
DATA_S = 4 * 3600.0
"""Seconds for which a backup, or bringing one back, may take."""
END_S = 30.0
"""Seconds for a child to end by itself once it was asked."""
_KEPT = 4096
"""Bytes that are kept of what a child says beside its result."""
_CHUNK = 1 << 16


class Child:
    """One child; it has ended when the block is left, or nobody waits for it any longer.

    Args:
        command: program and arguments.
        seconds: how long it may take.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._errors = b""
        self._reading = threading.Lock()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make an end of it and of what it started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):  # one that is traced by another is not seen to end
                self._process.wait(END_S)
        if self._reading.acquire(
            timeout=1.0
        ):  # else another thread reads on, and must not meet pipes of the next child
            for stream in (self._process.stdout, self._process.stderr):
                if stream:
                    stream.close()
            self._reading.release()

    @property
    def why(self) -> str:
        """The last line that it wrote for people; one line without control characters."""
        lines = self._errors.decode("utf-8", "replace").strip().splitlines()
        return strip_controls(lines[-1])[:500] if lines else f"code {self._process.returncode}"

    def follow(self, out: Callable[[bytes], object]) -> None:
        """Hand over what it writes, until it has closed both pipes.

        Raises:
            TimeoutError: its time is over.
        """
        assert self._process.stdout
        assert self._process.stderr
        with self._reading, selectors.DefaultSelector() as waiting:
            for stream in (self._process.stdout, self._process.stderr):
                os.set_blocking(stream.fileno(), False)
                waiting.register(stream, selectors.EVENT_READ)
            while waiting.get_map():
                for key, _ in waiting.select(self._left()):
                    try:
                        data = os.read(key.fd, _CHUNK)
                    except BlockingIOError:
                        continue
                    if not data:
                        waiting.unregister(key.fileobj)
                    elif key.fileobj is self._process.stderr:
                        self._errors = (self._errors + data)[-_KEPT:]
                    else:
                        out(data)

    def code(self) -> int:
        """Its exit code, once it has ended by itself.

        Raises:
            TimeoutError: its time is over.
        """
        try:
            return self._process.wait(self._left())
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error

    def ask_to_end(self) -> None:
        """Ask it to end by itself, and give it some time."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def run(command: Sequence[str], seconds: float) -> None:
    """Run a command to its end; what it prints as its result is not wanted.

    Raises:
        Conflict: it failed or took too long; the last line that it wrote says why.
    """
    _finish(command, seconds, lambda data: None)


def copy(command: Sequence[str], target: BinaryIO, most: int, seconds: float) -> None:
    """Write what a command prints to a file of root's.

    Raises:
        TooLarge: it prints more than `most` bytes.
        Conflict: it failed or took too long.
    """
    count = 0

    def take(data: bytes) -> None:
        nonlocal count
        count += len(data)
        if count > most:
            raise TooLarge(f"Tệp vượt giới hạn {most} byte.", f"The file exceeds the limit of {most} bytes.")
        target.write(data)

    _finish(command, seconds, take)


def first_line(command: Sequence[str], seconds: float, fine: Callable[[str], bool]) -> None:
    """Start a program that says in its first line that it serves, look whether that is so, and end it.

    Args:
        command: program and arguments.
        seconds: how long it may take until it serves, and then to be looked at.
        fine: looks, given the line; it may take long.

    Raises:
        Conflict: it does not serve; the last line that it wrote says why.
    """
    said, heard = bytearray(), threading.Event()
    verdict = list[bool]()

    def take(data: bytes) -> None:
        said.extend(data[: _KEPT - len(said)])
        if b"\n" in said:
            heard.set()

    def follow() -> None:
        with contextlib.suppress(TimeoutError, OSError, ValueError):
            child.follow(take)
        heard.set()

    def look() -> None:
        verdict.append(fine(said.split(b"\n", 1)[0].decode("utf-8", "replace")))

    with Child(command, 2 * seconds) as child:
        threading.Thread(target=follow, daemon=True).start()
        heard.wait(seconds)
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        looking.join(seconds)
        child.ask_to_end()
        if verdict != [True]:
            raise Conflict(
                f"Phiên bản mới không chạy được ở đây: {child.why}", f"The new release does not work here: {child.why}"
            )


def _finish(command: Sequence[str], seconds: float, take: Callable[[bytes], object]) -> None:
    name = command[-1 if "--" not in command else list(command).index("--") + 1]
    with Child(command, seconds) as child:
        try:
            child.follow(take)
            code = child.code()
        except TimeoutError as error:
            raise Conflict(
                f"{name}: không xong trong {seconds:.0f} giây.", f"{name}: not done within {seconds:.0f} seconds."
            ) from error
        if code:
            raise Conflict(f"{name}: {child.why}", f"{name}: {child.why}")
