"""Copies of SQLite files that are in use: one state of each, and of several files the state of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

WAIT_S = 60.0
"""Seconds to wait for a transaction of the program."""


@contextmanager
def one_moment(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Connections to files in WAL mode that all see the same moment until the block is left.

    Writers are held back in all the files while the readers open their state, which takes milliseconds; then they go on.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(_connect(path))) for path in paths]
        with ExitStack() as held:
            for path in paths:
                held.enter_context(closing(_connect(path))).execute("BEGIN IMMEDIATE")
            for reader in readers:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield readers


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Write the state that a connection sees into a new file that stands alone."""
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        source.backup(made)
        made.execute("PRAGMA journal_mode=DELETE")


def tables(path: Path) -> Mapping[str, int]:
    """Rows by name of table."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        names = file.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' "
            "ORDER BY name"
        ).fetchall()
        return {name: file.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}  # noqa: S608


def schema_version(path: Path) -> int:
    """The version of its schema, as the stores number theirs."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


def is_sound(path: Path) -> bool:
    """Whether SQLite finds a file consistent."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            file.execute("PRAGMA trusted_schema=OFF")
            return bool(file.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection
