"""One request at a time to a host, robots.txt before everything, and the host's wishes honoured."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import pytest
from scrapy import Request
from scrapy.http import Response

from crawlers.download import Transient
from crawlers.fetch import MAX_HOPS, Fetcher, Later, RobotsRefusal, Unreachable
from crawlers.politeness import MAX_CRAWL_DELAY_S, PENALTY_S, Host, retry_after_s
from services.core.errors import FetchFailed, FetchRefused

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


class World:
    """A site that answers from a table, on a clock of its own that only sleeping moves."""

    def __init__(self, pages: Mapping[str, Response | Callable[[], Response]], latency_s: float = 0.1) -> None:
        self.now = 1000.0
        self.pages = pages
        self.latency_s = latency_s
        self.log: list[tuple[float, str]] = []
        self.open: dict[str, int] = {}
        self.most_open = 0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def download(self, request: Request) -> Response:
        host = request.url.split("/")[2]
        self.log.append((self.now, request.url))
        self.open[host] = self.open.get(host, 0) + 1
        self.most_open = max(self.most_open, self.open[host])
        for _ in range(5):
            await asyncio.sleep(0)
        self.now += self.latency_s
        self.open[host] -= 1
        page = self.pages.get(request.url, Response(request.url, status=404))
        return page() if callable(page) else page

    def fetcher(self, delay_s: float = 2.0) -> Fetcher:
        return Fetcher(
            self.download,
            "NgocLinhBot/0 (+test)",
            delay_s,
            clock=lambda: NOW,
            make_host=lambda delay: Host(delay, lambda: self.now, self.sleep),
        )


def ok(url: str, body: bytes = b"", status: int = 200, **headers: str) -> Response:
    return Response(url, status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def anywhere(_: str) -> bool:
    return True


ROBOTS = "https://a.vn/robots.txt"


async def test_ten_simultaneous_first_requests_never_outrun_robots() -> None:
    pages = {f"https://a.vn/cam/{i}": ok(f"https://a.vn/cam/{i}") for i in range(10)}
    world = World(pages | {ROBOTS: ok(ROBOTS, b"User-agent: *\nDisallow: /cam/\n")})
    fetcher = world.fetcher()
    answers = await asyncio.gather(*(fetcher.get(url, anywhere) for url in pages), return_exceptions=True)
    assert all(isinstance(answer, RobotsRefusal) for answer in answers)
    assert [url for _, url in world.log] == [ROBOTS]


async def test_one_request_at_a_time_and_the_delay_between_starts() -> None:
    urls = [f"https://a.vn/{i}" for i in range(4)]
    world = World({url: ok(url) for url in urls})
    fetcher = world.fetcher(delay_s=2.0)
    await asyncio.gather(*(fetcher.get(url, anywhere) for url in urls))
    starts = [moment for moment, _ in world.log]
    assert len(starts) == 5
    assert world.most_open == 1
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(starts))


async def test_hosts_do_not_wait_for_each_other() -> None:
    urls = [f"https://{host}.vn/{i}" for host in "abc" for i in range(2)]
    world = World({url: ok(url) for url in urls})
    fetcher = world.fetcher()
    await asyncio.gather(*(fetcher.get(url, anywhere) for url in urls))
    assert {url.split("/")[2] for _, url in world.log[:3]} == {"a.vn", "b.vn", "c.vn"}


async def test_a_longer_crawl_delay_wins() -> None:
    world = World({ROBOTS: ok(ROBOTS, b"User-agent: *\nCrawl-delay: 7\n"), "https://a.vn/1": ok("https://a.vn/1")})
    await world.fetcher().get("https://a.vn/1", anywhere)
    assert world.log[1][0] - world.log[0][0] >= 7


async def test_a_host_that_asks_for_too_much_is_left_alone() -> None:
    delay = MAX_CRAWL_DELAY_S + 1
    world = World({ROBOTS: ok(ROBOTS, f"User-agent: *\nCrawl-delay: {delay:g}\n".encode())})
    with pytest.raises(RobotsRefusal, match="Crawl-delay") as caught:
        await world.fetcher().get("https://a.vn/1", anywhere)
    assert caught.value.whole_host


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_robots_txt_that_fails_forbids_everything(status: int) -> None:
    world = World({ROBOTS: ok(ROBOTS, status=status), "https://a.vn/1": ok("https://a.vn/1")})
    with pytest.raises(RobotsRefusal) as caught:
        await world.fetcher().get("https://a.vn/1", anywhere)
    assert caught.value.whole_host
    assert len(world.log) == 1


async def test_a_host_that_does_not_answer_forbids_nothing_but_is_asked_for_nothing() -> None:
    def silence() -> Response:
        raise Transient("Không kết nối được máy chủ a.vn.", "Cannot connect to a.vn.")

    world = World({ROBOTS: silence, "https://a.vn/1": ok("https://a.vn/1")})
    fetcher = world.fetcher()
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"^Cannot connect to a\.vn\.$") as caught:
            await fetcher.get("https://a.vn/1", anywhere)
    assert caught.value.vi == "Không kết nối được máy chủ a.vn."
    assert [url for _, url in world.log] == [ROBOTS]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_robots_txt_that_is_not_there_forbids_nothing(status: int) -> None:
    world = World({ROBOTS: ok(ROBOTS, b"User-agent: *\nDisallow: /\n", status), "https://a.vn/1": ok("https://a.vn/1")})
    fetched = await world.fetcher().get("https://a.vn/1", anywhere)
    assert fetched.robots_rule == f"allow: no rule matches (robots.txt answers {status})"


async def test_robots_txt_may_be_elsewhere() -> None:
    there = "https://a.vn/robots-that.txt"
    world = World({ROBOTS: ok(ROBOTS, status=301, Location=there), there: ok(there, b"User-agent: *\nDisallow: /x\n")})
    with pytest.raises(RobotsRefusal):
        await world.fetcher().get("https://a.vn/x", anywhere)


async def test_robots_txt_is_read_once_a_day() -> None:
    world = World({"https://a.vn/1": ok("https://a.vn/1")})
    fetcher = world.fetcher()
    await fetcher.get("https://a.vn/1", anywhere)
    await fetcher.get("https://a.vn/1", anywhere)
    world.now += 86_401
    await fetcher.get("https://a.vn/1", anywhere)
    assert [url for _, url in world.log].count(ROBOTS) == 2


async def test_a_redirect_is_a_request_with_its_own_robots_check() -> None:
    world = World(
        {
            ROBOTS: ok(ROBOTS, b"User-agent: *\nDisallow: /cam/\n"),
            "https://a.vn/1": ok("https://a.vn/1", status=302, Location="/2"),
            "https://a.vn/2": ok("https://a.vn/2", status=302, Location="/cam/3"),
        }
    )
    with pytest.raises(RobotsRefusal):
        await world.fetcher().get("https://a.vn/1", anywhere)
    starts = [moment for moment, _ in world.log]
    assert [url for _, url in world.log] == [ROBOTS, "https://a.vn/1", "https://a.vn/2"]
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(starts))


async def test_a_loop_of_redirects_ends() -> None:
    world = World({"https://a.vn/1": ok("https://a.vn/1", status=302, Location="/1")})
    with pytest.raises(FetchFailed, match="redirects too often"):
        await world.fetcher().get("https://a.vn/1", anywhere)
    assert len(world.log) == MAX_HOPS + 2


async def test_only_permanent_redirects_are_remembered() -> None:
    world = World(
        {
            "https://a.vn/1": ok("https://a.vn/1", status=301, Location="/2"),
            "https://a.vn/2": ok("https://a.vn/2"),
            "https://a.vn/3": ok("https://a.vn/3", status=302, Location="/2"),
        }
    )
    fetcher = world.fetcher()
    assert (await fetcher.get("https://a.vn/1", anywhere)).moved == "https://a.vn/2"
    assert (await fetcher.get("https://a.vn/3", anywhere)).moved == ""
    assert (await fetcher.get("https://a.vn/2", anywhere)).moved == ""


async def test_a_hop_to_a_foreign_host_is_refused_before_it_is_asked() -> None:
    world = World({"https://a.vn/1": ok("https://a.vn/1", status=302, Location="https://b.vn/x")})
    with pytest.raises(FetchRefused):
        await world.fetcher().get("https://a.vn/1", lambda url: "//a.vn/" in url)
    assert all("//a.vn/" in url for _, url in world.log)


async def test_retry_after_silences_the_whole_host() -> None:
    busy = [ok("https://a.vn/1", status=429, Retry_After="30"), ok("https://a.vn/1")]
    world = World({"https://a.vn/1": lambda: busy.pop(0), "https://a.vn/2": ok("https://a.vn/2")})
    fetcher = world.fetcher()
    with pytest.raises(Later) as caught:
        await fetcher.get("https://a.vn/1", anywhere)
    assert caught.value.wait_s == 30
    assert fetcher.rest_s("a.vn") > 29
    await fetcher.get("https://a.vn/2", anywhere)
    assert world.log[-1][0] - world.log[-2][0] >= 30


async def test_the_penalty_of_429_doubles_and_is_forgotten() -> None:
    answers = [ok("", status=429), ok("", status=429), ok(""), ok("", status=429)]
    world = World({"https://a.vn/1": lambda: answers.pop(0)})
    fetcher = world.fetcher()
    waits = []
    for _ in range(4):
        try:
            await fetcher.get("https://a.vn/1", anywhere)
        except Later as later:
            waits.append(later.wait_s)
    assert waits == [PENALTY_S, 2 * PENALTY_S, PENALTY_S]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("Wed, 25 Nov 2026 08:00:04 GMT", 5.0),
        ("Wed, 25 Nov 2026 07:00:00 GMT", 1.0),
        ("soon", None),
        ("", None),
    ],
)
def test_both_forms_of_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


async def test_a_failed_request_still_ends_its_turn() -> None:
    world = World({})

    async def broken(request: Request) -> Response:
        world.log.append((world.now, request.url))
        if request.url == ROBOTS:
            return ok(ROBOTS, status=404)
        raise FetchFailed("hỏng", "broken")

    world.download = broken  # type: ignore[method-assign]
    fetcher = world.fetcher()
    wait: list[Awaitable[object]] = [fetcher.get(f"https://a.vn/{i}", anywhere) for i in range(2)]
    answers = await asyncio.gather(*wait, return_exceptions=True)
    assert all(isinstance(answer, FetchFailed) for answer in answers)
    assert world.log[-1][0] - world.log[-2][0] >= 2.0
