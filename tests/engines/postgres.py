"""PostgreSQL with PostGIS of the distribution."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
from pathlib import Path

from tests.engines.base import STOP_S, Missing, Server, wait_for

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian's packages put the programs, by version."""


class Postgres(Server):
    """One cluster; every test takes a database of its own."""

    start_s = 120
    stop_signal = signal.SIGINT  # fast shutdown: it does not wait for clients

    def prepare(self) -> None:
        """Look for the programs; the cluster is made at the first start."""
        found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise Missing("PostgreSQL: apt-get install postgresql postgresql-15-postgis-3")
        self._bin = found[-1].parent
        share = Path("/usr/share/postgresql") / found[-1].parts[-3] / "extension/postgis.control"
        if not share.is_file():
            raise Missing(f"PostGIS: apt-get install postgresql-{found[-1].parts[-3]}-postgis-3")
        self._numbers = itertools.count()

    def start(self) -> Postgres:
        """Make the cluster where there is none, start it."""
        if not self.data.is_dir():
            self.run(
                self._bin / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--no-sync",
                "--encoding=UTF8", "--locale=C.UTF-8",
            )  # fmt: skip
        super().start()
        return self

    def command(self) -> list[str | Path]:
        """Run it."""
        return [
            self._bin / "postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "max_wal_size=4GB",
            "-c", "recovery_init_sync_method=syncfs",  # else it syncs each of thousands of files after a kill
        ]  # fmt: skip

    def ready(self) -> bool:
        """It takes connections, also after a recovery."""
        probe = [self._bin / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(probe).returncode == 0

    def kill(self) -> None:
        """Kill -9 of the postmaster and of every backend, so that the next start recovers."""
        os.kill(self.pid, signal.SIGSTOP)  # it makes no further backend, which would hold the shared memory
        children = self._backends()
        super().kill()
        _tell(children, signal.SIGKILL)
        wait_for(lambda: not any(_runs(child) for child in children), STOP_S)

    def pause(self) -> None:
        """SIGSTOP of the postmaster and of every backend: each leads a process group of its own."""
        super().pause()
        _tell(self._backends(), signal.SIGSTOP)

    def resume(self) -> None:
        """Let all of them go on."""
        _tell(self._backends(), signal.SIGCONT)
        super().resume()

    def _backends(self) -> list[str]:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True)
        return found.stdout.split()

    def dsn(self, database: str = "postgres") -> str:
        """Where clients connect."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The address of a new empty database."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.dsn(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints."""
        return self.run(self._bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, self.dsn(database))


def _tell(processes: list[str], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process), number)


def _runs(process: str) -> bool:
    """Whether a process is neither gone nor a zombie that nobody waits for."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, text=True).stdout.strip()
    return bool(told) and not told.startswith("Z")
