"""What all servers of the tests have in common."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

USER = "ngoclinh-test"
"""The user that runs servers where the tests run as root: Elasticsearch and PostgreSQL refuse root."""
STOP_S = 30


class Missing(Exception):
    """A program that a server needs is not here; the message says what to install."""


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _user() -> str | None:
    """The unprivileged user to switch to; None where the tests have no privileges to drop."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(USER)
    except KeyError:
        made = subprocess.run(["useradd", "--system", "--no-create-home", USER], capture_output=True, text=True)
        if made.returncode not in (0, 9):  # 9: somebody else made it meanwhile
            raise Missing(f"the user {USER} could not be made: {made.stderr}") from None
    return USER


class Server(ABC):
    """One server with a folder and a port of its own, which it keeps over `kill` and `start`.

    Args:
        data: where its data lie, by default in its folder, with which they go; its user must be able to write there.
    """

    start_s: float = 60
    """Seconds until it must answer."""

    def __init__(self, data: Path | None = None) -> None:
        self.user = _user()
        self.folder = Path(tempfile.mkdtemp(prefix=f"ngoclinh-{type(self).__name__.lower()}-"))
        self.data = data or self.folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.prepare()
            self.own()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @abstractmethod
    def prepare(self) -> None:
        """Look for the programs and write the configuration into `folder`.

        Raises:
            Missing: a program is not here.
        """

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command that runs the server in the foreground."""

    @abstractmethod
    def ready(self) -> bool:
        """Does it answer?"""

    def environment(self) -> Mapping[str, str]:
        """Variables of its environment."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}

    @property
    def pid(self) -> int:
        """Its process, which leads a process group of its own."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start it and wait until it answers."""
        log = (self.folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            [str(part) for part in self.command()],
            cwd=self.folder,
            env=dict(self.environment()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as_user(),
        )
        log.close()
        wait_for(self._answers, self.start_s, self.log)
        return self

    def run(self, *command: str | Path) -> str:
        """What a command of the server's user prints."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=dict(self.environment()),
            capture_output=True,
            text=True,
            **self._as_user(),
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def runs(self) -> bool:
        """Whether its process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def own(self) -> None:
        """Give everything in `folder` to the server's user; files of a server that runs come and go meanwhile."""
        if self.user:
            for folder, _, files in os.walk(self.folder):
                for path in (Path(folder), *(Path(folder) / name for name in files)):
                    with contextlib.suppress(FileNotFoundError):
                        shutil.chown(path, self.user)

    def log(self) -> str:
        """The end of what it wrote."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace")[-4000:] if path.is_file() else ""

    def kill(self) -> None:
        """Kill -9 of all its processes; `start` brings it back with its data."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing until `resume`."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it in order and remove its folder."""
        if self._process is not None and self.runs:
            os.killpg(self.pid, signal.SIGCONT)
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    stop_signal: signal.Signals = signal.SIGTERM

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended with {self._process.returncode}: {self.log()}")
        return self.ready()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)
        self._process.wait()

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def wait_for(condition: Callable[[], bool], within_s: float, why: Callable[[], str] = lambda: "") -> None:
    """Wait until a condition holds; it fails with `why` after `within_s` seconds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s} s. {why()}"
        time.sleep(0.05)
