"""The five ports. Each has an embedded adapter and, where the office outgrows one machine, a cluster adapter.

The clauses that every adapter passes are the suites in `tests/contracts/`. Events and records are the protobuf
messages of `protos/`: there is no second set of models.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message
from ngoclinh.area.v1.area_service_pb2 import WatchArea
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel
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
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, CorrectArticleRequest, SummarizeArticlesResponse
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis

# ---------------------------------------------------------------- Bus

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "media.collected": ("ledger",),
    "media.withdrawn": ("ledger",),
    "media.recorded": ("analyze",),
    "media.analyzed": ("index",),
    "media.indexed": ("alerts",),
    "alert.raised": ("notify",),
    "media.submission": ("ledger",),
    "source.state": ("ledger",),
    "source.command": ("crawler",),
    "source.checked": ("ledger",),
    "land.validated": ("situation",),
}
"""Every subject and the groups that consume it: a group gets each event once, its members share the load."""


@dataclass(frozen=True)
class Output:
    """An event to publish together with an acknowledgement."""

    subject: str
    event: Message
    key: str


@dataclass(frozen=True)
class Quarantined:
    """An event that was set aside, with the reason."""

    id: str
    subject: str
    group: str
    key: str
    reason: str
    attempts: int
    quarantine_time: datetime
    payload: bytes


class Delivery(Protocol):
    """One event in the hands of one consumer; exactly one of `ack`, `retry`, `quarantine` ends it."""

    @property
    def subject(self) -> str:
        """Subject of the event."""
        ...

    @property
    def event(self) -> Message:
        """The event."""
        ...

    @property
    def key(self) -> str:
        """The key that it was published under."""
        ...

    @property
    def attempt(self) -> int:
        """Number of this delivery, from 1."""
        ...

    async def ack(self, outputs: Sequence[Output] = ()) -> None:
        """Done: publish `outputs` and forget the event, in one step where the engine can."""
        ...

    async def retry(self, delay_s: float) -> None:
        """The cause may pass: deliver again after `delay_s` seconds."""
        ...

    async def quarantine(self, reason: str) -> None:
        """The cause will not pass: set the event aside with the reason."""
        ...


class Bus(Protocol):
    """Events between services: durable when `publish` returns, delivered at least once, deduplicated by key."""

    async def publish(self, subject: str, event: Message, key: str) -> None:
        """Store an event durably; the same (subject, key) within the window (≥ 24 h) is stored once."""
        ...

    def consume(self, subject: str, group: str) -> AsyncIterator[Delivery]:
        """Deliveries for one member of a group, without end; an event not ended within the lease (60 s) comes again."""
        ...

    async def depth(self) -> Mapping[tuple[str, str], int]:
        """Events not yet acknowledged, by (subject, group); quarantined ones are not counted."""
        ...

    async def quarantined(self) -> list[Quarantined]:
        """Events set aside, oldest first."""
        ...

    async def release(self, ids: Sequence[str]) -> int:
        """Deliver quarantined events again from attempt 1; returns how many there were."""
        ...

    async def purge(self, ids: Sequence[str]) -> int:
        """Forget quarantined events; returns how many there were."""
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...


# ---------------------------------------------------------------- Ledger


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


class Ledger(AlertLedger, WatchAreaLedger, Protocol):
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


# ---------------------------------------------------------------- ArticleIndex


@dataclass(frozen=True)
class ArticlePage:
    """A page of search results."""

    articles: list[Article]
    next_key: list[object] | None
    """Sort key of the last row where another page follows."""
    total: int


class ArticleIndex(Protocol):
    """Search over articles; it can be thrown away and rebuilt from the ledger to the same answers."""

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace; a state with a lower `change_number` never replaces one with a higher."""
        ...

    async def search(self, filter_: ArticleFilter, limit: int, after: Sequence[object] | None = None) -> ArticlePage:
        """Articles that match, newest publication first, then by name; `text` is left empty, `excerpt` filled."""
        ...

    async def summarize(
        self, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool = False
    ) -> SummarizeArticlesResponse:
        """Counts by facets (`ArticleFacet`) and time (`TimeInterval`); with `by_area` for each area of the filter too."""
        ...

    async def delete(self, names: Sequence[str]) -> None:
        """Remove articles for good: until `clear`, a `put` of such a name is ignored, also of one not yet known."""
        ...

    async def clear(self) -> None:
        """Remove everything, before a rebuild."""
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...


