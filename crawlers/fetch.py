"""One page, politely and safely: robots before every hop, a turn of the host for every request, bounded redirects."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scrapy import Request
from scrapy.http import Response

from crawlers.canonical import host_port, normalize, resolve
from crawlers.documents import AGENT
from crawlers.download import Transient
from crawlers.politeness import Host, RobotsFile, retry_after_s
from crawlers.robots import Robots
from crawlers.safety import check_url
from services.core.clock import Clock, utc_now
from services.core.errors import FetchFailed, FetchRefused

MAX_HOPS = 5
"""Redirects that are followed."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})

Download = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Fetched:
    """An answer.

    Args:
        url: where it was found, after redirects.
        status: HTTP status of the last hop.
        headers: names in lower case; repeated ones joined by commas.
        body: decompressed.
        time: moment of the request.
        robots_rule: the rule that allowed the last hop.
        robots_time: when that robots.txt was read.
        moved: the new address where every hop was permanent; empty otherwise.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    time: datetime
    robots_rule: str
    robots_time: datetime
    moved: str = ""
    body_sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body_sha256", hashlib.sha256(self.body).hexdigest())


class Later(Transient):
    """The host asks to come back later; `wait_s` says in how many seconds, None leaves it to the caller."""

    def __init__(self, status: int, wait_s: float | None = None) -> None:
        super().__init__(
            f"Máy chủ trả lời mã {status}; sẽ thử lại.",
            f"The server answers {status}; it is asked again.",
        )
        self.status = status
        self.wait_s = wait_s


class RobotsRefusal(FetchRefused):
    """robots.txt forbids the page, or everything of the host (`whole_host`)."""

    def __init__(self, url: str, rule: str, whole_host: bool) -> None:
        super().__init__(
            f"robots.txt không cho phép tải {url[:200]} ({rule}).",
            f"robots.txt does not allow {url[:200]} ({rule}).",
            {"why": "robots", "rule": rule},
        )
        self.whole_host = whole_host


class Unreachable(FetchFailed):
    """The host did not answer when its robots.txt was asked for: nothing else of it is asked for."""

    whole_host = True


CLOSED = (RobotsRefusal, Unreachable)
"""What may close a whole host for a while."""


class Fetcher:
    """Fetches pages for all sources of a crawler.

    Args:
        download: sends one request; Scrapy's `engine.download_async`.
        user_agent: value of the User-Agent header.
        delay_s: seconds between two requests to a host.
        allowed_private: ``host:port`` pairs that may be visited although they are not public.
        concurrent: requests in progress over all hosts.
        clock: the present moment.
        make_host: makes the state of a host; tests bring a clock of their own.
    """

    def __init__(
        self,
        download: Download,
        user_agent: str,
        delay_s: float,
        allowed_private: Collection[str] = (),
        concurrent: int = 16,
        clock: Clock = utc_now,
        make_host: Callable[[float], Host] = Host,
    ) -> None:
        self._download = download
        self._user_agent = user_agent
        self._delay_s = delay_s
        self._private = frozenset(allowed_private)
        self._slots = asyncio.Semaphore(concurrent)
        self._clock = clock
        self._make_host = make_host
        self._hosts: dict[str, Host] = {}

    async def get(
        self, url: str, may_visit: Callable[[str], bool], headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """The answer at `url`, after at most five redirects.

        Args:
            url: http or https URL.
            may_visit: whether a hop may go to an address; False refuses it before anything is sent.
            headers: further request headers, such as validators.

        Raises:
            FetchRefused: robots.txt, a private address, or a hop to a host that may not be visited.
            Transient: a failure that may pass (429, 5xx, no answer).
            Unreachable: robots.txt could not be asked for.
            FetchFailed: too many redirects, a page that is too large.
        """
        permanent = True
        for hop in range(MAX_HOPS + 1):
            url = self._checked(url, may_visit)
            robots = await self.robots(url)
            if robots.failure:
                raise Unreachable(robots.failure.vi, robots.failure.en, robots.failure.details)
            verdict = robots.verdict(AGENT, url)
            if not verdict.allowed:
                raise RobotsRefusal(url, verdict.rule, whole_host=verdict.whole_host)
            moment = self._clock()
            response = await self._request(url, headers or {})
            if response.status in _REDIRECTS and (location := _header(response, "location")):
                permanent = permanent and response.status in _PERMANENT
                url = resolve(url, location)
                continue
            return Fetched(
                url=url,
                status=response.status,
                headers={name.decode("latin-1").lower(): _header(response, name) for name in response.headers},
                body=response.body,
                time=moment,
                robots_rule=verdict.rule,
                robots_time=robots.moment,
                moved=url if hop and permanent else "",
            )
        raise FetchFailed("Trang chuyển hướng quá nhiều lần.", "The page redirects too often.", {"why": "redirects"})

    async def robots(self, url: str) -> RobotsFile:
        """The robots.txt that holds for `url`."""
        scheme = url.partition("://")[0]
        return await self._host(url).robots(AGENT, lambda: self._read_robots(f"{scheme}://{host_port(url)}/robots.txt"))

    def rest_s(self, host: str) -> float:
        """Seconds until a host (with port where it is not the default) may be asked again."""
        return self._hosts[host].rest_s if host in self._hosts else 0.0

    def _checked(self, url: str, may_visit: Callable[[str], bool]) -> str:
        check_url(url, self._private)
        url = normalize(url)
        if not may_visit(url):
            raise FetchRefused(
                f"Địa chỉ {url[:200]} không thuộc nguồn tin này.",
                f"{url[:200]} does not belong to this source.",
                {"why": "foreign"},
            )
        return url

    async def _request(self, url: str, headers: Mapping[str, str]) -> Response:
        """One request in a turn of its host; 429 and 5xx become `Later`."""
        host = self._host(url)
        async with host.turn():
            try:
                response = await self._send(url, headers)
            except Transient:
                host.failed()
                raise
            wait_s = retry_after_s(_header(response, "retry-after"), self._clock())
            if response.status == 429 or (response.status == 503 and wait_s is not None):
                raise Later(response.status, host.refused(wait_s))
            if response.status >= 500:
                host.failed()
                raise Later(response.status)
        host.served()
        return response

    async def _send(self, url: str, headers: Mapping[str, str]) -> Response:
        everywhere = {
            "User-Agent": self._user_agent,
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,application/json;q=0.8,*/*;q=0.5",
            "Accept-Language": "vi,en;q=0.5",
            "Accept-Encoding": "gzip, deflate",
        }
        async with self._slots:
            return await self._download(Request(url, headers=everywhere | dict(headers)))

    async def _read_robots(self, url: str) -> RobotsFile:
        """robots.txt by RFC 9309 §2.3.1: follow redirects, 4xx allows all, 5xx and no answer forbid all."""
        moment = self._clock()
        try:
            for _ in range(MAX_HOPS + 1):
                check_url(url, self._private)
                response = await self._send(url, {})
                location = _header(response, "location")
                if response.status not in _REDIRECTS or not location:
                    break
                url = resolve(url, location)
            else:
                return RobotsFile(Robots(), moment, "redirects too often")
        except FetchRefused:
            return RobotsFile(Robots(), moment, "lies at an address that is not visited")
        except FetchFailed as error:
            silent = error if isinstance(error, Transient) else None
            return RobotsFile(None, moment, f"could not be read: {error.en}", silent)
        if response.status >= 500 or response.status == 429:
            return RobotsFile(None, moment, f"answers {response.status}")
        if response.status >= 400:
            return RobotsFile(Robots(), moment, f"answers {response.status}")
        return RobotsFile(Robots.parse(response.body), moment)

    def _host(self, url: str) -> Host:
        return self._hosts.setdefault(host_port(url), self._make_host(self._delay_s))


def _header(response: Response, name: str | bytes) -> str:
    return ", ".join(value.decode("latin-1") for value in response.headers.getlist(name))
