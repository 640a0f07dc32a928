"""The store of record in SQLite: events as they came, what people said, and from these each article as it reads now.

Nothing derived is stored besides the number of the present version and of the last change: an article is put together
when it is read. Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from ngoclinh.media.v1.article_pb2 import Article, Evidence, Source
from ngoclinh.media.v1.event_pb2 import (
    ArticleAnalyzed,
    ArticleCollected,
    ArticleWithdrawn,
    SourceChecked,
    SubmissionFailed,
)
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.adapters import ledger_rows as rows
from services.adapters.embedded import ledger_access, ledger_alerts, ledger_retention, ledger_watch_areas
from services.adapters.embedded import ledger_articles as articles
from services.adapters.embedded.database import Database
from services.core.clock import Clock, utc_now
from services.core.errors import NotFound
from services.core.ports import Changes, Correction, Recorded, Submission

MIGRATIONS = (
    """
    CREATE TABLE article (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        change_number INTEGER NOT NULL,
        first_collect_time INTEGER NOT NULL,
        last_collect_time INTEGER NOT NULL,
        withdrawn_time INTEGER,
        down_time INTEGER,
        down_reason TEXT,
        down_user TEXT
    );
    CREATE INDEX article_order ON article (first_collect_time, seq) WHERE down_time IS NULL;
    CREATE TABLE version (
        name TEXT NOT NULL,
        revision INTEGER NOT NULL,
        content_sha256 TEXT NOT NULL,
        collect_time INTEGER NOT NULL,
        event BLOB NOT NULL,
        PRIMARY KEY (name, revision)
    );
    CREATE TABLE analysis (
        name TEXT NOT NULL,
        revision INTEGER NOT NULL,
        analyze_time INTEGER NOT NULL,
        event BLOB NOT NULL,
        PRIMARY KEY (name, revision, analyze_time)
    );
    CREATE TABLE correction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        user TEXT NOT NULL,
        time INTEGER NOT NULL,
        request BLOB NOT NULL
    );
    CREATE INDEX correction_name ON correction (name, id);
    CREATE TABLE source (name TEXT PRIMARY KEY, poll_time INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE submission (name TEXT PRIMARY KEY, article TEXT NOT NULL, failure BLOB) WITHOUT ROWID;
    """,
    ledger_alerts.MIGRATION,
    """
    ALTER TABLE article ADD COLUMN change_seq INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX article_change ON article (change_seq);
    CREATE TABLE evidence (
        id INTEGER PRIMARY KEY AUTOINCREMENT, article TEXT NOT NULL, sha256 TEXT NOT NULL, media_type TEXT NOT NULL,
        size_bytes INTEGER NOT NULL, UNIQUE (article, sha256)
    );
    CREATE INDEX evidence_sha256 ON evidence (sha256);
    """,
    "CREATE TABLE source_check (request TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;",
    ledger_watch_areas.MIGRATION,
    ledger_retention.MIGRATION,
    ledger_access.MIGRATION,
)


class SqliteLedger(
    ledger_alerts.SqliteAlerts,
    ledger_watch_areas.SqliteWatchAreas,
    ledger_access.SqliteAccess,
    ledger_retention.SqliteRetention,
):
    """The port `Ledger` over one SQLite file.

    Args:
        path: the file.
        clock: gives the moment of what people do.
    """

    def __init__(self, path: Path | str, clock: Clock = utc_now) -> None:
        self._database = Database(path, MIGRATIONS)
        self._clock = clock

    async def __aenter__(self) -> SqliteLedger:
        """Nothing to do: the file is opened at its first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the file."""
        await self.close()

    async def record_collected(self, event: ArticleCollected) -> Recorded:
        """Keep a version of an article; the same content again changes nothing."""
        return await self._database.write(lambda connection: articles.record(connection, event))

    async def record_analyzed(self, event: ArticleAnalyzed) -> Article | None:
        """Keep an analysis; returns the article as it reads now, or None if it is unknown or down."""
        return (await self.record_analyses([event]))[0]

    async def record_analyses(self, events: Sequence[ArticleAnalyzed]) -> list[Article | None]:
        """Keep analyses in one transaction; the articles as they read then."""
        return await self._database.write(lambda connection: articles.analyses(connection, events))

    async def record_withdrawn(self, event: ArticleWithdrawn) -> Article | None:
        """Mark an article as withdrawn by its site, unless it was collected again since."""
        moment = event.withdraw_time.ToMicroseconds()

        def work(connection: sqlite3.Connection) -> Article | None:
            marked = connection.execute(
                "UPDATE article SET withdrawn_time = ?1 WHERE name = ?2 AND down_time IS NULL AND withdrawn_time IS NULL "
                "AND ?1 >= last_collect_time",
                (moment, event.article),
            ).rowcount
            return articles.read(connection, event.article, changed=bool(marked))

        return await self._database.write(work)

    async def record_source(self, source: Source) -> None:
        """Keep the newest state of a source; one with an earlier poll does not replace it."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO source VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET poll_time = excluded.poll_time, record = excluded.record WHERE excluded.poll_time >= source.poll_time",
                (source.name, source.poll_time.ToMicroseconds(), source.SerializeToString()),
            )
        )

    async def record_submission(self, failure: SubmissionFailed) -> None:
        """Keep that a submitted link could not be taken."""
        await self._database.write(lambda connection: articles.answer(connection, failure.submission, failure=failure))

    async def submission(self, name: str) -> Submission:
        """What became of a submission."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT article, failure FROM submission WHERE name = ?", (name,)
            ).fetchone()
        )
        if row is None:
            return Submission()
        return Submission(row[0], SubmissionFailed.FromString(row[1]) if row[1] is not None else None)

    async def record_source_check(self, event: SourceChecked) -> None:
        """Keep what became of a request for a new source."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO source_check VALUES (?, ?)", (event.request, event.SerializeToString())
            )
        )

    async def source_check(self, request: str) -> SourceChecked | None:
        """What became of a request for a new source; None while there is no answer."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT record FROM source_check WHERE request = ?", (request,)
            ).fetchone()
        )
        return SourceChecked.FromString(row[0]) if row else None

    async def article(self, name: str) -> Article | None:
        """The present version with analysis and corrections; None if unknown or taken down."""
        return await self._database.read(lambda connection: articles.read(connection, name))

    async def standing(self, names: Sequence[str]) -> set[str]:
        """Those of these articles that are known and not taken down."""
        found = await self._database.read(
            lambda connection: connection.execute(
                "SELECT name FROM article WHERE name IN (SELECT value FROM json_each(?)) AND down_time IS NULL",
                (json.dumps(list(names)),),
            ).fetchall()
        )
        return {name for (name,) in found}

    async def versions(self, name: str) -> list[Article]:
        """All versions of an article, oldest first, without analysis."""
        found = await self._database.read(
            lambda connection: connection.execute(
                "SELECT revision, event FROM version WHERE name = ? ORDER BY collect_time, revision", (name,)
            ).fetchall()
        )
        return [rows.version(revision, event) for revision, event in found]

    async def correct(self, correction: CorrectArticleRequest, user: str) -> Article:
        """Keep what a person said, with who and when; returns the article as it reads now."""
        now = rows.micros(self._clock())

        def work(connection: sqlite3.Connection) -> Article:
            if articles.standing(connection, correction.name) is None:
                raise NotFound(correction.name)
            connection.execute(
                "INSERT INTO correction (name, user, time, request) VALUES (?, ?, ?, ?)",
                (correction.name, user, now, correction.SerializeToString()),
            )
            article = articles.read(connection, correction.name, changed=True)
            assert article is not None
            return article

        return await self._database.write(work)

    async def corrections(self, name: str) -> list[Correction]:
        """Everything that people said about an article, oldest first."""
        found = await self._database.read(
            lambda connection: connection.execute(
                "SELECT request, user, time FROM correction WHERE name = ? ORDER BY id", (name,)
            ).fetchall()
        )
        return [rows.correction(*row) for row in found]

    async def take_down(self, name: str, reason: str, user: str) -> list[str]:
        """Erase the texts and analyses of an article for good; returns digests of evidence that no other article names."""
        now = rows.micros(self._clock())

        def work(connection: sqlite3.Connection) -> list[str]:
            if articles.standing(connection, name) is None:
                raise NotFound(name)
            return articles.erase(connection, name, (now, reason, user))

        return await self._database.write(work)

    async def evidence(self, sha256: str) -> Evidence | None:
        """A file that some article names; None for any other."""
        found = await self._database.read(lambda connection: articles.evidence(connection, "sha256", sha256))
        return found[0] if found else None

    async def changes(self, after: int | None = None, limit: int = 200) -> Changes:
        """Articles that changed after a cursor, in the order of their last changes; None only tells the cursor of now."""

        def work(connection: sqlite3.Connection) -> Changes:
            if after is None:
                return Changes([], connection.execute("SELECT coalesce(max(change_seq), 0) FROM article").fetchone()[0])
            found = connection.execute(
                "SELECT change_seq, name FROM article WHERE change_seq > ? AND down_time IS NULL ORDER BY change_seq LIMIT ?",
                (after, limit),
            ).fetchall()
            made = [articles.read(connection, name) for _, name in found]
            return Changes([article for article in made if article is not None], found[-1][0] if found else after)

        return await self._database.read(work)

    async def sources(self) -> list[Source]:
        """The newest state of every source, in the order of their names."""
        found = await self._database.read(
            lambda connection: connection.execute("SELECT record FROM source ORDER BY name").fetchall()
        )
        return [Source.FromString(record) for (record,) in found]

    async def replay(self, since: datetime | None = None) -> AsyncIterator[Article]:
        """Every article that is not taken down, as `article` gives it, in the order of first collection."""
        after = (rows.micros(since) if since else rows.REPLAY_START, 0)

        def batch(connection: sqlite3.Connection) -> list[tuple[rows.Row, Article]]:
            chosen = connection.execute(
                f"{articles.STANDING} AND (first_collect_time, seq) > (?, ?) ORDER BY first_collect_time, seq LIMIT ?",
                (*after, rows.REPLAY_BATCH),
            ).fetchall()
            return [(row, articles.compose(connection, row)) for row in map(rows.Row._make, chosen)]

        while found := await self._database.read(batch):
            for row, article in found:
                yield article
                after = (row.first_collect_time, row.seq)

    async def close(self) -> None:
        """Wait for running work and close the file."""
        await self._database.close()
