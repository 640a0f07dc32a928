"""The articles of the SQLite ledger: functions over a connection inside one transaction."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from ngoclinh.media.v1.article_pb2 import Article, Evidence
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected, SubmissionFailed
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_FETCH_REFUSED

from services.core import corrections, search
from services.core.names import content_digest
from services.core.ports import Recorded

_REFUSED = SubmissionFailed(reason=ERROR_REASON_FETCH_REFUSED)
_REFUSED.message.vi = "Bài này đã bị gỡ theo yêu cầu và không được lưu lại."
_REFUSED.message.en = "This article was taken down and is not stored again."


class Row(NamedTuple):
    """One row of table `article` that is not taken down."""

    seq: int
    name: str
    revision: int
    change_number: int
    first_collect_time: int
    withdrawn_time: int | None


STANDING = (
    "SELECT seq, name, revision, change_number, first_collect_time, withdrawn_time FROM article WHERE down_time IS NULL"
)


def record(connection: sqlite3.Connection, event: ArticleCollected) -> Recorded:
    """Keep a collected version and answer its submission."""
    name = event.article.name
    row = standing(connection, name)
    if row is None and connection.execute("SELECT 1 FROM article WHERE name = ?", (name,)).fetchone():
        answer(connection, event.submission, failure=_REFUSED)
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
    shown = _add_version(connection, event, collect_time)
    lifted = connection.execute(
        "UPDATE article SET withdrawn_time = NULL WHERE name = ? AND withdrawn_time < ?", (name, collect_time)
    ).rowcount
    added = _add_evidence(connection, event.article)
    article = read(connection, name, changed=shown or bool(lifted) or added)
    assert article is not None
    return Recorded(article, shown)


def _add_version(connection: sqlite3.Connection, event: ArticleCollected, collect_time: int) -> bool:
    """Keep a version unless its content is the present one or came later already; True where it is the present one now."""
    article = event.article
    name, content = article.name, event.content_sha256 or content_digest(article.title, article.lead, article.text)
    last, newest = connection.execute(
        "SELECT coalesce(max(revision), 0), coalesce(max(collect_time), ?2) FROM version WHERE name = ?1",
        (name, collect_time),
    ).fetchone()
    known = connection.execute(
        "SELECT 1 FROM version WHERE name = ?1 AND content_sha256 = ?2 "
        "AND (collect_time >= ?3 OR revision = (SELECT revision FROM article WHERE article.name = ?1))",
        (name, content, collect_time),
    ).fetchone()
    if known:
        return False
    connection.execute(
        "INSERT INTO version VALUES (?, ?, ?, ?, ?)",
        (name, last + 1, content, collect_time, event.SerializeToString()),
    )
    if collect_time < newest:
        return False
    connection.execute("UPDATE article SET revision = ? WHERE name = ?", (last + 1, name))
    return True


def _add_evidence(connection: sqlite3.Connection, article: Article) -> bool:
    """Add the files that an article names; True where one is new."""
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO evidence (article, sha256, media_type, size_bytes) VALUES (?, ?, ?, ?)",
        [(article.name, file.sha256, file.media_type, file.size_bytes) for file in article.evidence],
    )
    return connection.total_changes > before


def evidence(connection: sqlite3.Connection, column: str, value: str) -> list[Evidence]:
    """The files of an article (column "article") or those of a digest ("sha256"), in the order in which they came."""
    rows = connection.execute(
        f"SELECT sha256, media_type, size_bytes FROM evidence WHERE {column} = ? ORDER BY id", (value,)
    ).fetchall()
    return [Evidence(sha256=sha256, media_type=kind, size_bytes=size) for sha256, kind, size in rows]


def drop_evidence(connection: sqlite3.Connection, name: str) -> list[str]:
    """Forget the files of an article; digests of those that no other article names."""
    digests = [file.sha256 for file in evidence(connection, "article", name)]
    connection.execute("DELETE FROM evidence WHERE article = ?", (name,))
    return [sha256 for sha256 in digests if not evidence(connection, "sha256", sha256)]


def answer(
    connection: sqlite3.Connection, submission: str, article: str = "", failure: SubmissionFailed | None = None
) -> None:
    """Keep what became of a submission, if there was one: the article or the failure."""
    if submission:
        connection.execute(
            "INSERT OR REPLACE INTO submission VALUES (?, ?, ?)",
            (submission, article, failure.SerializeToString() if failure is not None else None),
        )


def standing(connection: sqlite3.Connection, name: str) -> Row | None:
    """The row of an article; None if it is unknown or taken down."""
    found = connection.execute(f"{STANDING} AND name = ?", (name,)).fetchone()
    return None if found is None else Row._make(found)


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


def compose(connection: sqlite3.Connection, row: Row) -> Article:
    """Put an article together: version, analysis of that version, corrections."""
    (event,) = connection.execute(
        "SELECT event FROM version WHERE name = ? AND revision = ?", (row.name, row.revision)
    ).fetchone()
    article = read_version(row.revision, event)
    article.change_number = row.change_number
    article.first_collect_time.FromMicroseconds(row.first_collect_time)
    del article.evidence[:]
    article.evidence.extend(evidence(connection, "article", row.name))
    if row.withdrawn_time is not None:
        article.withdrawn_time.FromMicroseconds(row.withdrawn_time)
    newest = connection.execute(
        "SELECT event FROM analysis WHERE name = ? AND revision = ? ORDER BY analyze_time DESC LIMIT 1",
        (row.name, row.revision),
    ).fetchone()
    if newest is not None:
        _add_analysis(article, ArticleAnalyzed.FromString(newest[0]))
    said = connection.execute("SELECT request FROM correction WHERE name = ? ORDER BY id", (row.name,)).fetchall()
    if said:
        corrections.apply(article, (CorrectArticleRequest.FromString(request) for (request,) in said))
    return article


def read_version(revision: int, event: bytes) -> Article:
    """The article of a stored `ArticleCollected`."""
    article = ArticleCollected.FromString(event).article
    article.revision = revision
    article.text_length = len(article.text)
    article.excerpt = search.excerpt([article.text, article.lead])
    return article


def _add_analysis(article: Article, event: ArticleAnalyzed) -> None:
    article.analysis.CopyFrom(event.analysis)
    article.places.extend(event.places)
    article.current_areas.extend(event.current_areas)
    article.parcel_references.extend(event.parcel_references)
    article.documents.extend(event.documents)
