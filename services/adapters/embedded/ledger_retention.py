"""Forgetting and holding in the SQLite ledger."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from ngoclinh.media.v1.article_pb2 import Article

from services.adapters import ledger_rows as rows
from services.adapters import retention_rows
from services.adapters.embedded import ledger_articles as articles
from services.adapters.embedded.database import Database
from services.core.clock import Clock
from services.core.errors import NotFound
from services.core.ports import Due, Extent, Retained

MIGRATION = """
    ALTER TABLE article ADD COLUMN short_revision INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX article_collected ON article (last_collect_time) WHERE down_time IS NULL;
    CREATE TABLE hold_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, user TEXT NOT NULL, time INTEGER NOT NULL, reason TEXT
    );
    CREATE INDEX hold_change_name ON hold_change (name, id);
"""
"""A hold is the newest change of its name; a change without a reason is its end. `short_revision` is the revision up to
which texts are excerpts."""

_HELD = """
    SELECT name FROM hold_change JOIN (SELECT max(id) AS id FROM hold_change GROUP BY name) USING (id)
    WHERE reason IS NOT NULL
"""
_DUE = {
    Retained.TEXT: f"short_revision < revision AND name NOT IN ({_HELD})",
    Retained.EVIDENCE: f"name IN (SELECT article FROM evidence) AND name NOT IN ({_HELD})",
    Retained.ARTICLE: f"name NOT IN ({_HELD})",
}
_EXTENT = """
    SELECT (SELECT count(*) FROM article WHERE down_time IS NULL),
        (SELECT max(time) FROM (SELECT max(last_collect_time) AS time FROM article UNION ALL
         SELECT max(analyze_time) FROM analysis UNION ALL SELECT max(time) FROM correction))
"""


class SqliteRetention:
    """The clauses of the port `Ledger` about forgetting; a part of `SqliteLedger`."""

    _database: Database
    _clock: Clock

    async def extent(self) -> Extent:
        """How much the ledger holds, and up to when."""
        count, last = await self._database.read(lambda connection: connection.execute(_EXTENT).fetchone())
        return Extent(count, retention_rows.moment(last))

    async def due_for_retention(self, kind: Retained, before: datetime, limit: int) -> Due:
        """Articles that still have what `kind` names, were last collected before a moment, and are not held."""
        condition = f"FROM article WHERE down_time IS NULL AND last_collect_time < ? AND {_DUE[kind]}"

        def work(connection: sqlite3.Connection) -> Due:
            moment = rows.micros(before)
            (total,) = connection.execute(f"SELECT count(*) {condition}", (moment,)).fetchone()
            found = connection.execute(
                f"SELECT name {condition} ORDER BY last_collect_time, seq LIMIT ?", (moment, limit)
            ).fetchall()
            return Due([name for (name,) in found], total)

        return await self._database.read(work)

    async def shorten(self, name: str) -> Article | None:
        """Cut the text of every version to an excerpt; None if the article is unknown, down or held."""

        def work(connection: sqlite3.Connection) -> Article | None:
            if not _free(connection, name):
                return None
            for table, shortened in (
                ("version", retention_rows.shortened_version),
                ("analysis", retention_rows.shortened_analysis),
            ):
                kept = connection.execute(f"SELECT rowid, event FROM {table} WHERE name = ?", (name,)).fetchall()
                connection.executemany(
                    f"UPDATE {table} SET event = ? WHERE rowid = ?", [(shortened(event), row) for row, event in kept]
                )
            connection.execute(
                "UPDATE article SET short_revision = (SELECT max(revision) FROM version WHERE name = ?1) WHERE name = ?1",
                (name,),
            )
            return articles.read(connection, name, changed=True)

        return await self._database.write(work)

    async def forget_evidence(self, name: str) -> list[str]:
        """Forget the files of an article that is not held; digests of those that no other article names."""

        def work(connection: sqlite3.Connection) -> list[str]:
            if not _free(connection, name):
                return []
            digests = articles.drop_evidence(connection, name)
            articles.read(connection, name, changed=True)
            return digests

        return await self._database.write(work)

    async def expire(self, name: str) -> list[str] | None:
        """Erase an article whose time is over; None if it is unknown, down or held."""
        now = rows.micros(self._clock())

        def work(connection: sqlite3.Connection) -> list[str] | None:
            if not _free(connection, name):
                return None
            return articles.erase(connection, name, (now, retention_rows.DOWN_REASON, retention_rows.DOWN_USER))

        return await self._database.write(work)

    async def hold(self, name: str, reason: str, user: str) -> None:
        """From now on nothing of an article is forgotten."""

        def work(connection: sqlite3.Connection) -> None:
            if articles.standing(connection, name) is None:
                raise NotFound(name)
            self._change_hold(connection, name, reason, user)

        await self._database.write(work)

    async def release_hold(self, name: str, user: str) -> None:
        """End a hold, with who and when."""
        await self._database.write(lambda connection: self._change_hold(connection, name, None, user))

    async def holds(self) -> dict[str, str]:
        """Reason by the name of every article that is held."""
        chosen = _HELD.replace("SELECT name", "SELECT name, reason", 1) + " ORDER BY name"
        return dict(await self._database.read(lambda connection: connection.execute(chosen).fetchall()))

    def _change_hold(self, connection: sqlite3.Connection, name: str, reason: str | None, user: str) -> None:
        connection.execute(
            "INSERT INTO hold_change (name, user, time, reason) VALUES (?, ?, ?, ?)",
            (name, user, rows.micros(self._clock()), reason),
        )


def _free(connection: sqlite3.Connection, name: str) -> bool:
    """Whether an article stands and is not held; what goes is overwritten on disk."""
    connection.execute("PRAGMA secure_delete=ON")
    standing = articles.standing(connection, name) is not None
    return standing and connection.execute(f"{_HELD} AND name = ?", (name,)).fetchone() is None
