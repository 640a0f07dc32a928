"""The search index over articles in SQLite FTS5.

Table `article` is narrow, so that counting reads little; what is shown lies in `document`, the tokens in `words`, the
values of which an article may have several in `area` and `topic`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, SummarizeArticlesResponse

from services.adapters.embedded import article_sql
from services.adapters.embedded.article_counts import count
from services.adapters.embedded.database import Database
from services.core import search
from services.core.errors import InvalidPageToken
from services.core.ports import ArticlePage

MIGRATIONS = (
    """
    CREATE TABLE article (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        change_number INTEGER NOT NULL,
        time INTEGER NOT NULL,
        source TEXT NOT NULL,
        kind INTEGER NOT NULL,
        language TEXT NOT NULL,
        sentiment TEXT NOT NULL,
        event_valence TEXT NOT NULL,
        stance TEXT NOT NULL,
        complaint TEXT NOT NULL,
        story TEXT NOT NULL,
        original INTEGER NOT NULL,
        withdrawn INTEGER NOT NULL,
        with_parcels INTEGER NOT NULL
    );
    CREATE INDEX article_time ON article (time DESC, name);
    CREATE INDEX article_story ON article (story);
    CREATE TABLE document (
        id INTEGER PRIMARY KEY REFERENCES article ON DELETE CASCADE,
        record BLOB NOT NULL, text TEXT NOT NULL, digest BLOB NOT NULL
    );
    CREATE TABLE area (
        area TEXT NOT NULL, id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE, PRIMARY KEY (area, id)
    ) WITHOUT ROWID;
    CREATE INDEX area_id ON area (id);
    CREATE TABLE topic (
        topic TEXT NOT NULL, id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE, PRIMARY KEY (topic, id)
    ) WITHOUT ROWID;
    CREATE INDEX topic_id ON topic (id);
    CREATE VIRTUAL TABLE words USING fts5 (
        exact, folded, tokenize = "unicode61 remove_diacritics 0 tokenchars '\u0300\u0301\u0303\u0309\u0323\ue000'"
    );
    """,
    "CREATE TABLE deleted (name TEXT PRIMARY KEY) WITHOUT ROWID;",
)

_FIELD_END = " \ue000 "
"""A token that no query has: a phrase never reaches from one field into the next."""


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
            for article in articles:
                _put(connection, article)

        await self._database.write(work)

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
            for name in names:
                connection.execute("INSERT OR IGNORE INTO deleted VALUES (?)", (name,))
                for (id_,) in connection.execute("DELETE FROM article WHERE name = ? RETURNING id", (name,)).fetchall():
                    connection.execute("DELETE FROM words WHERE rowid = ?", (id_,))

        await self._database.write(work)

    async def clear(self) -> None:
        """Remove everything, before a rebuild."""

        def work(connection: sqlite3.Connection) -> None:
            for table in ("article", "words", "deleted"):
                connection.execute(f"DELETE FROM {table}")

        await self._database.write(work)

    async def close(self) -> None:
        """Wait for running work and close the file."""
        await self._database.close()


def _put(connection: sqlite3.Connection, article: Article) -> None:
    row = article_sql.columns(article)
    if connection.execute("SELECT 1 FROM deleted WHERE name = ?", (article.name,)).fetchone():
        return
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    kept = connection.execute(
        f"INSERT INTO article ({names}) VALUES ({values}) ON CONFLICT (name) DO UPDATE SET {updates} "
        "WHERE excluded.change_number >= article.change_number RETURNING id",
        row,
    ).fetchall()
    if not kept:
        return
    id_ = kept[0][0]
    for table, several in (("area", article.current_areas), ("topic", article.analysis.topics)):
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (id_,))
        connection.executemany(
            f"INSERT OR IGNORE INTO {table} VALUES (?, ?)",
            [(value, id_) for value in several],
        )
    _put_document(connection, id_, article)


def _put_document(connection: sqlite3.Connection, id_: int, article: Article) -> None:
    """Keep what is shown; the words only where the text changed."""
    fields = (article.title, article.lead, article.text)
    digest = blake2b("\0".join(fields).encode(), digest_size=16).digest()
    before = connection.execute("SELECT digest FROM document WHERE id = ?", (id_,)).fetchone()
    shown = Article()
    shown.CopyFrom(article)
    shown.ClearField("text")
    shown.excerpt = search.excerpt([article.text, article.lead])
    connection.execute(
        "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)", (id_, shown.SerializeToString(), article.text, digest)
    )
    if before != (digest,):
        connection.execute("DELETE FROM words WHERE rowid = ?", (id_,))
        connection.execute(
            "INSERT INTO words (rowid, exact, folded) VALUES (?, ?, ?)",
            (
                id_,
                _FIELD_END.join(" ".join(search.exact_tokens(field)) for field in fields),
                _FIELD_END.join(" ".join(search.folded_tokens(field)) for field in fields),
            ),
        )


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
