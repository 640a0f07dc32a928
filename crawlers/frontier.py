"""What the crawler has to do and has done, in one SQLite file: discoveries, pages, validators, source counters.

Every change is one transaction, and a job leaves the list only when its outcome is durable elsewhere: after a crash it
is done again. What a person asks for is synced at once. Times are wall-clock seconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime

from crawlers.canonical import host_port
from crawlers.catalogue import Discovery, SourceSpec
from crawlers.schedule import UNCONDITIONAL_EVERY, Outcome, Timing, next_check, next_timing
from crawlers.store import Store

MANUAL = "manual"
"""Source of pasted links whose host belongs to no source."""
RECENT = 100
"""Pages of a source that its empty share is taken over."""


@dataclass(frozen=True)
class Poll:
    """A discovery that is due. `moved` is its present address where it moved, `thorough` is true until one poll ended."""

    source: str
    url: str
    host: str
    moved: str
    thorough: bool


@dataclass(frozen=True)
class Visit:
    """A page that is due: for the first time (`checks` 0 and no document), or to see whether it changed."""

    url: str
    host: str
    source: str
    discovery: str
    attempts: int
    checks: int
    found: float
    feed_time: float | None
    submission: str


@dataclass(frozen=True)
class Item:
    """A page that a discovery names."""

    url: str
    time: float | None = None


class Frontier(Store):
    """What there is to do, and what came of it."""

    # ------------------------------------------------------------ discoveries

    def sync(self, specs: Iterable[SourceSpec]) -> None:
        """Take over the declared sources.

        New discoveries are due now, those no longer declared are forgotten; pages of undeclared sources wait.
        """
        now = self.clock()
        with self.transaction() as db:
            declared = set()
            for spec in specs:
                db.execute("INSERT OR IGNORE INTO source (id) VALUES (?)", (spec.id,))
                for discovery in spec.discover:
                    url = spec.url(discovery)
                    declared.add((spec.id, url))
                    db.execute(
                        "INSERT INTO discovery (source, url, kind, host, due, interval_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
                        "ON CONFLICT DO UPDATE SET kind = ?3",
                        (spec.id, url, discovery.kind, host_port(url), now, spec.poll.start_minutes * 60),
                    )
            ids = [(id_,) for id_ in {id_ for id_, _ in declared} | {MANUAL}]
            db.execute("DELETE FROM active")
            db.executemany("INSERT INTO active VALUES (?)", ids)
            db.execute("UPDATE page SET due = NULL WHERE due IS NOT NULL AND source NOT IN (SELECT id FROM active)")
            db.execute(
                "UPDATE page SET due = ? WHERE due IS NULL AND state = 'new' AND source IN (SELECT id FROM active)",
                (now,),
            )
            known = db.execute("SELECT source, url FROM discovery").fetchall()
            db.executemany(
                "DELETE FROM discovery WHERE source = ? AND url = ?", [row for row in known if row not in declared]
            )

    def poll_now(self, source: str) -> None:
        """Make every discovery of a source due, one that was stopped after failures too."""
        with self.transaction() as db:
            db.execute("UPDATE discovery SET due = ?, failure_streak = 0 WHERE source = ?", (self.clock(), source))

    def pause(self, source: str, paused: bool) -> None:
        """Stop or resume the polls of a source and the visits of its pages."""
        with self.transaction() as db:
            db.execute("UPDATE source SET paused = ? WHERE id = ?", (paused, source))

    def polled(self, poll: Poll, spec: SourceSpec, outcome: Outcome) -> None:
        """Keep what a poll brought, and when the next one is."""
        now = self.clock()
        with self.transaction() as db:
            row = db.execute(
                "SELECT interval_s, on_time, last_new, empty_streak, failure_streak FROM discovery WHERE source = ? AND url = ?",
                (poll.source, poll.url),
            ).fetchone()
            if row is None:
                return
            timing = next_timing(Timing(*row), outcome, spec.poll, now)
            db.execute(
                "UPDATE discovery SET due = :due, interval_s = :interval_s, on_time = :on_time, last_new = :last_new,"
                " empty_streak = :empty_streak, failure_streak = :failure_streak, asked = :now,"
                " complete = complete OR NOT :failed, items = iif(:unchanged OR :failed, items, :items),"
                " moved = iif(:moved = '', moved, :moved), problem_vi = :problem_vi, problem_en = :problem_en"
                " WHERE source = :source AND url = :url",
                asdict(outcome) | asdict(timing) | {"now": now, "source": poll.source, "url": poll.url},
            )

    def told_time(self, source: str, date: str) -> None:
        """Keep how far the time that a server stated (its header `Date`) is ahead of our clock; what is no time is ignored."""
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            ahead = parsedate_to_datetime(date).timestamp() - self.clock()
            with self.transaction() as db:
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"ahead/{source}", f"{ahead:.0f}"))

    def ahead(self, source: str) -> int | None:
        """Seconds by which the time that a server of a source stated last was ahead of our clock; None where none did."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", f"ahead/{source}")
        return int(rows[0][0]) if rows else None

    def checked(self, source: str, found: str) -> None:
        """Keep what was found when a source was last looked at as a whole, as text."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"check/{source}", found))

    def last_check(self, source: str) -> str:
        """What was kept of the last look; "" where there was none."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", f"check/{source}")
        return str(rows[0][0]) if rows else ""

    def validators(self, url: str) -> dict[str, str]:
        """Headers of a conditional request; every fourth one goes without, because some servers always say 304."""
        rows = self.rows("SELECT etag, modified, asks FROM resource WHERE url = ?", url)
        if not rows or rows[0][2] % UNCONDITIONAL_EVERY == UNCONDITIONAL_EVERY - 1:
            return {}
        names = ("If-None-Match", "If-Modified-Since")
        return {name: str(value) for name, value in zip(names, rows[0], strict=False) if value}

    def is_news(self, url: str, body_sha256: str) -> bool:
        """Whether a body differs from the last one of this address."""
        rows = self.rows("SELECT body_sha256 FROM resource WHERE url = ?", url)
        return not rows or rows[0][0] != body_sha256

    def answered(self, url: str, headers: Mapping[str, str], body_sha256: str) -> None:
        """Keep the validators and the hash of an answer, after what it says is kept; empty headers keep no validators."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO resource VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT DO UPDATE SET etag = ?2, modified = ?3, "
                "body_sha256 = ?4, asks = 0",
                (url, headers.get("etag", ""), headers.get("last-modified", ""), body_sha256),
            )

    def not_modified(self, url: str) -> None:
        """Count an answer 304."""
        with self.transaction() as db:
            db.execute("UPDATE resource SET asks = asks + 1 WHERE url = ?", (url,))

    def asked(self, source: str, url: str) -> float | None:
        """When a discovery was last asked; None for an address that is none, or never."""
        rows = self.rows("SELECT asked FROM discovery WHERE source = ? AND (url = ?2 OR moved = ?2)", source, url)
        return rows[0][0] if rows else None

    # ------------------------------------------------------------ jobs

    def add(self, source: str, discovery: str, items: Sequence[Item]) -> int:
        """Pages that a discovery names; of known ones only a time that was not stated so far is kept. How many were new."""
        now = self.clock()
        new = 0
        with self.transaction() as db:
            for item in items:
                fresh = db.execute(
                    "INSERT OR IGNORE INTO page (url, host, source, discovery, state, due, found, feed_time) "
                    "VALUES (?, ?, ?, ?, 'new', ?, ?, ?)",
                    (item.url, host_port(item.url), source, discovery, now, now, item.time),
                ).rowcount
                new += fresh
                if not fresh and item.time is not None:
                    db.execute(
                        "UPDATE page SET feed_time = ? WHERE url = ? AND feed_time IS NULL", (item.time, item.url)
                    )
        return new

    def submit(self, url: str, source: str, submission: str) -> None:
        """A page that a person asks for: due at once, also where it is known."""
        now = self.clock()
        with self.transaction(synced=True) as db:
            db.execute(
                "INSERT INTO page (url, host, source, discovery, state, due, found, submission) "
                "VALUES (?1, ?2, ?3, 'submit', 'new', ?4, ?4, ?5) "
                "ON CONFLICT DO UPDATE SET due = ?4, attempts = 0, submission = ?5",
                (url, host_port(url), source, now, submission),
            )

    def hosts_due(self) -> set[str]:
        """Hosts with something to do now."""
        rows = self.rows(
            "SELECT host FROM open_discovery WHERE due <= ?1 UNION SELECT host FROM open_page WHERE due <= ?1",
            self.clock(),
        )
        return {row[0] for row in rows}

    def next_due(self) -> float | None:
        """When the next thing becomes due after now; None where nothing does."""
        row = self.rows(
            "SELECT min(due) FROM (SELECT min(due) AS due FROM open_discovery WHERE due > ?1 "
            "UNION ALL SELECT min(due) FROM open_page WHERE due > ?1)",
            self.clock(),
        )[0][0]
        return None if row is None else float(row)

    def next_job(self, host: str) -> Poll | Visit | None:
        """What to do next at a host: pages that a person waits for, polls, new pages, then those to see again."""
        now = self.clock()
        asked = self._visit(host, now, submitted=True)
        if asked is not None:
            return asked
        polls = self.rows(
            "SELECT source, url, host, moved, NOT complete FROM open_discovery WHERE host = ? AND due <= ? "
            "ORDER BY due, kind LIMIT 1",
            host,
            now,
        )
        if polls:
            source, url, at, moved, thorough = polls[0]
            return Poll(source, url, at, moved, bool(thorough))
        return self._visit(host, now, submitted=False)

    def _visit(self, host: str, now: float, submitted: bool) -> Visit | None:
        rows = self.rows(
            "SELECT url, host, source, discovery, attempts, checks, found, feed_time, submission FROM open_page "
            "WHERE host = ? AND due <= ? AND (submission != '' OR NOT ?) ORDER BY state != 'new', due LIMIT 1",
            host,
            now,
            submitted,
        )
        return Visit(*rows[0]) if rows else None

    # ------------------------------------------------------------ outcomes of pages

    def postpone(self, visit: Visit, delay_s: float, reason: str, attempts: int) -> None:
        """Try a page again later."""
        with self.transaction() as db:
            db.execute(
                "UPDATE page SET due = ?, attempts = ?, reason = ? WHERE url = ?",
                (self.clock() + delay_s, attempts, reason, visit.url),
            )

    def settle(self, visit: Visit, state: str, reason: str = "", due: float | None = None) -> None:
        """Keep what became of a page: kept, void (no article), irrelevant, gone, failed, refused; and when to look again."""
        counter = {"failed": "failures", "refused": "refusals"}.get(state)
        with self.transaction() as db:
            settle(db, visit, state, reason, due)
            if counter:
                db.execute(f"UPDATE source SET {counter} = {counter} + 1 WHERE id = ?", (visit.source,))  # noqa: S608

    def unchanged(self, visit: Visit) -> None:
        """A page is as it was: the next look at it is due when its age asks for it."""
        now = self.clock()
        with self.transaction() as db:
            settle(db, visit, "kept", "unchanged", next_check(visit.found, None, now))

    def saw(self, source: str, empty: bool) -> None:
        """Count a page with or without a text for the empty share."""
        with self.transaction() as db:
            db.execute(
                "UPDATE source SET recent = substr(recent || ?, ?) WHERE id = ?",
                ("e" if empty else ".", -RECENT, source),
            )

    def block(self, source: str, seconds: float, vi: str, en: str) -> None:
        """Note that a site refuses crawlers, for so long unless it is noted again."""
        with self.transaction() as db:
            db.execute(
                "UPDATE source SET blocked_until = ?, blocked_vi = ?, blocked_en = ? WHERE id = ?",
                (self.clock() + seconds, vi, en, source),
            )


def settle(db: sqlite3.Connection, visit: Visit, state: str, reason: str, due: float | None) -> None:
    """The part of `Frontier.settle` that belongs into a larger transaction."""
    db.execute(
        "UPDATE page SET state = ?, reason = ?, due = ?, attempts = 0, checks = checks + 1, submission = '' WHERE url = ?",
        (state, reason, due, visit.url),
    )


def discovery_of(spec: SourceSpec, url: str) -> Discovery | None:
    """The declaration of a discovery by its address."""
    return next((discovery for discovery in spec.discover if spec.url(discovery) == url), None)
