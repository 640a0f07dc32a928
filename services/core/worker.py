"""Consume one subject for one group: the whole failure policy is two exceptions.

A handler returns the events to publish with the acknowledgement. It raises `Retry` where the cause may pass (network,
overload) and `Quarantine` where it cannot. Domain errors say it themselves: `Unavailable`, `Overloaded` and
`DeadlineExceeded` may pass, the others cannot. Any other exception is a fault: it is logged and tried a few times.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from services.core.errors import DeadlineExceeded, NgocLinhError, Overloaded, TooLarge, Unavailable
from services.core.log import get_logger, trail
from services.core.metrics import EVENT_SECONDS, EVENTS
from services.core.ports import Bus, Delivery, Output

DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)
"""Pauses between attempts in seconds; after the attempt that follows the last one the event is quarantined."""
FAULT_ATTEMPTS = 3
"""Attempts at an event whose handler fails in an unforeseen way."""
BUS_PAUSE_S = 2.0
"""Pause in seconds where the bus itself does not answer."""

Handle = Callable[[Any], Awaitable[Sequence[Output]]]
"""Does the work of one event; returns what to publish with its acknowledgement."""

_PASSING = (Unavailable, Overloaded, DeadlineExceeded)
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
    bus: Bus, subject: str, group: str, handle: Handle, delays_s: Sequence[float] = DELAYS_S, at_once: int = 1
) -> None:
    """Be one member of a group until the bus is closed or the task is cancelled.

    Several tasks may run this for the same group: they share the load.

    Args:
        bus: where events come from.
        subject: of the events.
        group: that consumes them.
        handle: does the work of one event.
        delays_s: pauses between attempts.
        at_once: most events in hand at the same time; with 1 they are handled in the order in which they come.
    """
    while True:
        try:
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


async def attend(delivery: Delivery, handle: Handle, delays_s: Sequence[float] = DELAYS_S) -> None:
    """Handle one delivery and end it; one line of the log says how, under the id of what the event is about."""
    start = time.monotonic()
    with structlog.contextvars.bound_contextvars(**trail(delivery.key)):
        outcome, published = await _end(delivery, handle, delays_s)
        seconds = time.monotonic() - start
        told = {"subject": delivery.subject, "key": delivery.key, "outcome": outcome, "published": published}
        _log.info("event", **told, ms=round(1000 * seconds, 1))
    EVENTS.labels(delivery.subject, outcome).inc()
    EVENT_SECONDS.labels(delivery.subject).observe(seconds)


async def _end(delivery: Delivery, handle: Handle, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    """Handle one delivery and end it; returns how, and the keys of what was published."""
    if delivery.attempt > len(delays_s) + 1:
        return await _quarantine(delivery, "every attempt ended without an answer")
    try:
        outputs = await handle(delivery.event)
    except asyncio.CancelledError:
        with contextlib.suppress(Unavailable):  # where the bus does not answer, the lease ends by itself
            await delivery.retry(0)
        raise
    except Quarantine as error:
        return await _quarantine(delivery, str(error))
    except (Retry, *_PASSING) as error:
        return await _postpone(delivery, error, delays_s)
    except NgocLinhError as error:
        return await _quarantine(delivery, f"{error.reason}: {error.en}")
    except Exception as error:
        _log.exception("fault", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt)
        return await _postpone(delivery, error, delays_s[: FAULT_ATTEMPTS - 1])
    return await _acknowledge(delivery, outputs)


async def _acknowledge(delivery: Delivery, outputs: Sequence[Output]) -> tuple[str, list[str]]:
    try:
        await delivery.ack(outputs)
    except TooLarge as error:  # of an output: the bus will never take it
        return await _quarantine(delivery, f"{error.reason}: {error.en}")
    return "done", [output.key for output in outputs]


async def _postpone(delivery: Delivery, error: Exception, delays_s: Sequence[float]) -> tuple[str, list[str]]:
    reason = f"{type(error).__name__}: {error}"
    if delivery.attempt > len(delays_s):
        return await _quarantine(delivery, reason)
    asked = error.delay_s if isinstance(error, Retry) else getattr(error, "retry_after_s", 0.0)
    _log.info("retry", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt, reason=reason)
    await delivery.retry(max(asked, delays_s[delivery.attempt - 1]))
    return "retry", []


async def _quarantine(delivery: Delivery, reason: str) -> tuple[str, list[str]]:
    _log.warning("quarantine", subject=delivery.subject, key=delivery.key, attempt=delivery.attempt, reason=reason)
    await delivery.quarantine(reason)
    return "quarantine", []
