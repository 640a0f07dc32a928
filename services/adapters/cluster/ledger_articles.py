"""The articles of the PostgreSQL ledger: functions over a connection inside one transaction.

Whoever changes an article holds its row first and takes the number of the change last: the row of the counter, which
all writers share, is held for no longer than the commit, and nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ngoclinh.media.v1.article_pb2 import Article, Evidence
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected, SubmissionFailed

from services.adapters import ledger_rows as rows
from services.adapters.cluster.postgres_pool import Connection
from services.core.ports import Recorded

_STANDING = """
    SELECT seq, name, revision, change_number, first_collect_time, withdrawn_time,
        (SELECT event FROM version WHERE version.name = article.name AND version.revision = article.revision),
        ARRAY(SELECT sha256 FROM evidence WHERE evidence.article = article.name ORDER BY id),
        ARRAY(SELECT media_type FROM evidence WHERE evidence.article = article.name ORDER BY id),
        ARRAY(SELECT size_bytes FROM evidence WHERE evidence.article = article.name ORDER BY id),
        (SELECT event FROM analysis WHERE analysis.name = article.name AND analysis.revision = article.revision
         ORDER BY analyze_time DESC LIMIT 1),
        ARRAY(SELECT request FROM correction WHERE correction.name = article.name ORDER BY id),
        change_seq
    FROM article WHERE down_time IS NULL
"""

_COLLECT = """
    INSERT INTO article (name, revision, change_number, change_seq, first_collect_time, last_collect_time)
    VALUES (%(name)s, 0, 0, 0, %(time)s, %(time)s)
    ON CONFLICT (name) DO UPDATE SET last_collect_time = greatest(article.last_collect_time, excluded.last_collect_time)
    WHERE article.down_time IS NULL
    RETURNING revision, withdrawn_time IS NOT NULL AND withdrawn_time < %(time)s
"""
"""Without a row in return the article is down."""

_COUNT = """
    WITH changed AS (SELECT name, place FROM unnest(%(names)s::text[]) WITH ORDINALITY AS changed (name, place)),
        taken AS (UPDATE change_counter SET value = value + cardinality(%(names)s::text[]) RETURNING value)
    UPDATE article SET change_number = change_number + 1,
        change_seq = taken.value - cardinality(%(names)s::text[]) + changed.place
    FROM taken, changed WHERE article.name = changed.name
    RETURNING article.name, change_number
"""

_ANALYZE = """
    INSERT INTO analysis (name, revision, analyze_time, event)
    SELECT name, revision, analyze_time, event
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bytea[]) WITH ORDINALITY
        AS given (name, revision, analyze_time, event, place)
    ORDER BY place ON CONFLICT DO NOTHING RETURNING name
