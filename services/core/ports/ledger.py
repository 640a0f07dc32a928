"""The port `Ledger`: the store of record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ngoclinh.area.v1.area_service_pb2 import WatchArea
from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter
from ngoclinh.media.v1.article_pb2 import Article, Evidence, Source
from ngoclinh.media.v1.event_pb2 import (
    ArticleAnalyzed,
    ArticleCollected,
    ArticleWithdrawn,
    SourceChecked,
    SubmissionFailed,
)
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.core.ports.access import AccessLedger
from services.core.ports.retention import RetentionLedger


@dataclass(frozen=True)
class Recorded:
    """What became of a collected article."""

    article: Article
    """The article as the ledger holds it now: revision, first_collect_time and corrections filled in."""
    changed: bool
    """False where this content was already recorded."""


@dataclass(frozen=True)
class Changes:
    """Articles that changed after a cursor."""

    articles: list[Article]
    """Each once, as it reads now, in the order of their last changes."""
    cursor: int
    """Where the next changes start."""


@dataclass(frozen=True)
class Submission:
    """What became of a submitted link: an article, a failure, or nothing yet."""

    article: str = ""
    failure: SubmissionFailed | None = None


@dataclass(frozen=True)
class Correction:
    """What a person said about an article, with who and when."""

    request: CorrectArticleRequest
    user: str
    time: datetime


@dataclass(frozen=True)
class AlertPage:
    """A page of alerts."""

    alerts: list[Alert]
    next_key: list[object] | None
    """Sort key of the last row where another page follows."""
    total: int


class AlertLedger(Protocol):
    """The part of the ledger that keeps alert rules and alerts."""

    async def put_alert_rule(self, rule: AlertRule, user: str) -> None:
        """Keep a rule, new or changed, with who and when."""
        ...

    async def delete_alert_rule(self, name: str, user: str) -> None:
        """End a rule; its alerts stay.

        Raises:
            NotFound: there is no such rule.
        """
        ...

    async def alert_rule(self, name: str) -> AlertRule | None:
        """One rule, or None."""
        ...

    async def alert_rules(self) -> list[AlertRule]:
        """All rules, in the order of their titles, then names."""
        ...

    async def raise_alert(self, alert: Alert, silent_since: datetime | None = None) -> bool:
        """Keep an alert; True where it is kept, now or by an earlier call for the same article.

        Args:
            alert: an alert of a name that is already kept changes nothing.
            silent_since: do not keep it where an alert of the same rule was raised at or after this moment.
        """
        ...

    async def alerts(self, filter_: AlertFilter, limit: int, after: Sequence[object] | None = None) -> AlertPage:
        """Alerts that match, newest first, then by name."""
        ...

    async def alert(self, name: str) -> Alert | None:
        """One alert, or None."""
        ...

    async def acknowledge_alert(self, name: str, user: str, note: str) -> Alert:
        """Keep who took care of an alert, and when; the first one counts.

        Raises:
            NotFound: there is no such alert.
        """
        ...


class WatchAreaLedger(Protocol):
    """The part of the ledger that keeps the watch areas of people; those of the settings are not here."""

    async def put_watch_area(self, area: WatchArea, user: str) -> None:
        """Keep a watch area, new or changed, with who and when."""
        ...

    async def delete_watch_area(self, name: str, user: str) -> None:
        """End a watch area, with who and when; one that is not kept changes nothing."""
        ...

    async def watch_areas(self) -> list[WatchArea]:
        """The watch areas that are kept, in the order of their names."""
        ...


class Ledger(AlertLedger, WatchAreaLedger, AccessLedger, RetentionLedger, Protocol):
    """The store of record: everything else can be rebuilt from it."""

    async def record_collected(self, event: ArticleCollected) -> Recorded:
        """Keep a version of an article; the same content again changes nothing.

        A version that was collected before the present one is kept but not shown. An article that was taken down stays
        down: the answer then has its name only. The event's submission, if any, is answered too. Evidence is added to
        what is there, also by an event without new content.
        """
        ...

    async def record_analyzed(self, event: ArticleAnalyzed) -> Article | None:
        """Keep an analysis; returns the article with it, corrections on top. None if the article is unknown or down.

        An analysis of an older revision than the present one is kept but not shown.
        """
        ...

    async def record_analyses(self, events: Sequence[ArticleAnalyzed]) -> list[Article | None]:
        """`record_analyzed` for many events in one step: all are kept, or none; an article changes once."""
        ...

    async def record_withdrawn(self, event: ArticleWithdrawn) -> Article | None:
        """Mark an article as withdrawn by its site; returns it, or None if unknown or down.

        A later collection of the page lifts the mark.
        """
        ...

    async def record_source(self, source: Source) -> None:
        """Keep the newest state of a source."""
        ...

    async def record_submission(self, failure: SubmissionFailed) -> None:
        """Keep that a submitted link could not be taken."""
        ...

    async def submission(self, name: str) -> Submission:
        """What became of a submission."""
        ...

    async def record_source_check(self, event: SourceChecked) -> None:
        """Keep what became of a request for a new source."""
        ...

    async def source_check(self, request: str) -> SourceChecked | None:
        """What became of a request for a new source; None while there is no answer."""
        ...

    async def article(self, name: str) -> Article | None:
        """The present version with analysis and corrections; None if unknown or taken down."""
        ...

    async def standing(self, names: Sequence[str]) -> set[str]:
        """Those of these articles that are known and not taken down."""
        ...

    async def versions(self, name: str) -> list[Article]:
        """All versions of an article, oldest first, without analysis."""
        ...

    async def correct(self, correction: CorrectArticleRequest, user: str) -> Article:
        """Keep what a person said, with who and when; returns the article as it reads now.

        Raises:
            NotFound: there is no such article.
        """
        ...

    async def corrections(self, name: str) -> list[Correction]:
        """Everything that people said about an article, oldest first."""
        ...

    async def take_down(self, name: str, reason: str, user: str) -> list[str]:
        """Erase the texts and analyses of an article for good; its name stays, so that it is never recorded again.

        Returns:
            Digests of its evidence that no other article names: their files are to be erased too.

        Raises:
            NotFound: there is no such article.
        """
        ...

    async def evidence(self, sha256: str) -> Evidence | None:
        """A file that some article names; None for any other."""
        ...

    async def changes(self, after: int | None = None, limit: int = 200) -> Changes:
        """Articles that changed after a cursor, at most `limit`, without those taken down; None only tells the cursor of now."""
        ...

    async def sources(self) -> list[Source]:
        """The newest state of every source, in the order of their names."""
        ...

    def replay(self, since: datetime | None = None) -> AsyncIterator[Article]:
        """Every article that is not taken down, as `article` gives it, in the order of first collection.

        Args:
            since: only those that were first collected at or after this moment.
        """
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...
