"""Turns: one request at a time to a host, with a pause after it, and never before robots.txt has been read."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from crawlers.robots import Robots, Verdict
from services.core.errors import FetchFailed

MAX_CRAWL_DELAY_S = 60.0
"""A host that asks for a longer Crawl-delay is not crawled."""
ROBOTS_AGE_S = 86_400.0
"""Seconds after which robots.txt is read again (RFC 9309 §2.4)."""
ROBOTS_RETRY_S = 600.0
"""Seconds after which a robots.txt that could not be read is asked for again."""
PENALTY_S = 30.0
"""Shortest rest after 429 without Retry-After; it doubles with every further one."""
MAX_PENALTY_S = 3600.0
FAILURES = 5
"""Failures in a row after which a host is left alone for a while."""
FAILURE_REST_S = 30.0
"""Shortest such rest; it doubles with every further failure, up to ten minutes."""
MAX_FAILURE_REST_S = 600.0

Sleep = Callable[[float], Awaitable[None]]


class RobotsFile:
    """The robots.txt of a host as it was read.

    Args:
        robots: its rules; None where it could not be read, which forbids everything (RFC 9309 §2.3.1.4).
        moment: wall-clock time of the reading.
        reason: what stands in place of a rule where there are none.
        failure: why the host did not answer at all, where it did not.
    """

    def __init__(
        self, robots: Robots | None, moment: datetime, reason: str = "", failure: FetchFailed | None = None
    ) -> None:
        self.robots = robots
        self.moment = moment
        self.reason = reason
        self.failure = failure

    def verdict(self, agent: str, url: str) -> Verdict:
        """Whether `agent` may fetch `url`, and why."""
        if self.robots is None:
            return Verdict(False, f"disallow: robots.txt {self.reason}", whole_host=True)
        delay_s = self.robots.crawl_delay_s(agent)
        if delay_s is not None and delay_s > MAX_CRAWL_DELAY_S:
            rule = f"disallow: Crawl-delay {delay_s:g} s is longer than {MAX_CRAWL_DELAY_S:g} s"
            return Verdict(False, rule, whole_host=True)
        verdict = self.robots.verdict(agent, url)
        return Verdict(verdict.allowed, f"{verdict.rule} (robots.txt {self.reason})") if self.reason else verdict


class Host:
    """What is known about one host (with port): its turn, its robots.txt, how long it wants to be left alone.

    Args:
        delay_s: seconds between two requests where robots.txt asks for no longer.
        clock: monotonic seconds.
        sleep: waits a number of seconds.
    """

    def __init__(
        self, delay_s: float, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._least_s = self._delay_s = delay_s
        self._clock = clock
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._next = 0.0
        self._penalties = 0
        self._failures = 0
        self._robots: RobotsFile | None = None
        self._robots_until = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for this host's turn. The pause counts from the end of the request: a slow server gets more room."""
        async with self._lock, self._paced():
            yield

    async def robots(self, agent: str, read: Callable[[], Awaitable[RobotsFile]]) -> RobotsFile:
        """The robots.txt of the host, read at most once a day.

        Whoever asks first reads it in a turn of the host; all others wait for that, so none of them runs ahead.
        """
        async with self._lock:
            if self._robots is None or self._clock() >= self._robots_until:
                async with self._paced():
                    self._robots = await read()
                known = self._robots.robots is not None
                self._robots_until = self._clock() + (ROBOTS_AGE_S if known else ROBOTS_RETRY_S)
                asked = self._robots.robots.crawl_delay_s(agent) if self._robots.robots else None
                self._delay_s = max(self._least_s, min(asked or 0.0, MAX_CRAWL_DELAY_S))
                self.rest(self._delay_s)
            return self._robots

    @property
    def rest_s(self) -> float:
        """Seconds until the host may be asked again; 0 where it may be now."""
        return max(0.0, self._next - self._clock())

    @asynccontextmanager
    async def _paced(self) -> AsyncIterator[None]:
        while (rest := self.rest_s) > 0:
            await self._sleep(rest)
        try:
            yield
        finally:
            self.rest(self._delay_s)

    def rest(self, seconds: float) -> None:
        """Send nothing for so long; called within a turn."""
        self._next = max(self._next, self._clock() + seconds)

    def refused(self, retry_after_s: float | None) -> float:
        """The host says 429 (or 503 with a time): rest as long as it says, else a penalty that doubles; the seconds."""
        self._penalties += 1
        seconds = retry_after_s
        if seconds is None:
            seconds = min(PENALTY_S * 2 ** (self._penalties - 1), MAX_PENALTY_S)
        self.rest(seconds)
        return seconds

    def failed(self) -> None:
        """The host did not answer, or with an error of its own: after some of these in a row it is left alone."""
        self._failures += 1
        if self._failures >= FAILURES:
            self.rest(min(FAILURE_REST_S * 2 ** (self._failures - FAILURES), MAX_FAILURE_REST_S))

    def served(self) -> None:
        """The host answered well: penalties and failures are forgotten."""
        self._penalties = self._failures = 0


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, written as a number or as a date; None where it says nothing."""
    value = value.strip()
    if value.isdigit():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # a date has whole seconds: one more is waited so as not to come early
    return max(0.0, (moment - now).total_seconds()) + 1.0
