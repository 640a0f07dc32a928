"""The processes of the product as they run, whole or in parts, and how one of them is found, ended and started again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.program import NGOCLINH, environment, eventually
from tests.faults.telling import Logs, faults_in

READY_S = 300.0
"""Seconds in which a process that was started must serve, on a busy machine."""
GONE_S = 180.0
"""Seconds in which a child that was killed must be there again, or a request must have started one."""
_FIRST_PORT, _LAST_PORT = 15_000, 30_000
_READY = re.compile(r"ready .*http://127\.0\.0\.1:(\d+)")

CRAWLER, READER = "services.crawler_process", "services.land.reader_child"


def quiet_port(taken: set[int]) -> int:
    """A free port below those that the system gives to outgoing connections, so that nobody takes it during a restart."""
    for port in range(_FIRST_PORT + os.getpid() % 10_000, _LAST_PORT):
        with socket.socket() as probe:
            if port not in taken and probe.connect_ex(("127.0.0.1", port)):
                taken.add(port)
                return port
    raise AssertionError("no free port")


@dataclass(frozen=True)
class Kind:
    """A kind of process that can be killed.

    Attributes:
        part: name of the process that was started here.
        child: module of the child that is meant; "" means the process itself.
        with_file: of a reader, whether it reads a file or checks what requests bring.
    """

    part: str
    child: str = ""
    with_file: bool = False

    def is_meant(self, command: str) -> bool:
        """Is a child with this command line one of these?"""
        return self.child in command and (self.child != READER or ('"path": ""' not in command) == self.with_file)


class Part:
    """One process that was started here, again and again.

    Attributes:
        errors: what all its lives wrote to standard error.
        port: of its web server; 0 where it has none.
        starts: how often it was started.
    """

    def __init__(self, *arguments: str | Path) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self.errors: list[str] = []
        self.port = 0
        self.starts = 0

    def start(self) -> None:
        """Start it; `wait` waits until it serves."""
        self._ready = ready = threading.Event()
        self._process = process = subprocess.Popen(
            [NGOCLINH, *self._arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self.starts += 1
        threading.Thread(target=self.errors.extend, args=(process.stderr,), daemon=True).start()
        threading.Thread(target=self._listen, args=(process, ready), daemon=True).start()

    def wait(self) -> None:
        """Wait until it serves."""
        end = time.monotonic() + READY_S
        while not self._ready.wait(0.2):
            code = self._process.poll() if self._process else None
            assert code is None, f"{self._arguments} ended with {code}: {''.join(self.errors[-50:])}"
            assert time.monotonic() < end, f"{self._arguments} does not serve: {''.join(self.errors[-50:])}"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> Iterator[tuple[int, str]]:
        """Process id and command line of each of its children."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    yield int(pid), Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()

    def reap(self) -> None:
        """Wait for the end of a process that was killed."""
        assert self._process is not None
        self._process.wait(GONE_S)

    def stop(self) -> int:
        """Ask it to end; its exit code, that of a kill where it takes too long."""
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _listen(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout
        for line in process.stdout:
            if found := _READY.match(line):
                self.port = int(found[1])
            if line.startswith("ready "):
                ready.set()


class Processes:
    """All processes of one product.

    Args:
        parts: by name.
        kinds: what can be killed, by name.
        web: name of the part that has the web server.
    """

    def __init__(self, parts: Mapping[str, Part], kinds: Mapping[str, Kind], web: str) -> None:
        self.parts = parts
        self.kinds = kinds
        self._web = web

    def __enter__(self) -> Processes:
        try:
            for part in self.parts.values():
                part.start()
            for part in self.parts.values():
                part.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in self.parts.values():
            part.stop()

    @property
    def port(self) -> int:
        """Of the web server."""
        return self.parts[self._web].port

    @property
    def faults(self) -> list[str]:
        """Lines of all logs that tell of a fault of the program."""
        return faults_in(line for part in self.parts.values() for line in part.errors)

    @property
    def logs(self) -> Logs:
        """The logs of all parts."""
        return {name: lambda part=part: "".join(part.errors) for name, part in self.parts.items()}  # type: ignore[misc]

    def wait(self) -> None:
        """Wait until everything that was started here serves."""
        for part in self.parts.values():
            part.wait()

    def find(self, name: str) -> int:
        """A living process of a kind; where there is none, as soon as there is one."""
        kind = self.kinds[name]
        self.parts[kind.part].wait()
        return int(eventually(lambda: self._living(kind), GONE_S, 0.01))

    def kill(self, name: str) -> bool:
        """kill -9 of a process of a kind, and a start of what nobody else starts; False where it ended by itself before."""
        kind = self.kinds[name]
        pid = self.find(name)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if not kind.child:
            self.parts[kind.part].reap()
            self.parts[kind.part].start()
        return True

    def _living(self, kind: Kind) -> int:
        part = self.parts[kind.part]
        if not kind.child:
            return part.pid
        return next((pid for pid, command in part.children() if kind.is_meant(command)), 0)
