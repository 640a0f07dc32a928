"""The tables of the index in SQLite: how they are made and written.

Table `article` is narrow, so that counting reads little; what is shown lies in `document`, the tokens in `words`, the
values of which an article may have several in `area` and `topic`. All names may carry a prefix: a new index is filled
beside the one that serves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.embedded import article_sql
from services.adapters.embedded.database import statements
from services.core import search

_FIELD_END = " \ue000 "
"""A token that no query has: a phrase never reaches from one field into the next."""

_DEPENDENT = ("document", "area", "topic", "words")


def schema(p: str = "") -> str:
    """The statements that make the tables, with a prefix before every name."""
    return f"""
    CREATE TABLE {p}article (
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
    CREATE INDEX {p}article_time ON {p}article (time DESC, name);
    CREATE INDEX {p}article_story ON {p}article (story);
    CREATE TABLE {p}document (
        id INTEGER PRIMARY KEY REFERENCES {p}article ON DELETE CASCADE,
        record BLOB NOT NULL, text TEXT NOT NULL, digest BLOB NOT NULL
    );
    CREATE TABLE {p}area (
        area TEXT NOT NULL, id INTEGER NOT NULL REFERENCES {p}article ON DELETE CASCADE, PRIMARY KEY (area, id)
    ) WITHOUT ROWID;
    CREATE INDEX {p}area_id ON {p}area (id);
    CREATE TABLE {p}topic (
        topic TEXT NOT NULL, id INTEGER NOT NULL REFERENCES {p}article ON DELETE CASCADE, PRIMARY KEY (topic, id)
    ) WITHOUT ROWID;
    CREATE INDEX {p}topic_id ON {p}topic (id);
    CREATE VIRTUAL TABLE {p}words USING fts5 (
        exact, folded, tokenize = "unicode61 remove_diacritics 0 tokenchars '\u0300\u0301\u0303\u0309\u0323\ue000'"
    );
    """


def make(connection: sqlite3.Connection, prefix: str) -> None:
    """Make the tables in the transaction that runs."""
    for statement in statements(schema(prefix)):
        connection.execute(statement)


def put(connection: sqlite3.Connection, articles: Sequence[Article], prefix: str = "") -> None:
    """Add or replace articles that were not deleted; an earlier state never replaces a later one."""
    for article in articles:
        if not connection.execute("SELECT 1 FROM deleted WHERE name = ?", (article.name,)).fetchone():
            _put(connection, article, prefix)


def remove(connection: sqlite3.Connection, names: Sequence[str], prefix: str = "") -> None:
    """Remove articles from the tables."""
    for name in names:
        gone = connection.execute(f"DELETE FROM {prefix}article WHERE name = ? RETURNING id", (name,)).fetchall()
        connection.executemany(f"DELETE FROM {prefix}words WHERE rowid = ?", gone)


def drop(connection: sqlite3.Connection, prefix: str = "") -> None:
    """Drop the tables."""
    for table in (*_DEPENDENT, "article"):
        connection.execute(f"DROP TABLE IF EXISTS {prefix}{table}")


def take_over(connection: sqlite3.Connection, prefix: str) -> None:
    """Drop the tables without a prefix and let those with it take their names."""
    drop(connection)
    for table in ("article", *_DEPENDENT):
        connection.execute(f"ALTER TABLE {prefix}{table} RENAME TO {table}")


def _put(connection: sqlite3.Connection, article: Article, p: str) -> None:
    row = article_sql.columns(article)
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    kept = connection.execute(
        f"INSERT INTO {p}article ({names}) VALUES ({values}) ON CONFLICT (name) DO UPDATE SET {updates} "
        f"WHERE excluded.change_number >= {p}article.change_number RETURNING id",
        row,
    ).fetchall()
    if not kept:
        return
    id_ = kept[0][0]
    for table, several in (("area", article.current_areas), ("topic", article.analysis.topics)):
        connection.execute(f"DELETE FROM {p}{table} WHERE id = ?", (id_,))
        connection.executemany(
            f"INSERT OR IGNORE INTO {p}{table} VALUES (?, ?)",
            [(value, id_) for value in several],
        )
    _put_document(connection, id_, article, p)


def _put_document(connection: sqlite3.Connection, id_: int, article: Article, p: str) -> None:
    """Keep what is shown; the words only where the text changed."""
    fields = (article.title, article.lead, article.text)
    digest = blake2b("\0".join(fields).encode(), digest_size=16).digest()
    before = connection.execute(f"SELECT digest FROM {p}document WHERE id = ?", (id_,)).fetchone()
    shown = Article()
    shown.CopyFrom(article)
    shown.ClearField("text")
    shown.excerpt = search.excerpt([article.text, article.lead])
    connection.execute(
        f"INSERT OR REPLACE INTO {p}document VALUES (?, ?, ?, ?)",
        (id_, shown.SerializeToString(), article.text, digest),
    )
    if before != (digest,):
        connection.execute(f"DELETE FROM {p}words WHERE rowid = ?", (id_,))
        connection.execute(
            f"INSERT INTO {p}words (rowid, exact, folded) VALUES (?, ?, ?)",
            (
                id_,
                _FIELD_END.join(" ".join(search.exact_tokens(field)) for field in fields),
                _FIELD_END.join(" ".join(search.folded_tokens(field)) for field in fields),
            ),
        )
