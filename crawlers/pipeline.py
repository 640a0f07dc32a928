"""From documents to events: mask, compare, publish; only then is the page done."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ngoclinh.media.v1.article_pb2 import Article, ArticleKind, FetchRecord, TimePrecision
from ngoclinh.media.v1.event_pb2 import ArticleCollected, ArticleWithdrawn, SubmissionFailed
from ngoclinh.type.v1.type_pb2 import ErrorReason, LocalizedText

from crawlers.catalogue import SourceSpec
from crawlers.documents import Context, Document
from crawlers.duplicates import Documents, Done, Kept
from crawlers.extract import extract
from crawlers.fetch import Fetched
from crawlers.fingerprint import signature
from crawlers.frontier import MANUAL, Frontier, Visit
from crawlers.relevance import Relevance
from crawlers.schedule import next_check
from services.core import tracing
from services.core.clock import Clock, to_timestamp, vietnam_date
from services.core.errors import NgocLinhError
from services.core.log import get_logger, trail
from services.core.masking import mask
from services.core.names import article_name, content_digest, source_name
from services.core.ports import Bus
from services.core.vietnamese import nfc

_log = get_logger(__name__)
_SOCIAL = (ArticleKind.ARTICLE_KIND_POST, ArticleKind.ARTICLE_KIND_COMMENT)


@dataclass(frozen=True)
class _Origin:
    """Where documents come from: source, address as fetched, how it was fetched, who asked for it."""

    source: SourceSpec | None
    url: str
    record: FetchRecord
    submission: str


@dataclass(frozen=True)
class _Made:
    """What the frontier is to remember, and the event to publish before; None where nothing changed."""

    kept: Kept
    event: ArticleCollected | None


class Pipeline:
    """Turns fetched pages into `media.collected` and tells the frontier, in this order.

    Args:
        bus: where events are published.
        frontier: what was seen before.
        relevance: the gate for sources that write about the whole country.
        clock: the present moment.
    """

    def __init__(self, bus: Bus, frontier: Frontier, relevance: Relevance, clock: Clock) -> None:
        self._bus = bus
        self._frontier = frontier
        self._documents = Documents(frontier)
        self._relevance = relevance
        self._clock = clock
        self._secret = frontier.secret()
        self._storing = asyncio.Lock()  # one at a time, so that of two alike texts the second sees the first

    async def page(self, visit: Visit, source: SourceSpec | None, fetched: Fetched) -> Sequence[str]:
        """Publish the documents of a page and settle its visit; returns addresses of its further pages.

        Raises:
            NoArticle, NotToBeKept: the page holds nothing to keep.
        """
        now = self._clock()
        context = Context(
            url=fetched.url,
            now=now,
            source=source,
            content_type=fetched.headers.get("content-type", ""),
            robots_header=fetched.headers.get("x-robots-tag", ""),
            feed_time=datetime.fromtimestamp(visit.feed_time, UTC) if visit.feed_time else None,
        )
        extracted = await asyncio.to_thread(extract, fetched.body, context)
        origin = _Origin(source, fetched.url, _record(fetched, visit.discovery), visit.submission)
        async with self._storing:
            kept = await self._publish(extracted.documents, origin)
            if kept:
                due = next_check(visit.found, max(each.time for each in kept), now.timestamp())
                self._documents.keep(source.id if source else MANUAL, kept, Done(visit, extracted.url, due))
            else:
                self._frontier.settle(visit, "irrelevant")
        return extracted.more

    async def feed_documents(self, documents: Sequence[Document], source: SourceSpec, fetched: Fetched) -> None:
        """Publish the documents that a feed carries as a whole."""
        async with self._storing:
            kept = await self._publish(documents, _Origin(source, fetched.url, _record(fetched, "feed"), ""))
            self._documents.keep(source.id, kept)

    async def _publish(self, documents: Sequence[Document], origin: _Origin) -> list[Kept]:
        """Publish what is new or changed; returns what the frontier is to remember."""
        kept = []
        for made in await asyncio.to_thread(lambda: [self._make(document, origin) for document in documents]):
            if made is None:
                continue
            if made.event is not None:
                version = f"{made.kept.article}:{made.kept.content_sha256}"
                key = f"{version}:{origin.submission}" if origin.submission else version
                with tracing.span("article collected", "producer", **{"ngoclinh.request_id": trail(key)["request_id"]}):
                    tracing.stamp(made.event)
                    await self._bus.publish("media.collected", made.event, key)
                    _log.info("collected", key=key, source=made.event.article.source, **trail(key))
            kept.append(made.kept)
        return kept

    def _make(self, document: Document, origin: _Origin) -> _Made | None:
        """The event of a document; None where it is not relevant."""
        now = self._clock()
        title, title_masked = mask(document.title)
        lead, lead_masked = mask(document.lead)
        text, text_masked = mask(document.text)
        name = article_name(document.url)
        digest = content_digest(title, lead, text)
        known = self._documents.known(name)
        first_seen = datetime.fromtimestamp(known.first_seen, UTC) if known else now
        moment = document.time or first_seen
        marks = signature(f"{lead}\n{text}")
        near = self._documents.near(name, marks, moment.timestamp()) if known is None else None
        story = known.story if known else near.story if near else name
        kept = Kept(name, digest, marks, story, moment.timestamp(), first_seen.timestamp())
        if known and known.content_sha256 == digest and not origin.submission:
            return _Made(kept, None)
        wanted = known or origin.submission
        if not wanted and not self._relevance.keeps(origin.source, f"{title}\n{lead}\n{text}", vietnam_date(moment)):
            return None
        article = Article(
            name=name,
            source=source_name(origin.source.id if origin.source else MANUAL),
            kind=document.kind,
            url=origin.url,
            canonical_url=document.url,
            title=title,
            lead=lead,
            text=text,
            language_code=document.language,
            author_names=self._authors(document),
            publish_time=to_timestamp(moment),
            publish_time_precision=document.precision if document.time else TimePrecision.TIME_PRECISION_FIRST_SEEN,
            collect_time=to_timestamp(now),
            story=story,
            duplicate_of=near.article if near and near.time <= moment.timestamp() else "",
            masked=title_masked or lead_masked or text_masked,
            text_length=len(text),
        )
        event = ArticleCollected(
            article=article, fetch=origin.record, content_sha256=digest, minhash=marks, submission=origin.submission
        )
        return _Made(kept, event)

    def _authors(self, document: Document) -> list[str]:
        """Names of the press as shown; names of users of a forum only as a pseudonym of this installation."""
        if document.kind not in _SOCIAL:
            return [mask(author)[0] for author in document.authors]
        return [
            "user-" + hmac.new(self._secret, nfc(author).lower().encode(), hashlib.sha256).hexdigest()[:12]
            for author in document.authors
        ]

    async def withdrawn(self, visit: Visit, status: int) -> bool:
        """Publish that the articles of a page are gone; False where none was ever published."""
        names = self._documents.of_page(visit.url)
        for name in names:
            event = ArticleWithdrawn(article=name, withdraw_time=to_timestamp(self._clock()), status=status)
            await self._bus.publish("media.withdrawn", event, f"{name}:withdrawn")
        return bool(names)

    async def submission_failed(self, visit: Visit, error: NgocLinhError) -> None:
        """Tell the person who pasted a link why it could not be taken."""
        await self._bus.publish("media.submission", failure(visit.submission, visit.url, error), visit.submission)


def failure(submission: str, url: str, error: NgocLinhError) -> SubmissionFailed:
    """The event that says why a pasted link could not be taken."""
    return SubmissionFailed(
        submission=submission,
        url=url,
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=LocalizedText(vi=error.vi, en=error.en),
    )


def _record(fetched: Fetched, discovery: str) -> FetchRecord:
    """How a page was fetched, and why that was allowed."""
    return FetchRecord(
        fetch_time=to_timestamp(fetched.time),
        status=fetched.status,
        discovery=discovery,
        robots_rule=fetched.robots_rule,
        robots_time=to_timestamp(fetched.robots_time),
        body_sha256=fetched.body_sha256,
    )
