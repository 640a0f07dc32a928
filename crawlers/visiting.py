"""One visit of a page: fetch it, publish what it holds, settle what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from crawlers.canonical import is_web
from crawlers.catalogue import SourceSpec
from crawlers.documents import NoArticle, NotToBeKept
from crawlers.download import Transient
from crawlers.fetch import CLOSED, Fetched, Fetcher, Later
from crawlers.frontier import Frontier, Item, Visit
from crawlers.pipeline import Pipeline
from crawlers.politeness import ROBOTS_RETRY_S
from crawlers.schedule import RETRY_S, SUBMITTED_RETRY_S
from services.core.errors import FetchFailed, FetchRefused, NgocLinhError

WALL_S = 86_400.0
"""Seconds that a source counts as blocked after it showed a challenge."""


class Visitor:
    """Visits pages.

    Args:
        fetcher: fetches them.
        frontier: keeps what became of them.
        pipeline: publishes what they hold.
        sources: by id.
    """

    def __init__(
        self, fetcher: Fetcher, frontier: Frontier, pipeline: Pipeline, sources: Mapping[str, SourceSpec]
    ) -> None:
        self._fetcher = fetcher
        self._frontier = frontier
        self._pipeline = pipeline
        self._sources = sources

    async def visit(self, visit: Visit) -> None:
        """Fetch a page and settle it; whatever goes wrong with it stays with it."""
        source = self._sources.get(visit.source)
        try:
            await self._visit(visit, source)
        except CLOSED as error:
            if error.whole_host:
                self._frontier.block(visit.source, ROBOTS_RETRY_S, error.vi, error.en)
                if not visit.submission:
                    self._frontier.postpone(visit, ROBOTS_RETRY_S, error.en, visit.attempts)
                    return
            await self.give_up(visit, "refused" if isinstance(error, FetchRefused) else "failed", error)
        except (FetchRefused, NotToBeKept) as error:
            await self.give_up(visit, "refused", error)
        except Transient as error:
            await self.again(visit, error)
        except NoArticle as error:
            if error.why == "wall":
                self._frontier.block(visit.source, WALL_S, error.vi, error.en)
            if error.why == "empty":
                self._frontier.saw(visit.source, empty=True)
            await self.give_up(visit, "void", error)
        except FetchFailed as error:
            await self.give_up(visit, "failed", error)

    async def _visit(self, visit: Visit, source: SourceSpec | None) -> None:
        again = visit.checks > 0 and not visit.submission
        headers = self._frontier.validators(visit.url) if again else {}
        may_visit = source.owns if source else is_web
        fetched = await self._fetcher.get(visit.url, may_visit, headers)
        gone = fetched.status in (404, 410) or _went_home(visit.url, fetched)
        if gone:
            status = fetched.status if fetched.status in (404, 410) else 302
            if await self._pipeline.withdrawn(visit, status):
                self._frontier.settle(visit, "gone", f"status {status}")
                return
            raise FetchFailed(f"Trang không tồn tại (mã {status}).", f"There is no such page ({status}).")
        if fetched.status >= 400:
            raise FetchFailed(f"Máy chủ trả lời mã {fetched.status}.", f"The server answers {fetched.status}.")
        if again and (fetched.status == 304 or not self._frontier.is_news(visit.url, fetched.body_sha256)):
            self._frontier.unchanged(visit)
            return
        more = await self._pipeline.page(visit, source, fetched)
        self._frontier.answered(visit.url, fetched.headers, fetched.body_sha256)
        self._frontier.saw(visit.source, empty=False)
        if source and more:
            self._frontier.add(source.id, visit.discovery, [Item(url) for url in more if source.owns(url)])

    async def again(self, visit: Visit, error: FetchFailed) -> None:
        """Try again with growing pauses, a bounded number of times; soon and seldom where a person waits."""
        pauses = SUBMITTED_RETRY_S if visit.submission else RETRY_S
        if visit.attempts >= len(pauses):
            await self.give_up(visit, "failed", error)
            return
        wait_s = error.wait_s if isinstance(error, Later) else None
        self._frontier.postpone(
            visit, pauses[visit.attempts] if wait_s is None else wait_s, error.en, visit.attempts + 1
        )

    async def give_up(self, visit: Visit, state: str, error: NgocLinhError) -> None:
        """Settle a page that gives nothing, and tell who waits for it."""
        if visit.submission:
            await self._pipeline.submission_failed(visit, error)
        self._frontier.settle(visit, state, error.en)


def _went_home(url: str, fetched: Fetched) -> bool:
    """Whether a page redirects to the home page, as withdrawn articles do on some sites."""
    return (
        urlsplit(fetched.url).path in ("", "/")
        and not urlsplit(fetched.url).query
        and urlsplit(url).path not in ("", "/")
    )
