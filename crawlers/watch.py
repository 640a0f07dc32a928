"""The crawl: one worker for each host with something to do, commands of people, reports on the sources."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime

from ngoclinh.media.v1.article_pb2 import Source
from ngoclinh.media.v1.event_pb2 import AddSource, SourceCommand, SourceStateReported

from crawlers import health
from crawlers.adding import AT_ONCE, Adder
from crawlers.canonical import canonical, is_web
from crawlers.catalogue import SourceSpec
from crawlers.checking import RECHECK_S, Checker
from crawlers.duplicates import Documents
from crawlers.fetch import CLOSED, Download, Fetcher, Unreachable
from crawlers.frontier import MANUAL, Frontier, Poll, Visit, discovery_of
from crawlers.pipeline import Pipeline, failure
from crawlers.politeness import ROBOTS_RETRY_S, Host
from crawlers.polling import Poller
from crawlers.relevance import Relevance
from crawlers.safety import check_url
from crawlers.schedule import RETRY_S, Outcome
from crawlers.settings import user_agent
from crawlers.shards import MOST_PASSES, Shard
from crawlers.visiting import Visitor
from services.core import protojson
from services.core.clock import to_timestamp
from services.core.config import Settings
from services.core.errors import FetchFailed, FetchRefused, Unavailable
from services.core.log import get_logger
from services.core.names import random_id
from services.core.ports import Bus, Output
from services.core.worker import Quarantine, run_worker

PATIENCE_S = 120.0
"""Seconds that a single crawl waits for what is to be tried again."""
REPORT_S = 10.0
"""Seconds between two reports on sources that changed."""
_LOOK_S = 60.0
_FORGET_S = 86_400.0

_log = get_logger(__name__)


class Watch:
    """Crawls until it is stopped or, `once`, until every source was polled and nothing is left to do soon.

    Args:
        settings: all settings.
        bus: where events go and commands come from.
        frontier: what there is to do.
        sources: the declared sources of all crawlers.
        once: poll every source now, and end.
        make_host: makes the state of a host; tests bring hosts that want no pause.
    """

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        frontier: Frontier,
        sources: Sequence[SourceSpec],
        once: bool = False,
        make_host: Callable[[float], Host] = Host,
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._frontier = frontier
        self._shard = Shard(settings.crawler)
        self._everyone = list(sources)
        self._sources = {spec.id: spec for spec in self._shard.mine(sources)}
        self._once = once
        self._make_host = make_host
        self._active: set[str] = set()
        self._asked: set[asyncio.Task[None]] = set()
        self._checks = asyncio.Semaphore(AT_ONCE)
        self._changed: set[str] = set(self._sources)
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self.failure: BaseException | None = None

    def stop(self) -> None:
        """End soon: what is in progress is broken off and done again next time."""
        self._stopping.set()
        self._wake.set()

    async def run(self, download: Download) -> None:
        """Crawl.

        Args:
            download: sends one request; Scrapy's `engine.download_async`.
        """
        crawler = self._settings.crawler
        self._fetcher = Fetcher(
            download,
            user_agent(crawler),
            crawler.delay_s,
            crawler.allow_private_hosts,
            crawler.concurrent_requests,
            self._now,
            self._make_host,
        )
        pipeline = Pipeline(self._bus, self._frontier, Relevance(self._settings), self._now)
        self._visitor = Visitor(self._fetcher, self._frontier, pipeline, self._sources)
        self._poller = Poller(
            self._fetcher, self._frontier, pipeline.feed_documents, self._now, crawler.max_page_mb << 20
        )
        self._checker = Checker(self._fetcher, self._now, crawler.max_page_mb << 20)
        self._adder = Adder(self._checker, self._settings)
        self._frontier.sync(self._sources.values())
        if self._once:
            for id_ in self._sources:
                self._frontier.poll_now(id_)
        tasks = [
            asyncio.create_task(run_worker(self._bus, "source.command", "crawler", self._command)),
            asyncio.create_task(self._reports()),
            asyncio.create_task(self._dispatch()),
        ]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            begun = (*tasks, stopped, *self._asked)
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
            await self._report()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._frontier.clock(), UTC)

    # ------------------------------------------------------------ work

    async def _dispatch(self) -> None:
        """Give every host with something to do a worker of its own."""
        documents, forget_at = Documents(self._frontier), 0.0
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                if self._frontier.clock() >= forget_at:
                    documents.forget_old()
                    forget_at = self._frontier.clock() + _FORGET_S
                for host in self._frontier.hosts_due() - self._active:
                    self._active.add(host)
                    group.create_task(self._work(host), name=f"host {host}")
                due = self._frontier.next_due()
                wait_s = _LOOK_S if due is None else due - self._frontier.clock()
                if self._once and not self._active and (due is None or wait_s > PATIENCE_S):
                    if not (await self._bus.depth()).get(("source.command", "crawler")):
                        return
                    wait_s = 0.0
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(max(wait_s, 0.05), _LOOK_S)):  # wait_for may swallow a cancellation
                        await self._wake.wait()

    async def _work(self, host: str) -> None:
        """Do what is to do at one host, one thing after the other."""
        try:
            while (job := self._frontier.next_job(host)) is not None:
                rest_s = self._fetcher.rest_s(host)
                if self._once and rest_s > PATIENCE_S:
                    self._give_up(job, rest_s)
                    continue
                try:
                    await (self._poll(job) if isinstance(job, Poll) else self._visitor.visit(job))
                except Unavailable as error:
                    _log.warning("bus does not answer", host=host, error=error.en)
                    await asyncio.sleep(RETRY_S[0])
                except Exception:
                    _log.exception("fault", host=host, url=job.url)
                    await self._faulted(job)
                self._changed.add(job.source)
                self._wake.set()
        finally:
            self._active.discard(host)
            self._wake.set()

    async def _poll(self, poll: Poll) -> None:
        spec = self._sources[poll.source]
        discovery = discovery_of(spec, poll.url)
        assert discovery is not None
        try:
            outcome = await self._poller.poll(poll, spec, discovery)
        except (FetchRefused, Unreachable) as error:
            if isinstance(error, CLOSED) and error.whole_host:
                self._frontier.block(spec.id, ROBOTS_RETRY_S, error.vi, error.en)
            outcome = Outcome(failed=True, problem_vi=error.vi, problem_en=error.en)
        self._frontier.polled(poll, spec, outcome)

    def _give_up(self, job: Poll | Visit, rest_s: float) -> None:
        """Put off what a host does not want for longer than a single crawl waits."""
        if isinstance(job, Visit):
            self._frontier.postpone(job, rest_s, "the host asks for a longer rest", job.attempts)
        else:
            vi, en = "Máy chủ yêu cầu tạm ngừng.", "The host asks for a rest."
            self._frontier.polled(job, self._sources[job.source], Outcome(failed=True, problem_vi=vi, problem_en=en))

    async def _faulted(self, job: Poll | Visit) -> None:
        """A fault of ours: try again a few times, never at once."""
        fault = FetchFailed("Lỗi bên trong trình thu thập.", "An internal fault of the crawler.")
        if isinstance(job, Poll):
            outcome = Outcome(failed=True, problem_vi=fault.vi, problem_en=fault.en)
            self._frontier.polled(job, self._sources[job.source], outcome)
        else:
            await self._visitor.again(job, fault)

    # ------------------------------------------------------------ commands and reports

    async def _command(self, command: SourceCommand) -> Sequence[Output]:
        """Note what a person asks for; the workers do it. What belongs to another crawler is passed on."""
        if self._shard.count > 1 and not self._is_ours(command):
            return self._pass_on(command)
        kind = command.WhichOneof("command")
        if kind == "fetch_page":
            return self._submit(command.fetch_page.url, command.fetch_page.submission)
        if kind == "add_source":
            self._beside(self._add(command.add_source))
        elif kind is not None:
            id_ = getattr(command, kind).removeprefix("sources/")
            if id_ not in self._sources:
                raise Quarantine(f"no source {id_}")
            if kind == "check_source":
                self._beside(self._check(self._sources[id_]))
                return []
            if kind == "run_source":
                self._frontier.poll_now(id_)
            else:
                self._frontier.pause(id_, kind == "pause_source")
                if kind == "resume_source":
                    self._frontier.poll_now(id_)
            self._changed.add(id_)
        self._wake.set()
        return []

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        """Do something that takes long beside all other work."""
        task = asyncio.create_task(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    def _is_ours(self, command: SourceCommand) -> bool:
        kind = command.WhichOneof("command")
        if kind not in ("fetch_page", "add_source"):
            return kind is None or getattr(command, kind).removeprefix("sources/") in self._sources
        url = command.fetch_page.url if kind == "fetch_page" else command.add_source.definition.home_url
        return not is_web(url) or self._shard.has(url, self._everyone)

    def _pass_on(self, command: SourceCommand) -> Sequence[Output]:
        if command.passed_count >= MOST_PASSES * self._shard.count:
            raise Quarantine("no crawler has this source")
        passed = SourceCommand()
        passed.CopyFrom(command)
        passed.passed_count += 1
        return [Output("source.command", passed, random_id())]

    def _submit(self, url: str, submission: str) -> Sequence[Output]:
        """Put a pasted link on the list, by the rules of its source where it belongs to one."""
        try:
            check_url(url, self._settings.crawler.allow_private_hosts)
            owner = next((spec for spec in self._sources.values() if spec.owns(url)), None)
            address = owner.canonical(url) if owner else canonical(url)
        except (FetchRefused, ValueError) as error:
            vi, en = "Đường dẫn không hợp lệ.", "The link is no valid address."
            refused = error if isinstance(error, FetchRefused) else FetchRefused(vi, en)
            return [Output("media.submission", failure(submission, url, refused), submission)]
        self._frontier.submit(address, owner.id if owner else MANUAL, submission)
        self._wake.set()
        return []

    async def _add(self, request: AddSource) -> None:
        """Check a new source beside all other work, crawl it where it is saved, and tell who asked."""
        answer, spec = await self._adder.add(request, self._sources)
        if spec is not None:
            self._sources[spec.id] = spec
            self._everyone.append(spec)
            self._frontier.sync(self._sources.values())
            self._changed.add(spec.id)
            self._wake.set()
        await self._bus.publish("source.checked", answer, request.request)

    async def _check(self, spec: SourceSpec) -> None:
        """Look whether a source still reads as declared, some at once and each in its turn; the next report tells."""
        async with self._checks:
            found = await self._checker.check(spec, RECHECK_S)
        told = Source(check_time=to_timestamp(self._now()), checks=found)
        self._frontier.checked(spec.id, protojson.to_json(told))
        self._changed.add(spec.id)

    async def _reports(self) -> None:
        while True:
            await self._report()
            await asyncio.sleep(REPORT_S)

    async def _report(self) -> None:
        """Publish the state of the sources that changed."""
        while self._changed:
            id_ = self._changed.pop()
            if id_ in self._sources:
                moment = self._now()
                source = health.source(self._sources[id_], self._frontier)
                event = SourceStateReported(source=source, report_time=to_timestamp(moment))
                try:
                    await self._bus.publish("source.state", event, f"{id_}:{moment.timestamp():.6f}")
                except BaseException:  # a crawl that is stopped here, too, tells it at its end
                    self._changed.add(id_)
                    raise
