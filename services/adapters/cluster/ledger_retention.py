"""Forgetting and holding in the PostgreSQL ledger."""

from __future__ import annotations

from datetime import datetime

from ngoclinh.media.v1.article_pb2 import Article

from services.adapters import ledger_rows as rows
from services.adapters import retention_rows
from services.adapters.cluster import ledger_articles as articles
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import Connection
from services.core.clock import Clock
from services.core.errors import NotFound
from services.core.ports import Due, Extent, Retained

_NEWEST = "SELECT DISTINCT ON (name) name, reason FROM hold_change ORDER BY name, id DESC"
_HELD = f"SELECT name FROM ({_NEWEST}) AS newest WHERE reason IS NOT NULL"
_DUE = {
    Retained.TEXT: "AND short_revision < revision",
    Retained.EVIDENCE: "AND EXISTS (SELECT FROM evidence WHERE evidence.article = article.name)",
    Retained.ARTICLE: "",
}
_EXTENT = """
    SELECT (SELECT count(*) FROM article WHERE down_time IS NULL),
        greatest((SELECT max(last_collect_time) FROM article), (SELECT max(analyze_time) FROM analysis),
                 (SELECT max(time) FROM correction))
"""
_CHANGE = 'INSERT INTO hold_change (name, "user", time, reason) VALUES (%s, %s, %s, %s)'


class PostgresRetention:
    """The clauses of the port `Ledger` about forgetting; a part of `PostgresLedger`."""

    _database: Postgres
    _clock: Clock

    async def extent(self) -> Extent:
        """How much the ledger holds, and up to when."""
        ((count, last),) = await self._database.fetch(_EXTENT)
        return Extent(count, retention_rows.moment(last))

    async def due_for_retention(self, kind: Retained, before: datetime, limit: int) -> Due:
        """Articles that still have what `kind` names, were last collected before a moment, and are not held."""
        condition = (
            f"FROM article WHERE down_time IS NULL AND last_collect_time < %s AND name NOT IN ({_HELD}) {_DUE[kind]}"
        )
        moment = rows.micros(before)

        async def work(connection: Connection) -> Due:
            counted = await (await connection.execute(f"SELECT count(*) {condition}", (moment,))).fetchone()
            assert counted is not None
            found = await connection.execute(
                f"SELECT name {condition} ORDER BY last_collect_time, seq LIMIT %s", (moment, limit)
            )
            return Due([name for (name,) in await found.fetchall()], counted[0])

        return await self._database.read(work)

    async def shorten(self, name: str) -> Article | None:
        """Cut the text of every version to an excerpt; None if the article is unknown, down or held."""

        async def work(connection: Connection) -> Article | None:
            if not await _free(connection, name):
                return None
            for table, shortened in (
                ("version", retention_rows.shortened_version),
                ("analysis", retention_rows.shortened_analysis),
            ):
                kept = await connection.execute(f"SELECT ctid::text, event FROM {table} WHERE name = %s", (name,))
                for place, event in await kept.fetchall():
                    await connection.execute(
                        f"UPDATE {table} SET event = %s WHERE ctid = %s::tid", (shortened(event), place)
                    )
            await connection.execute(
                "UPDATE article SET short_revision = (SELECT max(revision) FROM version WHERE version.name = article.name) "
                "WHERE name = %s",
                (name,),
            )
            return await articles.read(connection, name, changed=True)

        article = await self._database.write(work)
        await self._database.vacuum("version", "analysis")
        return article

    async def forget_evidence(self, name: str) -> list[str]:
        """Forget the files of an article that is not held; digests of those that no other article names."""

        async def work(connection: Connection) -> list[str]:
            if not await _free(connection, name):
                return []
            digests = await articles.drop_evidence(connection, name)
            await articles.read(connection, name, changed=True)
            return digests

        return await self._database.write(work)

    async def expire(self, name: str) -> list[str] | None:
        """Erase an article whose time is over; None if it is unknown, down or held."""
        down = (rows.micros(self._clock()), retention_rows.DOWN_REASON, retention_rows.DOWN_USER)

        async def work(connection: Connection) -> list[str] | None:
            return await articles.erase(connection, name, down) if await _free(connection, name) else None

        digests = await self._database.write(work)
        await self._database.vacuum("version", "analysis")
        return digests

    async def hold(self, name: str, reason: str, user: str) -> None:
        """From now on nothing of an article is forgotten."""
        row = (name, user, rows.micros(self._clock()), reason)

        async def work(connection: Connection) -> None:
            if not await articles.hold(connection, name):
                raise NotFound(name)
            await connection.execute(_CHANGE, row)

        await self._database.write(work)

    async def release_hold(self, name: str, user: str) -> None:
        """End a hold, with who and when."""
        row = (name, user, rows.micros(self._clock()), None)
        await self._database.write(lambda connection: connection.execute(_CHANGE, row))

    async def holds(self) -> dict[str, str]:
        """Reason by the name of every article that is held."""
        return {name: reason for name, reason in await self._database.fetch(_NEWEST) if reason is not None}


async def _free(connection: Connection, name: str) -> bool:
    """Whether an article stands and is not held; its row is held until the end of the transaction, so nobody holds it meanwhile."""
    if not await articles.hold(connection, name):
        return False
    found = await connection.execute("SELECT reason FROM hold_change WHERE name = %s ORDER BY id DESC LIMIT 1", (name,))
    newest = await found.fetchone()
    return newest is None or newest[0] is None
