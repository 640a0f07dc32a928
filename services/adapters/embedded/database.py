"""One SQLite file as the embedded stores use it: a writer thread, a few reader threads, numbered migrations.

No statement runs on the event loop. WAL mode lets several processes share a file; `synchronous=FULL` makes a
committed transaction durable. A file made by a newer release is refused rather than guessed at.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from services.core.errors import Conflict, Unavailable

BUSY_S = 30.0
"""Seconds to wait for another process that writes to the same file."""

T = TypeVar("T")


class Database:
    """A file that is opened at its first use.

    Args:
        path: the file; its folder is made, readable by its owner only.
        migrations: SQL scripts; number n (from 1) brings a file from version n - 1 to n.
        readers: threads that read, each with a connection of its own.
    """

    def __init__(self, path: Path | str, migrations: Sequence[str], readers: int = 2) -> None:
        self.path = path = Path(path)
        self._migrations = migrations
        self._writer = ThreadPoolExecutor(1, f"{path.stem}-write")
        self._readers = ThreadPoolExecutor(readers, f"{path.stem}-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._migrated = False
        self.closed = False

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction: all of it is committed when this returns, or nothing of it ever is.

        Raises:
            Unavailable: the file cannot be used: disk full, damaged, locked for long, closed.
            Conflict: a newer release made the file.
        """
        return await self._submit(self._writer, work, "BEGIN IMMEDIATE")

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads, on one state of the file."""
        if not self._migrated:
            await self.write(lambda _: None)
        return await self._submit(self._readers, work, "BEGIN")

    async def close(self) -> None:
        """Wait for running work and close the file."""
        if not self.closed:
            self.closed = True
            await asyncio.to_thread(self._close)

    async def _submit(self, pool: ThreadPoolExecutor, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        if self.closed:
            raise Unavailable(f"Kho dữ liệu {self.path.name} đã đóng.", f"The store {self.path.name} is closed.")
        return await asyncio.get_running_loop().run_in_executor(pool, self._run, work, begin)

    def _run(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        try:
            connection = self._connection()
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except (sqlite3.DatabaseError, OSError) as error:
            raise Unavailable(
                f"Không dùng được kho dữ liệu {self.path.name}: {error}.",
                f"The store {self.path.name} cannot be used: {error}.",
            ) from error
        return result

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is not None:
            return known
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("synchronous=FULL", "trusted_schema=OFF", "foreign_keys=ON", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            if not self._migrated:
                _use_wal(connection)
                self._migrate(connection)
                self._migrated = True
        except BaseException:
            connection.close()
            raise
        self._connections.append(connection)
        self._local.connection = connection
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(self._migrations):
            connection.execute("ROLLBACK")
            raise Conflict(
                f"Tệp {self.path} do một phiên bản mới hơn tạo ra; hãy cập nhật Ngọc Linh.",
                f"{self.path} was made by a newer release; update Ngọc Linh.",
            )
        for script in self._migrations[version:]:
            for statement in statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(self._migrations)}")
        connection.execute("COMMIT")

    def _close(self) -> None:
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        for connection in self._connections:
            connection.close()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself when two processes do so at once."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def statements(script: str) -> Iterator[str]:
    """The single statements of a script, so that all of them run in one transaction."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""
