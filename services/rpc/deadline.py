"""The deadline of the call that is being served, for whoever works for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from services.core.errors import DeadlineExceeded

MARGIN_S = 0.05
"""Kept back from a further call, so that its answer can still be used."""

_END: ContextVar[float | None] = ContextVar("deadline", default=None)
_SPENT: ContextVar[float] = ContextVar("spent", default=0.0)


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
