"""The crawler process."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scrapy.crawler import Crawler

from crawlers import catalogue
from crawlers.catalogue import SourceSpec
from crawlers.frontier import Frontier
from crawlers.politeness import Host
from crawlers.settings import scrapy_settings
from crawlers.spiders.watch import WatchSpider
from crawlers.watch import Watch
from services.core import tracing
from services.core.config import Settings
from services.core.ports import Bus

ALIVE_S = 5.0
"""Seconds between two signs of life."""


def main(
    settings: Settings, bus: Bus, frontier_path: Path, once: bool = False, alive: Callable[[], None] = lambda: None
) -> None:
    """Crawl until SIGTERM or SIGINT or, `once`, until every source was polled.

    Args:
        settings: all settings.
        bus: where events go and commands come from; closed at the end.
        frontier_path: the crawler's own file.
        once: poll every source once, fetch what it names, and end.
        alive: called again and again while the event loop runs.

    Raises:
        InvalidField: a source that is no valid declaration.
    """
    asyncio.run(_until_signal(settings, bus, frontier_path, once, alive))


async def crawl(
    settings: Settings,
    bus: Bus,
    frontier_path: Path,
    once: bool = False,
    sources: Sequence[SourceSpec] | None = None,
    clock: Callable[[], float] = time.time,
    make_host: Callable[[float], Host] = Host,
    started: Callable[[Watch], None] = lambda watch: None,
) -> None:
    """The same within a running event loop, without signals.

    Args:
        settings: all settings.
        bus: where events go and commands come from.
        frontier_path: the crawler's own file.
        once: poll every source once, fetch what it names, and end.
        sources: the sources of all crawlers; None reads those that the settings name.
        clock: wall-clock seconds.
        make_host: makes the state of a host.
        started: gets the crawl before it begins, to stop it.
    """
    chosen = settings.crawler
    if sources is None:
        sources = catalogue.declared(settings)
    frontier = Frontier(frontier_path, clock)
    try:
        watch = Watch(settings, bus, frontier, sources, once, make_host)
        started(watch)
        await Crawler(WatchSpider, scrapy_settings(chosen)).crawl_async(watch)
        if watch.failure is not None:
            raise watch.failure
    finally:
        frontier.close()


async def _until_signal(
    settings: Settings, bus: Bus, frontier_path: Path, once: bool, alive: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()

    def living() -> None:
        alive()
        loop.call_later(ALIVE_S, living)

    def started(watch: Watch) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, watch.stop)

    tracing.configure(settings.tracing, "crawler")
    living()
    try:
        await crawl(settings, bus, frontier_path, once, started=started)
    finally:
        await bus.close()
        tracing.stop()