"""


async def record(connection: Connection, event: ArticleCollected) -> Recorded:
    """Keep a collected version and answer its submission."""
    name = event.article.name
    time = event.article.collect_time.ToMicroseconds()
    row = await (await connection.execute(_COLLECT, {"name": name, "time": time})).fetchone()
    if row is None:
        await answer(connection, event.submission, failure=rows.REFUSED)
        return Recorded(Article(name=name), changed=False)
    present, back = row
    await answer(connection, event.submission, name)
    shown = await _add_version(connection, event, present)
    if back:
        await connection.execute("UPDATE article SET withdrawn_time = NULL WHERE name = %s", (name,))
    added = await _add_evidence(connection, event.article)
    article = await read(connection, name, changed=shown or back or added)
    assert article is not None
    return Recorded(article, shown)


async def _add_version(connection: Connection, event: ArticleCollected, present: int) -> bool:
    """Keep a version unless its content is the present one or came later already; True where it is the present one now."""
    name = event.article.name
    kept = await connection.execute(
        "SELECT revision, content_sha256, collect_time FROM version WHERE name = %s", (name,)
    )
    version, shown = rows.place(event, present, map(rows.Kept._make, await kept.fetchall()))
    if version is not None:
        await connection.execute(
            "INSERT INTO version (name, revision, content_sha256, collect_time, event) VALUES (%s, %s, %s, %s, %s)",
            (name, *version, event.SerializeToString()),
        )
        if shown:
            await connection.execute("UPDATE article SET revision = %s WHERE name = %s", (version.revision, name))
    return shown


async def _add_evidence(connection: Connection, article: Article) -> bool:
    """Add the files that an article names; True where one is new."""
    if not article.evidence:
        return False
    added = await connection.execute(
        """
        INSERT INTO evidence (article, sha256, media_type, size_bytes)
        SELECT %s, sha256, media_type, size_bytes
        FROM unnest(%s::text[], %s::text[], %s::bigint[]) WITH ORDINALITY AS file (sha256, media_type, size_bytes, place)
        ORDER BY place ON CONFLICT DO NOTHING
        """,
        (
            article.name,
            [file.sha256 for file in article.evidence],
            [file.media_type for file in article.evidence],
            [file.size_bytes for file in article.evidence],
        ),
    )
    return added.rowcount > 0


async def evidence(connection: Connection, sha256: str) -> Evidence | None:
    """The file of a digest that some article names."""
    found = await connection.execute(
        "SELECT media_type, size_bytes FROM evidence WHERE sha256 = %s ORDER BY id LIMIT 1", (sha256,)
    )
    row = await found.fetchone()
    return None if row is None else Evidence(sha256=sha256, media_type=row[0], size_bytes=row[1])


async def drop_evidence(connection: Connection, name: str) -> list[str]:
    """Forget the files of an article; digests of those that no other article names."""
    await connection.execute("LOCK TABLE evidence IN SHARE ROW EXCLUSIVE MODE")  # nobody names one of them meanwhile
    dropped = await connection.execute("DELETE FROM evidence WHERE article = %s RETURNING id, sha256", (name,))
    digests = [sha256 for _, sha256 in sorted(await dropped.fetchall())]
    return [sha256 for sha256 in digests if await evidence(connection, sha256) is None]


async def erase(connection: Connection, name: str, down: tuple[int, str, str]) -> list[str]:
    """Erase the texts and analyses of an article that is held, with when, why and who; what `drop_evidence` returns."""
    await connection.execute(
        "UPDATE article SET down_time = %s, down_reason = %s, down_user = %s WHERE name = %s", (*down, name)
    )
    for table in ("version", "analysis"):
        await connection.execute(f"DELETE FROM {table} WHERE name = %s", (name,))
    return await drop_evidence(connection, name)


async def answer(
    connection: Connection, submission: str, article: str = "", failure: SubmissionFailed | None = None
) -> None:
    """Keep what became of a submission, if there was one: the article or the failure."""
    if submission:
        await connection.execute(
            "INSERT INTO submission (name, article, failure) VALUES (%s, %s, %s) "
            "ON CONFLICT (name) DO UPDATE SET article = excluded.article, failure = excluded.failure",
            (submission, article, failure.SerializeToString() if failure is not None else None),
        )


async def hold(connection: Connection, *names: str) -> set[str]:
    """Hold the rows of articles until the end of the transaction; the names of those that are known and not down."""
    held = await connection.execute(
        "SELECT name FROM article WHERE name = ANY(%s) AND down_time IS NULL ORDER BY name FOR UPDATE", (list(names),)
    )
    return {name for (name,) in await held.fetchall()}


async def analyses(connection: Connection, events: Sequence[ArticleAnalyzed]) -> list[Article | None]:
    """Keep analyses; the article of each event as it reads now, or None if it is unknown or down."""
    standing = await hold(connection, *(event.article for event in events))
    kept = [event for event in events if event.article in standing]
    added = await connection.execute(
        _ANALYZE,
        (
            [event.article for event in kept],
            [event.revision for event in kept],
            [event.analysis.analyze_time.ToMicroseconds() for event in kept],
            [event.SerializeToString() for event in kept],
        ),
        binary=True,
    )
    fresh = dict.fromkeys(name for (name,) in await added.fetchall())
    found = await read_all(connection, list(standing), list(fresh))
    return [found.get(event.article) for event in events]


async def read(connection: Connection, name: str, changed: bool = False) -> Article | None:
    """The article as it reads now, its change counted if it is one; None if it is unknown or taken down.

    Counting is the last statement of a transaction that changes an article, which holds its row already.
    """
    return (await read_all(connection, [name], [name] if changed else [])).get(name)


async def read_all(connection: Connection, names: Sequence[str], changed: Sequence[str]) -> dict[str, Article]:
    """As `read`, for many articles: those that are there, by name."""
    found = {article.name: article for _, _, article in await select(connection, "AND name = ANY(%s)", (names,))}
    counting = [name for name in changed if name in found]
    if counting:
        counted = await connection.execute(_COUNT, {"names": counting})
        for name, number in await counted.fetchall():
            found[name].change_number = number
    return found


async def select(
    connection: Connection, condition: str, values: Sequence[object]
) -> list[tuple[rows.Row, int, Article]]:
    """The articles that are not taken down, each with its row and the number of its last change.

    Args:
        connection: in a transaction.
        condition: what follows in the statement, from "AND".
        values: its parameters.
    """
    found = await connection.execute(f"{_STANDING} {condition}", values, binary=True)
    return [_compose(*row) for row in await found.fetchall()]


def _compose(*row: Any) -> tuple[rows.Row, int, Article]:
    *of_article, event, digests, types, sizes, analysis, said, change_seq = row
    made = rows.Row._make(of_article)
    files = (
        Evidence(sha256=sha256, media_type=media_type, size_bytes=size)
        for sha256, media_type, size in zip(digests, types, sizes, strict=True)
    )
    return made, change_seq, rows.compose(made, event, files, analysis, said)
