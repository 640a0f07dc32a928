"""The workers that keep ledger and index: always the ledger first, then the index, then the acknowledgement.

Each step may be repeated after a crash: the ledger knows what it has, the index never goes back, keys dedupe the outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.event_pb2 import (
    ArticleAnalyzed,
    ArticleCollected,
    ArticleWithdrawn,
    SourceChecked,
    SourceStateReported,
    SubmissionFailed,
)

from services.core.clock import Clock, utc_now
from services.core.metrics import INDEX_LAG
from services.core.ports import ArticleIndex, Bus, Ledger, Output
from services.core.worker import Handle, Outcome, Together, run_worker

SIDE_BY_SIDE = frozenset({("media.collected", "ledger")})
"""Where events may be handled at the same time: ledger and index do not mind the order in which they come."""
TOGETHER = frozenset({("media.analyzed", "index")})
"""Where events are handled in batches."""


class Keeper:
    """Handlers of the events that ledger and index keep.

    Args:
        ledger: the store of record.
        index: the search index.
        clock: the present moment.
    """

    def __init__(self, ledger: Ledger, index: ArticleIndex, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._index = index
        self._clock = clock

    @property
    def handlers(self) -> Mapping[tuple[str, str], Handle | Together]:
        """Handler by (subject, group)."""
        return {
            ("media.collected", "ledger"): self.collected,
            ("media.withdrawn", "ledger"): self.withdrawn,
            ("media.submission", "ledger"): self.submission_failed,
            ("source.state", "ledger"): self.source_state,
            ("source.checked", "ledger"): self.source_checked,
            ("media.analyzed", "index"): Together(self.analyzed),
        }

    async def collected(self, event: ArticleCollected) -> Sequence[Output]:
        """Record a version; what has no analysis yet goes to `media.recorded`, also after a crash in between."""
        article = (await self._ledger.record_collected(event)).article
        if not article.revision:
            return []
        await self._index.put([article])
        if article.analysis.HasField("analyze_time"):
            return []
        return [Output("media.recorded", ArticleCollected(article=article), f"{article.name}@{article.revision}")]

    async def analyzed(self, events: Sequence[ArticleAnalyzed]) -> list[Outcome]:
        """Record analyses, show the articles with them, and let alert rules be held against these."""
        articles = await self._ledger.record_analyses(events)
        shown = {article.name: article for article in articles if article is not None}
        errors = dict(zip(shown, await self._index.put_each(list(shown.values())), strict=True))
        now = self._clock().timestamp()
        return [
            [] if article is None else errors[article.name] or self._indexed(event, article, now)
            for event, article in zip(events, articles, strict=True)
        ]

    def _indexed(self, event: ArticleAnalyzed, article: Article, now: float) -> list[Output]:
        """What becomes of an article that is found with its analysis, `now` in seconds since 1970."""
        if article.revision == event.revision:
            collected = article.collect_time
            INDEX_LAG.observe(max(0.0, now - collected.seconds - collected.nanos / 1e9))
        indexed = ArticleAnalyzed(article=article.name, revision=article.revision)
        return [Output("media.indexed", indexed, f"{article.name}@{article.change_number}")]

    async def withdrawn(self, event: ArticleWithdrawn) -> Sequence[Output]:
        """Record that the site withdrew an article."""
        article = await self._ledger.record_withdrawn(event)
        if article is not None:
            await self._index.put([article])
        return []

    async def submission_failed(self, event: SubmissionFailed) -> Sequence[Output]:
        """Record that a submitted link could not be taken."""
        await self._ledger.record_submission(event)
        return []

    async def source_state(self, event: SourceStateReported) -> Sequence[Output]:
        """Record what the crawler knows about a source."""
        await self._ledger.record_source(event.source)
        return []

    async def source_checked(self, event: SourceChecked) -> Sequence[Output]:
        """Record what became of a request for a new source."""
        await self._ledger.record_source_check(event)
        return []


async def run(bus: Bus, ledger: Ledger, index: ArticleIndex, at_once: int = 1) -> None:
    """Keep ledger and index until the bus is closed or the task is cancelled.

    Args:
        bus: where events come from.
        ledger: the store of record.
        index: the search index.
        at_once: most events of a subject of `SIDE_BY_SIDE` or `TOGETHER` in hand at the same time.
    """
    async with asyncio.TaskGroup() as tasks:
        for place, handle in Keeper(ledger, index).handlers.items():
            many = at_once if place in SIDE_BY_SIDE | TOGETHER else 1
            tasks.create_task(run_worker(bus, *place, handle, at_once=many), name="/".join(place))
