"""`sources check`: ask what a source is declared to have, and tell what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import scrapy
from scrapy.crawler import Crawler

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.documents import Context
from crawlers.extract import extract
from crawlers.fetch import Download, Fetcher
from crawlers.polling import READERS, ROBOTS_FILE
from crawlers.settings import scrapy_settings, user_agent
from crawlers.spiders import Answer
from services.core.clock import utc_now
from services.core.config import Settings
from services.core.errors import FetchFailed, NgocLinhError


@dataclass(frozen=True)
class Finding:
    """One thing that was asked; `what` is robots, feed, sitemap, list or article."""

    source: str
    what: str
    url: str
    ok: bool
    vi: str
    en: str


Show = Callable[[Finding], None]


async def check_sources(settings: Settings, sources: Sequence[SourceSpec], show: Show) -> None:
    """Ask robots.txt, every discovery and one article of each source; findings are shown as they come."""

    class CheckSpider(scrapy.Spider):
        name = "check"

        async def start(self) -> AsyncIterator[Any]:
            await _check(settings, sources, show, self.crawler.engine.download_async)
            return
            yield

    await Crawler(CheckSpider, scrapy_settings(settings.crawler)).crawl_async()


async def _check(settings: Settings, sources: Sequence[SourceSpec], show: Show, download: Download) -> None:
    crawler = settings.crawler
    fetcher = Fetcher(download, user_agent(crawler), crawler.delay_s, crawler.allow_private_hosts)
    for source in sources:
        robots = await fetcher.robots(source.home)
        known = robots.robots is not None
        vi, en = ("đã đọc", "read") if known else (f"không đọc được ({robots.reason})", robots.reason)
        if robots.failure:
            vi, en = robots.failure.vi, robots.failure.en
        show(Finding(source.id, "robots", source.home + "robots.txt", known, vi, en))
        candidates: list[str] = []
        for discovery in source.discover:
            candidates += await _check_discovery(fetcher, source, discovery, show)
        if candidates:
            await _check_article(fetcher, source, candidates[0], show)


async def _check_discovery(fetcher: Fetcher, source: SourceSpec, discovery: Discovery, show: Show) -> list[str]:
    """Articles that a discovery names."""
    url = source.url(discovery)
    try:
        if url.endswith(ROBOTS_FILE):
            robots = (await fetcher.robots(url)).robots
            url = next((each for each in (robots.sitemaps if robots else ()) if source.owns(each)), url)
        fetched = await fetcher.get(url, source.owns)
        if fetched.status >= 400:
            raise FetchFailed(f"Máy chủ trả lời mã {fetched.status}.", f"The server answers {fetched.status}.")
        found = READERS[discovery.kind](Answer(fetched.url, fetched.body, fetched.headers, source, utc_now()))
    except NgocLinhError as error:
        show(Finding(source.id, discovery.kind, url, False, error.vi, error.en))
        return []
    articles = [address for entry in found.entries if source.takes(address := _canonical(source, entry.url))]
    count, ours, further = len(found.entries), len(articles), len(found.more)
    vi = f"{count} mục, {ours} bài của nguồn này, {further} trang tiếp" + (
        f"; {found.problem[0]}" if found.problem[0] else ""
    )
    en = f"{count} entries, {ours} articles of this source, {further} further pages" + (
        f"; {found.problem[1]}" if found.problem[1] else ""
    )
    show(Finding(source.id, discovery.kind, url, bool(articles or further), vi, en))
    return articles


async def _check_article(fetcher: Fetcher, source: SourceSpec, url: str, show: Show) -> None:
    try:
        fetched = await fetcher.get(url, source.owns)
        context = Context(fetched.url, datetime.now(UTC), source, fetched.headers.get("content-type", ""))
        document = extract(fetched.body, context).documents[0]
    except NgocLinhError as error:
        show(Finding(source.id, "article", url, False, error.vi, error.en))
        return
    when = document.time.isoformat() if document.time else "–"
    authors = ", ".join(document.authors) or "–"
    vi = f"“{document.title}”, {when}, tác giả {authors}, sapo {len(document.lead)} ký tự, nội dung {len(document.text)} ký tự"
    en = f"'{document.title}', {when}, by {authors}, lead {len(document.lead)} characters, text {len(document.text)} characters"
    show(Finding(source.id, "article", url, bool(document.title and document.text), vi, en))


def _canonical(source: SourceSpec, url: str) -> str:
    try:
        return source.canonical(url)
    except ValueError:
        return ""
