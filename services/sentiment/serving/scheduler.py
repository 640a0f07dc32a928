"""The scheduler of one model: calls become chunks in a fair queue, idle workers take batches from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text, TextAnalysis

from services.core.sections.work import SentimentSettings
from services.rpc.deadline import remaining
from services.sentiment.serving.engine import Engine
from services.sentiment.serving.load import TEXT_BYTES, Call, Load, late
from services.sentiment.serving.queue import Entry, FairQueue, Flow, Ticket

GROUP_BYTES = 16_384
"""Texts are read in groups of about so many bytes, so that a call with many does not hold up the others."""
TOO_SHORT_S = 0.001
"""A shorter window is none: timers are not finer."""


@dataclass
class Worker:
    """One thread's share of the model; its session is opened when it is first needed."""

    engine: Engine
    session: Any = None
    opened: bool = False

    def open(self) -> None:
        """Open the session."""
        if not self.opened:
            self.session, self.opened = self.engine.open(), True

    def run(self, chunks: Sequence[Any]) -> tuple[list[Any], float]:
        """The result of each chunk, or the exception that it alone causes; and the seconds that it took."""
        self.open()
        start = time.perf_counter()
        try:
            results = list(self.engine.run(self.session, chunks))
        except Exception as error:
            results = [error] if len(chunks) == 1 else [self.run([chunk])[0][0] for chunk in chunks]
        return results, time.perf_counter() - start


@dataclass(eq=False)
class Waiting(Ticket):
    """A ticket with whom to tell.

    Attributes:
        call: the work of which it is a part.
        end: when it is of no use any more, in the loop's time; None for never.
        results: by place.
        done: set to the results when all are there, or to the first exception.
    """

    call: Call = field(kw_only=True)
    end: float | None = field(kw_only=True)
    results: dict[int, Any] = field(default_factory=dict)
    done: asyncio.Future[list[Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Scheduler:
    """Analyses texts of many callers with one model.

    Args:
        engine: the model.
        settings: number of workers, largest batch, window, bounds of what waits.
        workers: number of workers.
    """

    def __init__(self, engine: Engine, settings: SentimentSettings, workers: int) -> None:
        self.engine = engine
        self._window_s = settings.window_ms / 1000
        self._batch_tokens = settings.batch_tokens
        self._queue = FairQueue(settings.batch_tokens, engine.SIZES_TOGETHER)
        self.load = Load(workers, settings.batch_tokens, settings.max_queue_tokens, settings.max_queue_mb << 20)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sentiment")
        self._idle = [Worker(engine) for _ in range(workers)]
        self._oldest = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Open the sessions of all workers now rather than at their first batch."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, worker.open) for worker in self._idle))

    async def analyze(self, texts: Sequence[Text], flow: Flow | None = None) -> list[TextAnalysis]:
        """Analyses in the order of the texts.

        Args:
            texts: of one call.
            flow: whose work it is; None makes it one of its own.

        Raises:
            Overloaded: it cannot end before the deadline of the present call, or there is no room for it.
        """
        flow = flow or Flow()
        tokens = sum(map(self.engine.estimate, texts))
        size = sum(text.ByteSize() + TEXT_BYTES for text in texts)
        left = remaining()
        end = None if left is None else asyncio.get_running_loop().time() + left
        parts: list[tuple[Sequence[Text], Sequence[Any], Waiting]] = []
        with self.load.taken(tokens, size, left) as call:
            try:
                for group in groups(texts):
                    chunks = await self.engine.prepare(group)
                    self.load.more(call, -sum(map(self.engine.estimate, group)))
                    parts.append((group, chunks, self._put(chunks, flow, call, end)))
                found: list[TextAnalysis] = []
                for group, chunks, ticket in parts:
                    found += await self.engine.assemble(group, chunks, await ticket.done)
                return found
            finally:
                for _, _, ticket in parts:
                    self._give_up(ticket)

    async def close(self) -> None:
        """Wait for the calls in progress, then end the threads."""
        await self.load.idle.wait()
        self._threads.shutdown(wait=False)
        self.engine.close()

    def _put(self, chunks: Sequence[Any], flow: Flow, call: Call, end: float | None) -> Waiting:
        ticket = Waiting(chunks, [self.engine.size(chunk) for chunk in chunks], call=call, end=end)
        self.load.more(call, sum(ticket.sizes))
        if not chunks:
            ticket.done.set_result([])
        if not len(self._queue):
            self._oldest = asyncio.get_running_loop().time()
        self._queue.put(ticket, flow)
        self._wake()
        return ticket

    def _give_up(self, ticket: Waiting) -> None:
        """Nobody waits for a ticket any more."""
        self._queue.drop(ticket)
        if not ticket.done.cancel() and not ticket.done.cancelled():
            ticket.done.exception()

    def _wake(self) -> None:
        """Give batches to idle workers, as long as there are both."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle and len(self._queue):
            pause = self._pause(loop.time())
            if pause >= TOO_SHORT_S:
                self._timer = loop.call_later(pause, self._wake)
                return
            batch = [entry for entry in self._queue.take() if not self._is_late(entry, loop.time())]
            if batch:
                self._start(batch)

    def _pause(self, now: float) -> float:
        """Seconds for which it pays to wait for more: never longer than what waits would take to run."""
        if self._queue.tokens >= self._batch_tokens or not self.load.speed:
            return 0.0
        return self._oldest + min(self._window_s, self._queue.tokens / self.load.speed) - now

    def _is_late(self, entry: Entry, now: float) -> bool:
        """Refuse a chunk that would be ready after the deadline of its call, and what else waits of that call."""
        ticket = entry.ticket
        assert isinstance(ticket, Waiting)
        needed = self.load.alone_s(ticket.call.left)
        if ticket.end is None or now + needed <= ticket.end:
            return False
        if not ticket.done.done():
            ticket.done.set_exception(late(needed, max(0.0, ticket.end - now)))
        self._queue.drop(ticket)
        return True

    def _start(self, batch: list[Entry]) -> None:
        worker = self._idle.pop()
        tokens = sum(entry.size for entry in batch)
        self.load.running += tokens
        chunks = [entry.ticket.chunks[entry.place] for entry in batch]
        running = asyncio.get_running_loop().run_in_executor(self._threads, worker.run, chunks)
        running.add_done_callback(partial(self._ended, worker, batch, tokens))

    def _ended(
        self, worker: Worker, batch: list[Entry], tokens: int, running: asyncio.Future[tuple[list[Any], float]]
    ) -> None:
        """Hand the results of a batch to those who wait for them; the worker is idle again."""
        self._idle.append(worker)
        self.load.running -= tokens
        error = running.exception()
        results, seconds = ([error] * len(batch), 0.0) if error else running.result()
        if seconds:
            self.load.measured(tokens, seconds)
        for entry, result in zip(batch, results, strict=True):
            assert isinstance(entry.ticket, Waiting)
            if not entry.ticket.done.done():
                self.load.more(entry.ticket.call, -entry.size)
                _tell(entry.ticket, entry, result)
        self._wake()


def _tell(ticket: Waiting, entry: Entry, result: Any) -> None:
    ticket.results[entry.place] = result
    if isinstance(result, BaseException):
        ticket.done.set_exception(result)
    elif len(ticket.results) == len(ticket.sizes):
        ticket.done.set_result([ticket.results[place] for place in range(len(ticket.sizes))])


def groups(texts: Sequence[Text]) -> Iterator[Sequence[Text]]:
    """Neighbours in groups of about `GROUP_BYTES`."""
    group: list[Text] = []
    size = 0
    for text in texts:
        group.append(text)
        size += text.ByteSize()
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
