"""Consume one subject for one group: the whole failure policy is two exceptions.

A handler returns the events to publish with the acknowledgement. It raises `Retry` where the cause may pass (network,
overload) and `Quarantine` where it cannot. Domain errors say it themselves: `Unavailable`, `Overloaded` and
`DeadlineExceeded` may pass, the others cannot. Any other exception is a fault: it is logged and tried a few times.

While a server does not answer (`Unavailable`) events wait for it, however long that takes: such attempts are no sign of
poison and do not count.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.core.errors import DeadlineExceeded, NgocLinhError, Overloaded, TooLarge, Unavailable
from services.core.log import get_logger, trail
from services.core.metrics import EVENT_SECONDS, EVENTS
from services.core.ports import TOGETHER, Bus, Delivery, Output

DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)
"""Pauses between attempts in seconds; after the attempt that follows the last one the event is quarantined."""
FAULT_ATTEMPTS = 3
"""Attempts at an event whose handler fails in an unforeseen way."""
BUS_PAUSE_S = 2.0
"""Pause in seconds where the bus itself does not answer."""

OUTAGE_S = 60.0
"""Longest pause in seconds between attempts while a server does not answer."""

Handle = Callable[[Any], Awaitable[Sequence[Output]]]
"""Does the work of one event; returns what to publish with its acknowledgement."""

Outcome = Sequence[Output] | Exception
"""What to publish with the acknowledgement of an event of a batch, or what a handler of it alone would raise."""


@dataclass(frozen=True)
class Together:
    """A handler of many events at once.

    Attributes:
        handle: tells the outcome of each event; where it raises, the whole batch may be handled again, and where what
            it raises will not pass, each of its events is handled alone.
    """

    handle: Callable[[Sequence[Any]], Awaitable[Sequence[Outcome]]]


_PASSING = (Unavailable, Overloaded, DeadlineExceeded)
_NO_END = "every attempt ended without an answer"
_log = get_logger(__name__)


class Retry(Exception):
    """The cause may pass: try again later.

    Args:
        reason: what was wrong, for the log and, in the end, for the quarantine.
        delay_s: shortest pause in seconds; the usual one of this attempt is taken where it is longer.
    """

    def __init__(self, reason: str, delay_s: float = 0.0) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class Quarantine(Exception):
    """The cause will not pass: set the event aside with this reason."""


async def run_worker(
    bus: Bus,
    subject: str,
    group: str,
    handle: Handle | Together,
    delays_s: Sequence[float] = DELAYS_S,
    at_once: int = 1,
) -> None:
    """Be one member of a group until the bus is closed or the task is cancelled.

    Several tasks may run this for the same group: they share the load.

    Args:
        bus: where events come from.
        subject: of the events.
        group: that consumes them.
        handle: does the work of one event, or of many.
        delays_s: pauses between attempts.
        at_once: most events in hand at the same time; with 1 they are handled in the order in which they come.
            Those that are handled together are in hand until all of them are done.
    """
    while True:
        try:
            if isinstance(handle, Together):
                await _consume_batches(bus, subject, group, handle, delays_s, at_once)
            else:
                await _consume(bus, subject, group, handle, delays_s, at_once)
        except* Unavailable as errors:
            _log.warning("bus does not answer", subject=subject, group=group, error=str(errors.exceptions[0]))
        else:
            return
        await asyncio.sleep(BUS_PAUSE_S)


async def _consume(bus: Bus, subject: str, group: str, handle: Handle, delays_s: Sequence[float], at_once: int) -> None:
    free = asyncio.Semaphore(at_once - 1)
    async with asyncio.TaskGroup() as tasks:
        async for delivery in bus.consume(subject, group):
            task = tasks.create_task(attend(delivery, handle, delays_s))
            task.add_done_callback(lambda _: free.release())
            await free.acquire()


async def _consume_batches(
    bus: Bus, subject: str, group: str, together: Together, delays_s: Sequence[float], most: int
) -> None:
    async for batch in bus.batches(subject, group, most):
        await attend_all(bus, batch, together, delays_s)


async def attend(delivery: Delivery, handle: Handle, delays_s: Sequence[float] = DELAYS_S) -> None:
    """Handle one delivery and end it; one line of the log says how, under the id of what the event is about."""
    start = time.monotonic()
    with structlog.contextvars.bound_contextvars(**trail(delivery.key)):
        outcome, published = await _end(delivery, handle, delays_s)
        seconds = time.monotonic() - start
        told = {"subject": delivery.subject, "key": delivery.key, "outcome": outcome, "published": published}
        _log.info("event", **told, ms=round(1000 * seconds, 1))
    _measure(delivery.subject, [outcome], seconds)


async def attend_all(
    bus: Bus, batch: Sequence[Delivery], together: Together, delays_s: Sequence[float] = DELAYS_S
) -> None:
    """Handle a batch of one subject and end each of its deliveries; one line of the log has the ids of those done.

    Those done are acknowledged together; every other one ends as if it had come alone.
    """
    start = time.monotonic()
    try:
        outcomes = await _outcomes(batch, together, delays_s)
    except asyncio.CancelledError:
        with contextlib.suppress(Unavailable):  # where the bus does not answer, the lease ends by itself
            await asyncio.gather(*(delivery.retry(0) for delivery in batch))
        raise
    if outcomes is None:
        for delivery in batch:
            await attend_all(bus, [delivery], together, delays_s)
        return
    ends = await _end_all(bus, list(zip(batch, outcomes, strict=True)), delays_s)
    seconds = time.monotonic() - start
    done = [delivery.key for delivery, end in zip(batch, ends, strict=True) if end == "done"]
    ids = [trail(key).get("request_id", key) for key in done]
    _log.info("batch", subject=batch[0].subject, events=len(batch), done=ids, ms=round(1000 * seconds, 1))
    _measure(batch[0].subject, ends, seconds)


async def _outcomes(
    batch: Sequence[Delivery], together: Together, delays_s: Sequence[float]
) -> Sequence[Outcome] | None:
    """The outcome of each delivery; None where each should be tried alone."""
    if len(batch) == 1 and batch[0].attempt > len(delays_s) + 1:
        return [Quarantine(_NO_END)]
    try:
        return await together.handle([delivery.event for delivery in batch])
    except (Retry, *_PASSING) as error:
        return [error] * len(batch)
    except Exception as error:
        return [error] if len(batch) == 1 else None


async def _end_all(bus: Bus, handled: Sequence[tuple[Delivery, Outcome]], delays_s: Sequence[float]) -> list[str]:
    """End deliveries; how each ended."""
    done = [(delivery, outcome) for delivery, outcome in handled if not isinstance(outcome, Exception)]
    acknowledged = "done"
    try:
        await bus.acknowledge(done)
    except TooLarge:  # an output that the bus will never take: see which
        acknowledged = ""
    ends = []
    for delivery, outcome in handled:
        if isinstance(outcome, Exception):
            ends.append((await _fail(delivery, outcome, delays_s))[0])
        else:
            ends.append(acknowledged or (await _acknowledge(delivery, outcome))[0])
    return ends


def _measure(subject: str, ends: Sequence[str], seconds: float) -> None:
    for outcome, count in Counter(ends).items():
        EVENTS.labels(subject, outcome).inc(count)
    observed = EVENT_SECONDS.labels(subject)
    for _ in ends:
        observed.observe(seconds)


async def _end(delivery: Delivery, handle: Handle, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    """Handle one delivery and end it; returns how, and the keys of what was published."""
    if delivery.attempt > len(delays_s) + 1:
        return await _quarantine(delivery, _NO_END)
    try:
        outputs = await handle(delivery.event)
    except asyncio.CancelledError:
        with contextlib.suppress(Unavailable):  # where the bus does not answer, the lease ends by itself
            await delivery.retry(0)
        raise
    except Exception as error:
        return await _fail(delivery, error, delays_s)
    return await _acknowledge(delivery, outputs)


async def _fail(delivery: Delivery, error: Exception, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    """End a delivery whose handler raised `error`."""
    match error:
        case Quarantine():
            return await _quarantine(delivery, str(error))
        case Unavailable():
            return await _wait(delivery, error, delays_s)
        case Retry() | Overloaded() | DeadlineExceeded():
            return await _postpone(delivery, error, delays_s)
        case NgocLinhError():
            return await _quarantine(delivery, f"{error.reason}: {error.en}")
    _log.exception("fault", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt, exc_info=error)
    return await _postpone(delivery, error, delays_s[: FAULT_ATTEMPTS - 1])


async def _acknowledge(delivery: Delivery, outputs: Sequence[Output]) -> tuple[str, list[str]]:
    try:
        await delivery.ack(outputs)
    except TooLarge as error:  # of an output: the bus will never take it
        return await _quarantine(delivery, f"{error.reason}: {error.en}")
    return "done", [output.key for output in outputs]


async def _wait(delivery: Delivery, error: Exception, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    """Deliver again until the server answers; after the first pauses attempts are not counted any more."""
    pause = min(delays_s[min(delivery.attempt, TOGETHER, len(delays_s)) - 1], OUTAGE_S)
    return await _again(delivery, error, pause, counted=delivery.attempt < TOGETHER)


async def _postpone(delivery: Delivery, error: Exception, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    if delivery.attempt > len(delays_s):
        return await _quarantine(delivery, f"{type(error).__name__}: {error}")
    asked = error.delay_s if isinstance(error, Retry) else getattr(error, "retry_after_s", 0.0)
    return await _again(delivery, error, max(asked, delays_s[delivery.attempt - 1]))


async def _again(delivery: Delivery, error: Exception, pause: float, counted: bool = True) -> tuple[str, list[str]]:
    reason = f"{type(error).__name__}: {error}"
    _log.info("retry", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt, reason=reason)
    await delivery.retry(pause, counted)
    return "retry", []


async def _quarantine(delivery: Delivery, reason: str) -> tuple[str, list[str]]:
    _log.warning("quarantine", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt, reason=reason)
    await delivery.quarantine(reason)
    return "quarantine", []
