"""The deadline of the call that is being served, for whoever works for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from services.core.errors import DeadlineExceeded

MARGIN_S = 0.05
"""Kept back from a further call, so that its answer can still be used."""

T = TypeVar("T")

_END: ContextVar[float | None] = ContextVar("deadline", default=None)
_SPENT: ContextVar[float] = ContextVar("spent", default=0.0)
_left: set[asyncio.Task[Any]] = set()
"""Work that nobody waits for any more."""


def spend(seconds: float) -> None:
    """From here on, calls have so many seconds less: they were spent before, as on finding out who asks."""
    _SPENT.set(seconds)


def remaining() -> float | None:
    """Seconds until the deadline of the present call, not below 0; None outside a call."""
    end = _END.get()
    return None if end is None else max(0.0, end - asyncio.get_running_loop().time())


def timeout_for(default_s: float) -> float:
    """Timeout of a further call: the default less what was spent, or what is left less a margin."""
    left = remaining()
    most = max(MARGIN_S, default_s - _SPENT.get())
    return most if left is None else max(0.0, min(most, left - MARGIN_S))


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Run a block that must end within `seconds`, and not later than the block around it.

    Raises:
        DeadlineExceeded: it did not.
    """
    before = _END.get()
    end = asyncio.get_running_loop().time() + seconds
    _END.set(end if before is None else min(before, end))
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield
    except TimeoutError:
        if timer.expired():
            raise DeadlineExceeded from None
        raise
    finally:
        _END.set(before)


async def promptly(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What some work gives; where it does not in time it is cancelled, and nobody waits for its end, as `within` does.

    A server that stands still makes cancelling take seconds too.

    Raises:
        DeadlineExceeded: it did not end within `seconds`.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _leave(task)
        raise
    if not done:
        _leave(task)
        raise DeadlineExceeded
    return task.result()


def _leave(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _left.add(task)
    task.add_done_callback(_gone)


def _gone(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # nobody asks for it any more
