"""The Scrapy spider: it lends its engine as downloader and lives as long as the crawl."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import scrapy

from crawlers.watch import Watch


class WatchSpider(scrapy.Spider):
    """Runs a `Watch` over Scrapy's downloader.

    Which request may leave when is decided by the frontier and by the turns of the hosts, so nothing goes through
    Scrapy's scheduler, which keeps its requests in memory.
    """

    name = "watch"

    def __init__(self, watch: Watch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._watch = watch

    async def start(self) -> AsyncIterator[Any]:
        """Crawl; yields nothing."""
        try:
            await self._watch.run(self.crawler.engine.download_async)
        except Exception as error:
            self._watch.failure = error  # the engine would only log it
        return
        yield