# ---------------------------------------------------------------- ParcelStore


@dataclass(frozen=True)
class ParcelPage:
    """A page of parcels."""

    parcels: list[Parcel]
    next_key: list[object] | None
    total: int


@dataclass(frozen=True)
class FindingPage:
    """A page of findings."""

    findings: list[Finding]
    next_key: list[object] | None
    total: int


@dataclass(frozen=True)
class ParcelSquare:
    """How many current parcels have their middle in a square of a box; column from the west, row from the south."""

    column: int
    row: int
    parcel_count: int
    error_count: int
    """How many of them have findings of severity ERROR."""
    warning_count: int
    """How many of them have findings of severity WARNING."""


@dataclass(frozen=True)
class LandSummary:
    """How the current parcels of one commune of today stand."""

    area: str
    parcel_count: int = 0
    area_m2: float = 0.0
    error_count: int = 0
    warning_count: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)
    newest_import_time: datetime | None = None


class ParcelStore(Protocol):
    """Parcels with their history, findings, imports. An import becomes visible as a whole or not at all."""

    async def begin_import(self, import_: Import) -> None:
        """Keep a new import in state RUNNING; one that runs already starts anew, without what was put before.

        Raises:
            Conflict: it has ended.
        """
        ...

    async def put_parcels(self, import_name: str, parcels: Sequence[Parcel]) -> None:
        """Add parcels to a running import; nothing is visible yet.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended, or two of its parcels have one name.
        """
        ...

    async def put_findings(self, import_name: str, findings: Sequence[Finding]) -> None:
        """Add findings to a running import; nothing is visible yet. The same finding again changes nothing.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended.
        """
        ...

    async def commit(self, import_: Import) -> None:
        """Make it visible: its parcels supersede those with the same name, older versions go to history."""
        ...

    async def fail(self, import_: Import) -> None:
        """End an import without parcels (FAILED, REJECTED or CANCELLED); its findings stay readable by import."""
        ...

    async def import_(self, name: str) -> Import | None:
        """One import."""
        ...

    async def imports(
        self, limit: int, after: Sequence[object] | None = None
    ) -> tuple[list[Import], list[object] | None]:
        """Imports, newest first."""
        ...

    async def get(self, name: str) -> Parcel | None:
        """The current version of a parcel with its geometry; aliases are followed."""
        ...

    async def history(self, name: str) -> list[Parcel]:
        """All versions of a parcel, oldest first."""
        ...

    async def parcels(self, filter_: ParcelFilter, limit: int, after: Sequence[object] | None = None) -> ParcelPage:
        """Current parcels that match, by name, without geometry. A box includes parcels whose bounds touch it."""
        ...

    async def findings(self, filter_: FindingFilter, limit: int, after: Sequence[object] | None = None) -> FindingPage:
        """Findings that match, most serious first, then by rule code, then by name.

        Without an import in the filter only findings on current parcels match. Sort key: [3 - severity, code, name].
        """
        ...

    async def within(self, filter_: ParcelFilter, limit: int) -> list[Parcel]:
        """Current parcels that match, in the order in which they were put, at most `limit`, with WGS 84 geometry only."""
        ...

    async def squares(self, filter_: ParcelFilter, side: int) -> list[ParcelSquare]:
        """Current parcels that match, counted by square of the filter's box, `side` squares along each side.

        A parcel counts where the middle of its bounds lies, in one square at most. Squares without parcels are left out;
        the others come by column, then by row.
        """
        ...

    async def neighbours(self, name: str) -> list[Parcel]:
        """Current parcels whose bounds touch those of a parcel, itself left out, with geometry, by name.

        Raises:
            NotFound: there is no such parcel.
        """
        ...

    async def find(self, commune_codes: Sequence[str], sheet: str, number: str) -> list[Parcel]:
        """Current parcels by (any of the commune names, sheet, number), without geometry: the join with news.

        Numbers are compared by `services.core.names.number_key`.
        """
        ...

    async def summarize(self, areas: Sequence[str]) -> list[LandSummary]:
        """How each of these communes of today stands, in the order given."""
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...


# ---------------------------------------------------------------- Classifier


class Classifier(Protocol):
    """A model: same input, same output; a batch answers as its single texts would."""

    def card(self) -> Model:
        """Name, version, licence, heads, labels, measured worth."""
        ...

    def classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
        """Analyses in the order of the texts. CPU-bound: call it in a worker thread or process."""
        ...
