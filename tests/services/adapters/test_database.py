"""What all embedded stores rest on: transactions, migrations, several processes, a full disk."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.adapters.embedded.database import Database
from services.core.errors import Unavailable

FIRST = "CREATE TABLE note (text TEXT NOT NULL); CREATE INDEX note_text ON note (text);"
SECOND = """
    ALTER TABLE note ADD COLUMN mark TEXT NOT NULL DEFAULT 'a;b';
    CREATE TRIGGER note_mark AFTER INSERT ON note BEGIN
        UPDATE note SET mark = 'c' WHERE rowid = new.rowid; SELECT 1;
    END;
"""


def add(text: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO note (text) VALUES (?)", (text,))

    return work


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: to SQLite the same as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_migrations_run_once_each_and_keep_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "notes.sqlite"
    for migrations in ((FIRST,), (FIRST, SECOND), (FIRST, SECOND)):
        database = Database(path, migrations)
        await database.write(add("một"))
        await database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT mark FROM note").fetchall() == [("a;b",), ("c",), ("c",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_a_failed_migration_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "n.sqlite", (FIRST, "CREATE TABLE other (a); CREATE TABLE note (a);"))
    with pytest.raises(Unavailable):
        await database.read(notes)
    await database.close()
    repaired = Database(tmp_path / "n.sqlite", (FIRST, "CREATE TABLE other (a);"))
    assert await repaired.read(notes) == []
    await repaired.close()


async def test_many_users_open_a_new_file_at_once(tmp_path: Path) -> None:
    databases = [Database(tmp_path / "n.sqlite", (FIRST, SECOND)) for _ in range(8)]
    await asyncio.gather(*(database.write(add(str(n))) for n, database in enumerate(databases)))
    assert sorted(await databases[0].read(notes)) == sorted(map(str, range(8)))
    for database in databases:
        await database.close()


async def test_a_transaction_stands_or_falls_as_a_whole(tmp_path: Path) -> None:
    database = Database(tmp_path / "n.sqlite", (FIRST,))

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO note VALUES ('nửa')")
        raise KeyError("giữa chừng")

    with pytest.raises(KeyError):
        await database.write(half)
    await database.write(add("cả"))
    assert await database.read(notes) == ["cả"]
    await database.close()


async def test_no_statement_runs_on_the_event_loop(tmp_path: Path) -> None:
    database = Database(tmp_path / "n.sqlite", (FIRST,))
    threads = {await database.write(lambda _: threading.current_thread())}
    threads |= {await database.read(lambda _: threading.current_thread())}
    assert threading.current_thread() not in threads
    assert len(threads) == 2
    await database.close()


async def test_a_full_disk_is_told_loses_nothing_and_passes(tmp_path: Path) -> None:
    database = Database(tmp_path / "n.sqlite", (FIRST,))
    stored: list[int] = []

    async def fill() -> None:
        for number in range(1000):
            await database.write(add(f"{number} " + "x" * 10_000))
            stored.append(number)

    with largest_file(300_000), pytest.raises(Unavailable) as caught:
        await fill()
    assert "n.sqlite" in caught.value.vi
    await database.write(add("lại có chỗ"))
    kept = await database.read(notes)
    assert [int(text.split()[0]) for text in kept[:-1]] == stored != []
    await database.close()
    with sqlite3.connect(tmp_path / "n.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path / "n.sqlite", (FIRST,))
    await database.close()
    await database.close()
    with pytest.raises(Unavailable):
        await database.read(notes)
