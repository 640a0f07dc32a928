"""What a person pastes: a link, which the crawler fetches as any other page, or a clipped text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit

from ngoclinh.media.v1.article_pb2 import (
    ARTICLE_KIND_CLIPPING,
    TIME_PRECISION_EXACT,
    TIME_PRECISION_FIRST_SEEN,
    Article,
)
from ngoclinh.media.v1.event_pb2 import ArticleCollected, FetchPage, SourceCommand, SubmissionFailed
from ngoclinh.media.v1.media_service_pb2 import (
    SUBMISSION_STATE_PENDING,
    SUBMISSION_STATE_STORED,
    SubmitArticleRequest,
    SubmitArticleResponse,
)
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_FETCH_REFUSED

from crawlers.canonical import canonical, normalize
from services.core import tracing
from services.core.clock import Clock, to_datetime, to_timestamp
from services.core.errors import Conflict, FetchFailed, FetchRefused, InvalidField
from services.core.masking import mask
from services.core.names import article_name, content_digest, random_id, source_name
from services.core.ports import Bus, Ledger
from services.core.vietnamese import has_marks, nfc, strip_controls
from services.media.evidence import EvidenceStore
from services.rpc.deadline import remaining

MANUAL = source_name("manual")
"""Source of pasted links and clippings."""
WAIT_S = 25.0
"""Longest wait for an answer in seconds; a nearer deadline shortens it."""
MARGIN_S = 1.0
"""Kept back from the deadline for the answer, in seconds."""
POLL_S = (0.05, 0.5)
"""Shortest and longest pause between two looks into the ledger, in seconds."""

_TITLE_LENGTH = 500
_MADE_TITLE_LENGTH = 120


class Submissions:
    """Takes links and clippings and waits for what becomes of them.

    Args:
        bus: where commands and clippings are published.
        ledger: where the answers are found.
        evidence: files that a clipping may name.
        clock: the present moment.
        look: asks for an article as the one who submits; fails where they may not see it.
    """

    def __init__(
        self,
        bus: Bus,
        ledger: Ledger,
        evidence: EvidenceStore,
        clock: Clock,
        look: Callable[[str], Awaitable[object]],
    ) -> None:
        self._bus = bus
        self._ledger = ledger
        self._evidence = evidence
        self._clock = clock
        self._look = look

    async def submit(self, request: SubmitArticleRequest) -> SubmitArticleResponse:
        """Take what was pasted; STORED, or PENDING where the answer does not come before the deadline.

        Raises:
            InvalidField: neither address nor text, no public address, or a time of publication in the future.
            FetchRefused, FetchFailed: in the crawler's words.
            NotFound: evidence that was not uploaded.
            Conflict: a clipping of a page that a source already gave.
        """
        submission = f"submissions/{random_id()}"
        if request.text.strip() or request.evidence:
            await self._publish_clipping(request, submission)
        else:
            address = _canonical(request.url)
            known = await self._ledger.article(article_name(address))
            if known is not None and not known.HasField("withdrawn_time"):
                return SubmitArticleResponse(state=SUBMISSION_STATE_STORED, article=known.name, submission=submission)
            command = SourceCommand(fetch_page=FetchPage(submission=submission, url=normalize(request.url)))
            await self._bus.publish("source.command", command, submission)
        return await self._answer(submission)

    async def _publish_clipping(self, request: SubmitArticleRequest, submission: str) -> None:
        now = self._clock()
        if request.HasField("publish_time") and to_datetime(request.publish_time) > now + timedelta(days=1):
            raise InvalidField("publish_time", "nằm trong tương lai", "lies in the future")
        article = clipping(request)
        for sha256 in request.evidence:
            article.evidence.append(await self._evidence.describe(sha256))
        article.collect_time.CopyFrom(to_timestamp(now))
        if not article.HasField("publish_time"):
            article.publish_time.CopyFrom(article.collect_time)
        known = await self._ledger.article(article.name)
        if known is not None and known.source != MANUAL:
            raise Conflict(
                f"Trang này đã được thu thập từ {known.source} ({known.name}); bản cắt dán không thay thế được bài gốc.",
                f"This page was already collected from {known.source} ({known.name}); a clipping does not replace it.",
                {"article": known.name},
            )
        if known is not None and known.HasField("analysis"):  # the clipping takes its place: not in areas of others
            await self._look(known.name)
        digest = content_digest(article.title, article.lead, article.text)
        event = ArticleCollected(article=article, content_sha256=digest, submission=submission)
        tracing.stamp(event)
        await self._bus.publish("media.collected", event, submission)

    async def _answer(self, submission: str) -> SubmitArticleResponse:
        left = remaining()
        wait_s = WAIT_S if left is None else min(WAIT_S, left - MARGIN_S)
        end = asyncio.get_running_loop().time() + wait_s
        pause, longest = POLL_S
        while True:
            result = await self._ledger.submission(submission)
            if result.failure is not None:
                raise _failed(result.failure)
            if result.article:
                return SubmitArticleResponse(
                    state=SUBMISSION_STATE_STORED, article=result.article, submission=submission
                )
            if asyncio.get_running_loop().time() + pause > end:
                return SubmitArticleResponse(state=SUBMISSION_STATE_PENDING, submission=submission)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)


def clipping(request: SubmitArticleRequest) -> Article:
    """The article of a clipped text: plain NFC text with personal numbers masked, named by its address or its content.

    Raises:
        InvalidField: evidence without a word about it, or an address that is none.
    """
    text, text_masked = mask(strip_controls(nfc(request.text)).strip() or strip_controls(nfc(request.title)).strip())
    if not text:
        raise InvalidField(
            "text", "hãy ghi tiêu đề hoặc đoạn văn đi kèm minh chứng", "write a title or a text for the evidence"
        )
    title, title_masked = mask(" ".join(strip_controls(nfc(request.title)).split()))
    title = title or text.split("\n", 1)[0][:_MADE_TITLE_LENGTH]
    address = _canonical(request.url) if request.url.strip() else ""
    name = article_name(address or f"clipping:{content_digest(title, '', text)}")
    article = Article(
        name=name,
        source=MANUAL,
        kind=ARTICLE_KIND_CLIPPING,
        url=normalize(request.url) if address else "",
        canonical_url=address,
        title=title[:_TITLE_LENGTH],
        text=text,
        language_code="vi" if has_marks(text) else "und",
        publish_time_precision=TIME_PRECISION_FIRST_SEEN,
        story=name,
        masked=text_masked or title_masked,
        text_length=len(text),
    )
    if request.HasField("publish_time"):
        article.publish_time.CopyFrom(request.publish_time)
        article.publish_time_precision = TIME_PRECISION_EXACT
    return article


def _canonical(url: str) -> str:
    """The canonical address of a page.

    Raises:
        InvalidField: it is no http or https address.
    """
    if not url.strip():
        raise InvalidField("url", "hãy dán một đường dẫn hoặc một đoạn văn bản", "paste a link or a text")
    try:
        address = canonical(url)
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidField(
            "url", "không phải địa chỉ http hoặc https của một trang", "is no http or https address of a page"
        )
    return address


def _failed(failure: SubmissionFailed) -> FetchRefused | FetchFailed:
    kind = FetchRefused if failure.reason == ERROR_REASON_FETCH_REFUSED else FetchFailed
    return kind(failure.message.vi, failure.message.en, {"url": failure.url, "submission": failure.submission})
