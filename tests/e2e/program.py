"""`ngoclinh up` as a user starts it: a process of its own, known by its `ready` line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.services.gateway.conftest import Answer, send

NGOCLINH = Path(sys.executable).with_name("ngoclinh")
ASK_S = 120.0
"""Seconds to wait for an answer, on a busy machine."""
READY = re.compile(r"ready http://127\.0\.0\.1:(\d+) grpc://127\.0\.0\.1:(\d+)\n")


def environment() -> dict[str, str]:
    """The environment without settings of the machine."""
    return {key: value for key, value in os.environ.items() if not key.startswith("NGOCLINH_")}


def ngoclinh(*arguments: str | Path, timeout_s: float = 120, **named: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [NGOCLINH, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=environment(),
        check=False,
        **named,
    )


class Program:
    """A running `ngoclinh up`.

    Attributes:
        port: of the gateway.
        grpc_port: for gRPC.
    """

    def __init__(self, *arguments: str | Path, timeout_s: float = 60) -> None:
        self._process = subprocess.Popen(
            [NGOCLINH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self.errors: list[str] = []
        assert self._process.stdout
        assert self._process.stderr
        threading.Thread(target=self.errors.extend, args=(self._process.stderr,), daemon=True).start()
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(self._process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        reader.join(timeout_s)
        match = READY.fullmatch(lines[0]) if lines else None
        if match is None:
            self.kill()
            raise AssertionError(f"no ready line but {lines}: {''.join(self.errors)}")
        self.port, self.grpc_port = int(match[1]), int(match[2])

    @property
    def pid(self) -> int:
        """Process id of the core."""
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """Process ids of its children."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def ask(self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request over REST; the program ends it by its deadline, long before this gives up."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        return send(self.port, method, path, data, kind | (headers or {}), ASK_S)

    def get(self, path: str) -> Any:
        """What a path answers, as JSON."""
        answer = self.ask(path)
        assert answer.status == 200, answer.body
        return answer.json

    def terminate(self, timeout_s: float = 40) -> int:
        """Ask it to end; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """kill -9."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)


@contextlib.contextmanager
def running(*arguments: str | Path) -> Iterator[Program]:
    """A program that ends with the block."""
    program = Program(*arguments)
    try:
        yield program
    finally:
        if program._process.poll() is None:
            program.terminate()


def eventually(look: Callable[[], Any], timeout_s: float = 120, pause_s: float = 0.2) -> Any:
    """What `look` gives as soon as it is true."""
    end = time.monotonic() + timeout_s
    while True:
        found = look()
        if found or time.monotonic() > end:
            assert found, f"{look} stayed {found!r}"
            return found
        time.sleep(pause_s)
