"""The search index over articles in SQLite FTS5; `index_tables` says what lies where."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, SummarizeArticlesResponse

from services.adapters.embedded import article_sql, index_build, index_tables
from services.adapters.embedded.article_counts import count
from services.adapters.embedded.database import Database
from services.adapters.embedded.index_build import SqliteIndexBuild
from services.core import search
from services.core.errors import InvalidPageToken
from services.core.ports import ArticlePage

MIGRATIONS = (
    index_tables.schema(),
    "CREATE TABLE deleted (name TEXT PRIMARY KEY) WITHOUT ROWID;",
    "CREATE TABLE building (prefix TEXT NOT NULL);",
)


class SqliteArticleIndex:
    """The port `ArticleIndex` over one SQLite file.

    Args:
        path: the file; it can be deleted and rebuilt from the ledger.
    """

    def __init__(self, path: Path | str) -> None:
        self._database = Database(path, MIGRATIONS)

    async def __aenter__(self) -> SqliteArticleIndex:
        """Nothing to do: the file is opened at its first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the file."""
        await self.close()

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace; a state with a lower `change_number` never replaces one with a higher."""

        def work(connection: sqlite3.Connection) -> None:
            index_tables.put(connection, articles)

        await self._database.write(work)

    async def put_each(self, articles: Sequence[Article]) -> list[Exception | None]:
        """As `put`: all are stored in one transaction, or none and this says why."""
        await self.put(articles)
        return [None] * len(articles)

    async def search(self, filter_: ArticleFilter, limit: int, after: Sequence[object] | None = None) -> ArticlePage:
        """Articles that match, newest publication first, then by name; `text` is left empty, `excerpt` filled.

        Raises:
            InvalidPageToken: `after` is no key that this method gave.
        """
        where, values = article_sql.condition(filter_)
        start, start_values = _after(after)
        query = search.parse(filter_.query)
        text = "text" if query else "''"

        def work(connection: sqlite3.Connection) -> ArticlePage:
            total = connection.execute(f"SELECT count(*) FROM article WHERE {where}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT time, name, record, {text} FROM article JOIN document USING (id) "
                f"WHERE {where} AND {start} ORDER BY time DESC, name LIMIT ?",
                [*values, *start_values, limit + 1],
            ).fetchall()
            articles = [_shown(record, text, query) for _, _, record, text in rows[:limit]]
            key: list[object] | None = list(rows[limit - 1][:2]) if len(rows) > limit else None
            return ArticlePage(articles, key, total)

        return await self._database.read(work)

    async def summarize(
        self, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool = False
    ) -> SummarizeArticlesResponse:
        """Counts by facets and time, all of one state of the index; with `by_area` for each area of the filter too."""
        return await self._database.read(lambda connection: count(connection, filter_, facets, interval, by_area))

    async def delete(self, names: Sequence[str]) -> None:
        """Remove articles for good: until `clear`, a `put` of such a name is ignored, also of one not yet known."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA secure_delete=ON")
            connection.executemany("INSERT OR IGNORE INTO deleted VALUES (?)", [(name,) for name in names])
            for prefix in ("", *index_build.begun(connection)):
                index_tables.remove(connection, names, prefix)

        await self._database.write(work)

    async def clear(self) -> None:
        """Remove everything, also what is known of deleted articles."""

        def work(connection: sqlite3.Connection) -> None:
            for table in ("article", "words", "deleted"):
                connection.execute(f"DELETE FROM {table}")

        await self._database.write(work)

    def rebuild(self) -> SqliteIndexBuild:
        """A context in which new tables are filled beside those that serve; they take over only by `serve`."""
        return SqliteIndexBuild(self._database)

    async def close(self) -> None:
        """Wait for running work and close the file."""
        await self._database.close()


def _after(key: Sequence[object] | None) -> tuple[str, list[object]]:
    """Condition for the rows behind a sort key."""
    if key is None:
        return "TRUE", []
    match key:
        case [int(time), str(name)]:
            return "time <= ? AND (time < ? OR name > ?)", [time, time, name]
        case _:
            raise InvalidPageToken


def _shown(record: bytes, text: str, query: search.Query | None) -> Article:
    article = Article.FromString(record)
    if query is not None:
        article.excerpt = search.excerpt([text, article.lead], query)
    return article
