"""Asks the site of a new source whether it can be crawled: robots.txt, one discovery of each kind, one article."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ngoclinh.media.v1.article_pb2 import SourceCheck
from ngoclinh.type.v1.type_pb2 import LocalizedText

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.documents import AGENT, Context
from crawlers.extract import extract
from crawlers.fetch import Fetched, Fetcher
from crawlers.polling import READERS, ROBOTS_FILE
from crawlers.spiders import Answer, Found, NotReadable
from services.core.clock import Clock, to_timestamp
from services.core.errors import FetchFailed, NgocLinhError

CHECK_S = 22.0
"""Longest check in seconds: a person waits for it."""
RECHECK_S = 900.0
"""Longest check in seconds of a source that is crawled: nobody waits, and the crawl goes on meanwhile."""


class Checker:
    """Checks sources, as politely as they are crawled.

    Args:
        fetcher: fetches for all sources; its turns and its robots.txt are shared with the crawl.
        clock: the present moment.
        max_bytes: most bytes of a sitemap after decompression.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._max_bytes = max_bytes

    async def check(self, source: SourceSpec, patience_s: float = CHECK_S) -> list[SourceCheck]:
        """Everything that was looked at within some seconds, in order; it ends with the first thing that forbids the rest."""
        found: list[SourceCheck] = []
        try:
            async with asyncio.timeout(patience_s):
                async for check in self._checks(source):
                    found.append(check)  # noqa: PERF401  (what was found before the time ran out is kept)
        except TimeoutError:
            vi, en = "Trang web trả lời quá chậm.", "The site answers too slowly."
            found.append(_told("robots" if not found else "article", source.home, False, vi, en))
        return found

    async def _checks(self, source: SourceSpec) -> AsyncIterator[SourceCheck]:
        robots = await self._robots(source)
        yield robots
        if not robots.ok:
            return
        first: dict[str, Discovery] = {}
        for discovery in source.discover:
            first.setdefault(discovery.kind, discovery)
        pages: list[str] = []
        for discovery in first.values():
            check, named = await self._discovery(source, discovery)
            pages += named
            yield check
        if pages:
            yield await self._article(source, pages[0])

    async def _robots(self, source: SourceSpec) -> SourceCheck:
        url = source.url(source.discover[0])
        try:
            robots = await self._fetcher.robots(source.home)
        except NgocLinhError as error:
            return _told("robots", source.home, False, error.vi, error.en)
        if robots.failure:
            return _told("robots", source.home, False, robots.failure.vi, robots.failure.en)
        verdict = robots.verdict(AGENT, url)
        vi, en = ("cho phép", "allows it") if verdict.allowed else ("không cho phép", "forbids it")
        return _told("robots", url, verdict.allowed, f"robots.txt {vi} ({verdict.rule}).", f"{en} ({verdict.rule}).")

    async def _discovery(self, source: SourceSpec, discovery: Discovery) -> tuple[SourceCheck, list[str]]:
        """The check of a discovery, and the articles that it names."""
        url = source.url(discovery)
        try:
            found = await self._read(source, discovery.kind, await self._start(source, url))
            if not found.entries and found.more:
                found = await self._read(source, discovery.kind, found.more[0].url)
        except NgocLinhError as error:
            return _told(discovery.kind, url, False, error.vi, error.en), []
        pages = [entry.url for entry in found.entries if source.takes(entry.url)]
        total, taken = len(found.entries), len(pages)
        if taken:
            vi, en = f"{total} mục, {taken} là bài viết.", f"{total} entries, {taken} of them articles."
        elif total:
            vi = f"{total} mục nhưng không mục nào khớp mẫu địa chỉ bài viết; ví dụ: {found.entries[0].url[:200]}"
            en = f"{total} entries, but none matches the pattern of an article; one is {found.entries[0].url[:200]}"
        else:
            vi, en = "Không có mục nào.", "It has no entry."
        return _told(discovery.kind, url, bool(taken), vi, en), pages

    async def _start(self, source: SourceSpec, url: str) -> str:
        """The address to read; for robots.txt the first sitemap that it names."""
        if not url.endswith(ROBOTS_FILE):
            return url
        robots = (await self._fetcher.robots(url)).robots
        named = [sitemap for sitemap in (robots.sitemaps if robots else ()) if source.owns(sitemap)]
        if not named:
            raise NotReadable("robots.txt không nêu sitemap nào.", "robots.txt names no sitemap.")
        return named[0]

    async def _read(self, source: SourceSpec, kind: str, url: str) -> Found:
        fetched = await self._get(source, url)
        answer = Answer(fetched.url, fetched.body, fetched.headers, source, self._clock(), self._max_bytes)
        return await asyncio.to_thread(READERS[kind], answer)

    async def _article(self, source: SourceSpec, url: str) -> SourceCheck:
        try:
            fetched = await self._get(source, url)
            context = Context(
                url=fetched.url,
                now=self._clock(),
                source=source,
                content_type=fetched.headers.get("content-type", ""),
                robots_header=fetched.headers.get("x-robots-tag", ""),
            )
            extracted = await asyncio.to_thread(extract, fetched.body, context)
        except NgocLinhError as error:
            return _told("article", url, False, error.vi, error.en)
        if not extracted.documents:
            return _told("article", url, False, "Trang không có nội dung bài viết.", "The page holds no article.")
        document = extracted.documents[0]
        day = to_timestamp(document.time).ToJsonString() if document.time else ""
        vi = f"Đọc được “{document.title[:150]}”, {len(document.text)} ký tự, thời điểm đăng: {day or 'không rõ'}."
        en = f"Read “{document.title[:150]}”, {len(document.text)} characters, published: {day or 'not known'}."
        return _told("article", url, bool(document.title and document.text), vi, en)

    async def _get(self, source: SourceSpec, url: str) -> Fetched:
        fetched = await self._fetcher.get(url, source.owns)
        if fetched.status >= 400:
            raise FetchFailed(f"Máy chủ trả lời mã {fetched.status}.", f"The server answers {fetched.status}.")
        return fetched


def _told(kind: str, url: str, ok: bool, vi: str, en: str) -> SourceCheck:
    return SourceCheck(kind=kind, url=url, ok=ok, message=LocalizedText(vi=vi, en=en))
