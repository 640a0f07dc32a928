"""The three stores of the media half, and what tests do with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.message import Message
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.files import Files
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.ports import Output
from services.core.worker import run_worker
from services.media import workers
from tests.contracts.articles import analyzed


class Stores:
    """Bus, ledger and index over the files of one folder."""

    def __init__(self, files: Files) -> None:
        self.bus = SqliteBus(files.bus, lease_s=2)
        self.ledger = SqliteLedger(files.ledger)
        self.index = SqliteArticleIndex(files.index)

    async def close(self) -> None:
        for store in (self.bus, self.ledger, self.index):
            await store.close()

    async def publish(self, subject: str, *events: Message) -> None:
        for event in events:
            await self.bus.publish(subject, event, f"{subject} {event.SerializeToString(deterministic=True).hex()}")

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The workers run: those of the product, an analyst who finds every text negative, and no alert rules."""
        tasks = [
            asyncio.create_task(workers.run(self.bus, self.ledger, self.index)),
            asyncio.create_task(run_worker(self.bus, "media.recorded", "analyze", analyze)),
            asyncio.create_task(run_worker(self.bus, "media.indexed", "alerts", ignore)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drained(self, timeout_s: float = 60) -> None:
        """Wait until nothing is left on the bus."""
        async with asyncio.timeout(timeout_s):
            while any((await self.bus.depth()).values()):  # noqa: ASYNC110 - a bus tells its depth only when asked
                await asyncio.sleep(0.02)

    async def work_through(self) -> None:
        """Run the workers until nothing is left on the bus."""
        async with self.working():
            await self.drained()


async def analyze(event: Any) -> Sequence[Output]:
    """Publish the same analysis for every text."""
    assert isinstance(event, ArticleCollected)
    made = analyzed(event.article.name, event.article.revision)
    return [Output("media.analyzed", made, f"{made.article}@{made.revision}")]


async def ignore(event: Any) -> Sequence[Output]:
    """No alert rule is there."""
    assert isinstance(event, ArticleAnalyzed)
    return []
