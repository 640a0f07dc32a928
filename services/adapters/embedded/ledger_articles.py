"""The articles of the SQLite ledger: functions over a connection inside one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ngoclinh.media.v1.article_pb2 import Article, Evidence
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected, SubmissionFailed

from services.adapters import ledger_rows as rows
from services.core.ports import Recorded

STANDING = (
    "SELECT seq, name, revision, change_number, first_collect_time, withdrawn_time FROM article WHERE down_time IS NULL"
)


def record(connection: sqlite3.Connection, event: ArticleCollected) -> Recorded:
    """Keep a collected version and answer its submission."""
    name = event.article.name
    row = standing(connection, name)
    if row is None and connection.execute("SELECT 1 FROM article WHERE name = ?", (name,)).fetchone():
        answer(connection, event.submission, failure=rows.REFUSED)
        return Recorded(Article(name=name), changed=False)
    answer(connection, event.submission, name)
    collect_time = event.article.collect_time.ToMicroseconds()
    if row is None:
        connection.execute(
            "INSERT INTO article (name, revision, change_number, first_collect_time, last_collect_time) "
            "VALUES (?1, 0, 0, ?2, ?2)",
            (name, collect_time),
        )
    connection.execute(
        "UPDATE article SET last_collect_time = max(last_collect_time, ?) WHERE name = ?", (collect_time, name)
    )
    shown = _add_version(connection, event)
    lifted = connection.execute(
        "UPDATE article SET withdrawn_time = NULL WHERE name = ? AND withdrawn_time < ?", (name, collect_time)
    ).rowcount
    added = _add_evidence(connection, event.article)
    article = read(connection, name, changed=shown or bool(lifted) or added)
    assert article is not None
    return Recorded(article, shown)


def _add_version(connection: sqlite3.Connection, event: ArticleCollected) -> bool:
    """Keep a version unless its content is the present one or came later already; True where it is the present one now."""
    name = event.article.name
    (present,) = connection.execute("SELECT revision FROM article WHERE name = ?", (name,)).fetchone()
    kept = connection.execute("SELECT revision, content_sha256, collect_time FROM version WHERE name = ?", (name,))
    version, shown = rows.place(event, present, map(rows.Kept._make, kept))
    if version is not None:
        connection.execute("INSERT INTO version VALUES (?, ?, ?, ?, ?)", (name, *version, event.SerializeToString()))
        if shown:
            connection.execute("UPDATE article SET revision = ? WHERE name = ?", (version.revision, name))
    return shown


def _add_evidence(connection: sqlite3.Connection, article: Article) -> bool:
    """Add the files that an article names; True where one is new."""
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO evidence (article, sha256, media_type, size_bytes) VALUES (?, ?, ?, ?)",
        [(article.name, file.sha256, file.media_type, file.size_bytes) for file in article.evidence],
    )
    return connection.total_changes > before


def analyses(connection: sqlite3.Connection, events: Sequence[ArticleAnalyzed]) -> list[Article | None]:
    """Keep analyses; the article of each event as it reads now, or None if it is unknown or down."""
    fresh: dict[str, bool] = {}
    for event in events:
        if standing(connection, event.article) is not None:
            moment = event.analysis.analyze_time.ToMicroseconds()
            added = connection.execute(
                "INSERT OR IGNORE INTO analysis VALUES (?, ?, ?, ?)",
                (event.article, event.revision, moment, event.SerializeToString()),
            ).rowcount
            fresh[event.article] = fresh.get(event.article, False) or added > 0
    found = {name: read(connection, name, changed) for name, changed in fresh.items()}
    return [found.get(event.article) for event in events]


def evidence(connection: sqlite3.Connection, column: str, value: str) -> list[Evidence]:
    """The files of an article (column "article") or those of a digest ("sha256"), in the order in which they came."""
    found = connection.execute(
        f"SELECT sha256, media_type, size_bytes FROM evidence WHERE {column} = ? ORDER BY id", (value,)
    ).fetchall()
    return [Evidence(sha256=sha256, media_type=kind, size_bytes=size) for sha256, kind, size in found]


def drop_evidence(connection: sqlite3.Connection, name: str) -> list[str]:
    """Forget the files of an article; digests of those that no other article names."""
    digests = [file.sha256 for file in evidence(connection, "article", name)]
    connection.execute("DELETE FROM evidence WHERE article = ?", (name,))
    return [sha256 for sha256 in digests if not evidence(connection, "sha256", sha256)]


def erase(connection: sqlite3.Connection, name: str, down: tuple[int, str, str]) -> list[str]:
    """Erase the texts and analyses of an article for good, with when, why and who; what `drop_evidence` returns."""
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("UPDATE article SET down_time = ?, down_reason = ?, down_user = ? WHERE name = ?", (*down, name))
    for table in ("version", "analysis"):
        connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))
    return drop_evidence(connection, name)


def answer(
    connection: sqlite3.Connection, submission: str, article: str = "", failure: SubmissionFailed | None = None
) -> None:
    """Keep what became of a submission, if there was one: the article or the failure."""
    if submission:
        connection.execute(
            "INSERT OR REPLACE INTO submission VALUES (?, ?, ?)",
            (submission, article, failure.SerializeToString() if failure is not None else None),
        )


def standing(connection: sqlite3.Connection, name: str) -> rows.Row | None:
    """The row of an article; None if it is unknown or taken down."""
    found = connection.execute(f"{STANDING} AND name = ?", (name,)).fetchone()
    return None if found is None else rows.Row._make(found)


def read(connection: sqlite3.Connection, name: str, changed: bool = False) -> Article | None:
    """The article as it reads now, its change counted if it is one; None if it is unknown or taken down."""
    if changed:
        connection.execute(
            "UPDATE article SET change_number = change_number + 1, "
            "change_seq = (SELECT coalesce(max(change_seq), 0) + 1 FROM article) WHERE name = ?",
            (name,),
        )
    row = standing(connection, name)
    return None if row is None else compose(connection, row)


def compose(connection: sqlite3.Connection, row: rows.Row) -> Article:
    """Put an article together: version, analysis of that version, corrections."""
    (event,) = connection.execute(
        "SELECT event FROM version WHERE name = ? AND revision = ?", (row.name, row.revision)
    ).fetchone()
    newest = connection.execute(
        "SELECT event FROM analysis WHERE name = ? AND revision = ? ORDER BY analyze_time DESC LIMIT 1",
        (row.name, row.revision),
    ).fetchone()
    said = connection.execute("SELECT request FROM correction WHERE name = ? ORDER BY id", (row.name,))
    files = evidence(connection, "article", row.name)
    return rows.compose(row, event, files, newest and newest[0], [request for (request,) in said])
