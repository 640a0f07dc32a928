"""Documents that were published: their versions, and which of them tell the same story."""

from __future__ import annotations

from dataclasses import dataclass

from crawlers.canonical import host_port
from crawlers.fingerprint import THRESHOLD, bands, similarity
from crawlers.frontier import Frontier, Visit, settle

WINDOW_S = 7 * 86_400.0
"""Two texts are compared where their times are no further apart."""
KEEP_S = 14 * 86_400.0
"""Seconds that a document stays comparable after it was first seen."""
_MOST_CANDIDATES = 200


@dataclass(frozen=True)
class Known:
    """A document as it was last published."""

    content_sha256: str
    story: str
    first_seen: float


@dataclass(frozen=True)
class Near:
    """The document that is most alike."""

    article: str
    story: str
    time: float
    similarity: float


@dataclass(frozen=True)
class Kept:
    """A document that has been published; `time` is that of its publication, or of its first sight."""

    article: str
    content_sha256: str
    signature: bytes
    story: str
    time: float
    first_seen: float


@dataclass(frozen=True)
class Done:
    """A visit that is done: the page's own address, and when to look at it again."""

    visit: Visit
    page: str
    due: float | None


class Documents:
    """The documents in a frontier."""

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier

    def known(self, article: str) -> Known | None:
        """What was last published under this name."""
        rows = self._frontier.rows("SELECT content_sha256, story, first_seen FROM document WHERE article = ?", article)
        return Known(*rows[0]) if rows else None

    def near(self, article: str, signature: bytes, time: float) -> Near | None:
        """The most similar document of the same days, if it is similar enough; of equals the one that came first."""
        numbers = bands(signature)
        if not numbers:
            return None
        rows = self._frontier.rows(
            "SELECT DISTINCT document.article, signature, story, document.time, first_seen FROM band "  # noqa: S608
            f"JOIN document ON document.article = band.article WHERE band IN ({','.join('?' * len(numbers))}) "
            f"AND band.time BETWEEN ? AND ? AND band.article != ? ORDER BY first_seen LIMIT {_MOST_CANDIDATES}",
            *numbers,
            time - WINDOW_S,
            time + WINDOW_S,
            article,
        )
        best: Near | None = None
        for name, theirs, story, when, _ in rows:
            alike = similarity(signature, bytes(theirs))
            if alike >= THRESHOLD and (best is None or alike > best.similarity):
                best = Near(str(name), str(story), float(when), alike)
        return best

    def keep(self, source: str, documents: list[Kept], done: Done | None = None) -> None:
        """Remember documents that are durably published, and with them that their page is done.

        Args:
            source: id of the source.
            documents: all of them.
            done: the visit that is done with this; None for documents that a feed carries.
        """
        page = done.page if done else ""
        with self._frontier.transaction() as db:
            for kept in documents:
                new = not db.execute("SELECT 1 FROM document WHERE article = ?", (kept.article,)).fetchone()
                db.execute(
                    "INSERT INTO document VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET "
                    "page = iif(?2 = '', page, ?2), content_sha256 = ?3, signature = ?4, story = ?5, time = ?6",
                    (kept.article, page, kept.content_sha256, kept.signature, kept.story, kept.time, kept.first_seen),
                )
                db.execute("DELETE FROM band WHERE article = ?", (kept.article,))
                db.executemany(
                    "INSERT OR IGNORE INTO band VALUES (?, ?, ?)",
                    [(number, kept.time, kept.article) for number in bands(kept.signature)],
                )
                db.execute(
                    "UPDATE source SET articles = articles + ?, newest = max(coalesce(newest, 0), ?) WHERE id = ?",
                    (new, kept.time, source),
                )
            if done is not None and done.page == done.visit.url:
                settle(db, done.visit, "kept", "", done.due)
            elif done is not None:  # an address that leads to the page's own: only that one is looked at again
                settle(db, done.visit, "kept", done.page, None)
                db.execute(
                    "INSERT OR IGNORE INTO page (url, host, source, discovery, state, due, found) "
                    "VALUES (?, ?, ?, ?, 'kept', ?, ?)",
                    (done.page, host_port(done.page), source, done.visit.discovery, done.due, done.visit.found),
                )

    def of_page(self, page: str) -> list[str]:
        """Names of the articles that stood on a page."""
        return [str(row[0]) for row in self._frontier.rows("SELECT article FROM document WHERE page = ?", page)]

    def forget_old(self) -> None:
        """Take documents out of the comparison that are too old for it."""
        with self._frontier.transaction() as db:
            db.execute(
                "DELETE FROM band WHERE article IN (SELECT article FROM document WHERE first_seen < ?)",
                (self._frontier.clock() - KEEP_S,),
            )
