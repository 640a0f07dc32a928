"""A new index in SQLite: tables of other names in the same file, that take the place of those that serve in one step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.embedded import index_tables
from services.adapters.embedded.database import Database
from services.core.errors import Conflict
from services.core.names import random_id


def begun(connection: sqlite3.Connection) -> list[str]:
    """The prefix of the tables that are being filled, if any; after a crash those stay until the next build."""
    return [prefix for (prefix,) in connection.execute("SELECT prefix FROM building")]


class SqliteIndexBuild:
    """The port `IndexBuild`; a context that drops what was begun where it is left before `serve`.

    Args:
        database: the file of the index.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prefix = f"build_{random_id()}_"

    async def __aenter__(self) -> SqliteIndexBuild:
        """Drop what an earlier build left behind and make new tables."""

        def work(connection: sqlite3.Connection) -> None:
            _drop(connection, begun(connection))
            connection.execute("INSERT INTO building VALUES (?)", (self._prefix,))
            index_tables.make(connection, self._prefix)

        await self._database.write(work)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop the new tables unless they serve."""
        await self._database.write(
            lambda connection: _drop(connection, [name for name in begun(connection) if name == self._prefix])
        )

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace, as in the index itself.

        Raises:
            Conflict: another build was begun meanwhile.
        """
        await self._write(lambda connection: index_tables.put(connection, articles, self._prefix))

    async def serve(self) -> None:
        """Take the place of the tables that serve, in one transaction.

        Raises:
            Conflict: another build was begun meanwhile.
        """

        def work(connection: sqlite3.Connection) -> None:
            index_tables.take_over(connection, self._prefix)
            connection.execute("DELETE FROM building")

        await self._write(work)

    async def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        def checked(connection: sqlite3.Connection) -> None:
            if self._prefix not in begun(connection):
                raise Conflict("Một lượt dựng lại chỉ mục khác đã bắt đầu.", "Another rebuild of the index was begun.")
            work(connection)

        await self._database.write(checked)


def _drop(connection: sqlite3.Connection, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        index_tables.drop(connection, prefix)
        connection.execute("DELETE FROM building WHERE prefix = ?", (prefix,))
