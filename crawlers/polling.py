"""One poll of a discovery: read it, follow its further pages within bounds, hand new pages to the frontier."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.documents import Document
from crawlers.fetch import Fetched, Fetcher, Unreachable
from crawlers.frontier import Frontier, Item, Poll
from crawlers.schedule import Outcome
from crawlers.spiders import Answer, Entry, Found, NotReadable, Reader, feed, listing, sitemap
from services.core.clock import Clock
from services.core.errors import FetchFailed, FetchRefused

READERS: Mapping[str, Reader] = {"feed": feed.read, "sitemap": sitemap.read, "list": listing.read}
"""How the answers of a kind of discovery are read."""
ROBOTS_FILE = "/robots.txt"
"""As the address of a sitemap: those that robots.txt names."""

Keep = Callable[[Sequence[Document], SourceSpec, Fetched], Awaitable[None]]


class Poller:
    """Polls discoveries.

    Args:
        fetcher: fetches answers.
        frontier: knows validators and pages.
        keep: takes the documents that a feed carries as a whole.
        clock: the present moment.
        max_bytes: most bytes of a sitemap after decompression.
    """

    def __init__(self, fetcher: Fetcher, frontier: Frontier, keep: Keep, clock: Clock, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._frontier = frontier
        self._keep = keep
        self._clock = clock
        self._max_bytes = max_bytes

    async def poll(self, poll: Poll, source: SourceSpec, discovery: Discovery) -> Outcome:
        """Read a discovery and everything that belongs to it.

        Each answer's pages are kept before the next answer is asked for. Once a discovery has been read to its end, a
        list is followed only while it brings something new, and an index only to the sitemaps that changed.

        Raises:
            FetchRefused: its first address may not be asked.
        """
        start = poll.moved or poll.url
        waiting = deque([Entry(url) for url in await self._starts(start, source)])
        seen: set[str] = set()
        total = Outcome(unchanged=True)
        while waiting and len(seen) < (discovery.pages if discovery.kind != "feed" else 1):
            url = waiting.popleft().url
            if url in seen or not source.owns(url):
                continue
            seen.add(url)
            try:
                found, fetched = await self._read(url, source, discovery, poll.thorough)
            except (FetchFailed, FetchRefused) as error:
                if len(seen) == 1 and isinstance(error, (FetchRefused, Unreachable)):
                    raise
                total = _troubled(total, error, failed=len(seen) == 1)
                continue
            if found is None:
                continue
            new = await self._take(found, source, discovery, fetched)
            # what leads further is read anew each time: its own bytes do not tell whether what it leads to changed
            self._frontier.answered(url, {} if found.more else fetched.headers, fetched.body_sha256)
            total = replace(
                total,
                items=total.items + len(found.entries),
                new=total.new + new,
                unchanged=False,
                moved=fetched.moved if len(seen) == 1 and discovery.kind == "feed" else total.moved,
                problem_vi=found.problem[0] or total.problem_vi,
                problem_en=found.problem[1] or total.problem_en,
            )
            if discovery.kind == "sitemap" or new or poll.thorough:
                waiting.extend(found.more)
        return total

    async def _starts(self, url: str, source: SourceSpec) -> list[str]:
        if not url.endswith(ROBOTS_FILE):
            return [url]
        robots = (await self._fetcher.robots(url)).robots
        return [sitemap for sitemap in (robots.sitemaps if robots else ()) if source.owns(sitemap)]

    async def _read(
        self, url: str, source: SourceSpec, discovery: Discovery, thorough: bool
    ) -> tuple[Found | None, Fetched]:
        """The contents of an answer; None where it says nothing new."""
        validators = {} if thorough else self._frontier.validators(url)
        fetched = await self._fetcher.get(url, source.owns, validators)
        self._frontier.told_time(source.id, fetched.headers.get("date", ""))
        if fetched.status == 304:
            self._frontier.not_modified(url)
            return None, fetched
        if fetched.status >= 400:
            raise NotReadable(f"Máy chủ trả lời mã {fetched.status}.", f"The server answers {fetched.status}.")
        since = None if thorough else self._frontier.asked(source.id, url)
        answer = Answer(
            fetched.url,
            fetched.body,
            fetched.headers,
            source,
            self._clock(),
            self._max_bytes,
            datetime.fromtimestamp(since, UTC) if since else None,
        )
        found = READERS[discovery.kind](answer)
        news = thorough or found.more or self._frontier.is_news(url, fetched.body_sha256)
        return (found if news else None), fetched

    async def _take(self, found: Found, source: SourceSpec, discovery: Discovery, fetched: Fetched) -> int:
        """Keep what an answer names; how many pages were new."""
        now = self._clock()
        items: dict[str, Item] = {}
        documents: list[Document] = []
        for entry in found.entries:
            if source.max_age_days and entry.time and (now - entry.time).days > source.max_age_days:
                continue
            if discovery.documents and entry.document and source.owns(entry.document.url):
                documents.append(entry.document)
                continue
            try:
                url = source.canonical(entry.url)
            except ValueError:
                continue
            if source.takes(url):
                items.setdefault(url, Item(url, entry.time.timestamp() if entry.time else None))
        if documents:
            await self._keep(documents, source, fetched)
        return self._frontier.add(source.id, discovery.kind, list(items.values())) if items else 0


def _troubled(total: Outcome, error: FetchFailed | FetchRefused, failed: bool) -> Outcome:
    """The outcome with an error noted; `failed` where nothing could be read at all."""
    return replace(total, failed=failed, unchanged=False, problem_vi=error.vi, problem_en=error.en)
