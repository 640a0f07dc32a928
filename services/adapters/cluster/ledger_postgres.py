"""The store of record in PostgreSQL: events as they came, what people said, and from these each article as it reads now.

As in the embedded ledger nothing derived is stored besides the numbers of the present version and of the last change.
A message is kept as its protobuf bytes, with columns for what is searched, sorted or checked. Times are microseconds
since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

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
from services.adapters.cluster import ledger_articles as articles
from services.adapters.cluster.ledger_access import PostgresAccess
from services.adapters.cluster.ledger_alerts import PostgresAlerts
from services.adapters.cluster.ledger_retention import PostgresRetention
from services.adapters.cluster.ledger_watch_areas import PostgresWatchAreas
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import Connection
from services.core.clock import Clock, utc_now
from services.core.errors import NotFound
from services.core.ports import Changes, Correction, EngineState, Recorded, Submission
from services.core.sections.stores import PostgresSettings


class PostgresLedger(PostgresAlerts, PostgresWatchAreas, PostgresAccess, PostgresRetention):
    """The port `Ledger` over the schema `ledger` of a PostgreSQL database.

    Args:
        settings: where the database is; an address alone takes the defaults of the rest.
        clock: gives the moment of what people do.

    Raises:
        InvalidField: the address cannot be read, or holds a password.
    """

    def __init__(self, settings: PostgresSettings | str, clock: Clock = utc_now) -> None:
        self._database = Postgres(settings, "ledger")
        self._clock = clock

    async def __aenter__(self) -> PostgresLedger:
        """Nothing to do: the server is reached at the first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def record_collected(self, event: ArticleCollected) -> Recorded:
        """Keep a version of an article; the same content again changes nothing."""
        return await self._database.write(lambda connection: articles.record(connection, event), idempotent=True)

    async def record_analyzed(self, event: ArticleAnalyzed) -> Article | None:
        """Keep an analysis; returns the article as it reads now, or None if it is unknown or down."""
        return (await self.record_analyses([event]))[0]

    async def record_analyses(self, events: Sequence[ArticleAnalyzed]) -> list[Article | None]:
        """Keep analyses in one transaction; the articles as they read then."""
        return await self._database.write(lambda connection: articles.analyses(connection, events), idempotent=True)

    async def record_withdrawn(self, event: ArticleWithdrawn) -> Article | None:
        """Mark an article as withdrawn by its site, unless it was collected again since."""
        moment = event.withdraw_time.ToMicroseconds()

        async def work(connection: Connection) -> Article | None:
            marked = await connection.execute(
                "UPDATE article SET withdrawn_time = %s WHERE name = %s AND down_time IS NULL "
                "AND withdrawn_time IS NULL AND last_collect_time <= %s",
                (moment, event.article, moment),
            )
            return await articles.read(connection, event.article, changed=marked.rowcount > 0)

        return await self._database.write(work, idempotent=True)

    async def record_source(self, source: Source) -> None:
        """Keep the newest state of a source; one with an earlier poll does not replace it."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO source (name, poll_time, record) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE "
                "SET poll_time = excluded.poll_time, record = excluded.record WHERE excluded.poll_time >= source.poll_time",
                (source.name, source.poll_time.ToMicroseconds(), source.SerializeToString()),
            ),
            idempotent=True,
        )

    async def record_submission(self, failure: SubmissionFailed) -> None:
        """Keep that a submitted link could not be taken."""
        await self._database.write(
            lambda connection: articles.answer(connection, failure.submission, failure=failure), idempotent=True
        )

    async def submission(self, name: str) -> Submission:
        """What became of a submission."""
        found = await self._database.fetch("SELECT article, failure FROM submission WHERE name = %s", (name,))
        for article, failure in found:
            return Submission(article, SubmissionFailed.FromString(failure) if failure is not None else None)
        return Submission()

    async def record_source_check(self, event: SourceChecked) -> None:
        """Keep what became of a request for a new source."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO source_check (request, record) VALUES (%s, %s) "
                "ON CONFLICT (request) DO UPDATE SET record = excluded.record",
                (event.request, event.SerializeToString()),
            ),
            idempotent=True,
        )

    async def source_check(self, request: str) -> SourceChecked | None:
        """What became of a request for a new source; None while there is no answer."""
        found = await self._database.fetch("SELECT record FROM source_check WHERE request = %s", (request,))
        return SourceChecked.FromString(found[0][0]) if found else None

    async def article(self, name: str) -> Article | None:
        """The present version with analysis and corrections; None if unknown or taken down."""
        return await self._database.read(lambda connection: articles.read(connection, name))

    async def standing(self, names: Sequence[str]) -> set[str]:
        """Those of these articles that are known and not taken down."""
        found = await self._database.fetch(
            "SELECT name FROM article WHERE name = ANY(%s) AND down_time IS NULL", (list(names),)
        )
        return {name for (name,) in found}

    async def versions(self, name: str) -> list[Article]:
        """All versions of an article, oldest first, without analysis."""
        found = await self._database.fetch(
            "SELECT revision, event FROM version WHERE name = %s ORDER BY collect_time, revision", (name,)
        )
        return [rows.version(revision, event) for revision, event in found]

    async def correct(self, correction: CorrectArticleRequest, user: str) -> Article:
        """Keep what a person said, with who and when; returns the article as it reads now."""
        now = rows.micros(self._clock())

        async def work(connection: Connection) -> Article:
            if not await articles.hold(connection, correction.name):
                raise NotFound(correction.name)
            await connection.execute(
                'INSERT INTO correction (name, "user", time, request) VALUES (%s, %s, %s, %s)',
                (correction.name, user, now, correction.SerializeToString()),
            )
            article = await articles.read(connection, correction.name, changed=True)
            assert article is not None
            return article

        return await self._database.write(work)

    async def corrections(self, name: str) -> list[Correction]:
        """Everything that people said about an article, oldest first."""
        found = await self._database.fetch(
            'SELECT request, "user", time FROM correction WHERE name = %s ORDER BY id', (name,)
        )
        return [rows.correction(*row) for row in found]

    async def take_down(self, name: str, reason: str, user: str) -> list[str]:
        """Erase the texts and analyses of an article for good; returns digests of evidence that no other article names."""
        now = rows.micros(self._clock())

        async def work(connection: Connection) -> list[str]:
            if not await articles.hold(connection, name):
                raise NotFound(name)
            return await articles.erase(connection, name, (now, reason, user))

        digests = await self._database.write(work)
        await self._database.vacuum("version", "analysis")
        return digests

    async def evidence(self, sha256: str) -> Evidence | None:
        """A file that some article names; None for any other."""
        return await self._database.read(lambda connection: articles.evidence(connection, sha256))

    async def changes(self, after: int | None = None, limit: int = 200) -> Changes:
        """Articles that changed after a cursor, in the order of their last changes; None only tells the cursor of now."""
        if after is None:
            return Changes([], (await self._database.fetch("SELECT value FROM change_counter"))[0][0])
        found = await self._database.read(
            lambda connection: articles.select(
                connection, "AND change_seq > %s ORDER BY change_seq LIMIT %s", (after, limit)
            )
        )
        return Changes([article for *_, article in found], found[-1][1] if found else after)

    async def sources(self) -> list[Source]:
        """The newest state of every source, in the order of their names."""
        return [
            Source.FromString(record)
            for (record,) in await self._database.fetch("SELECT record FROM source ORDER BY name")
        ]

    async def replay(self, since: datetime | None = None) -> AsyncIterator[Article]:
        """Every article that is not taken down, as `article` gives it, in the order of first collection."""
        after = (rows.micros(since) if since else rows.REPLAY_START, 0)

        async def batch(connection: Connection) -> list[tuple[rows.Row, int, Article]]:
            condition = "AND (first_collect_time, seq) > (%s, %s) ORDER BY first_collect_time, seq LIMIT %s"
            return await articles.select(connection, condition, (*after, rows.REPLAY_BATCH))

        while found := await self._database.read(batch):
            for row, _, article in found:
                yield article
                after = (row.first_collect_time, row.seq)

    async def engine(self) -> EngineState:
        """How the server is.

        Raises:
            Unavailable: it does not answer.
        """
        return await self._database.engine()

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()
