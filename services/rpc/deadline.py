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


def remaining() -> float | None:
    """Seconds until the deadline of the present call, not below 0; None outside a call."""
    end = _END.get()
    return None if end is None else max(0.0, end - asyncio.get_running_loop().time())


def timeout_for(default_s: float) -> float:
    """Timeout of a further call: the default, or what is left less a margin."""
    left = remaining()
    return default_s if left is None else max(0.0, min(default_s, left - MARGIN_S))


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Run a block that must end within `seconds`.

    Raises:
        DeadlineExceeded: it did not.
    """
    before = _END.get()
    _END.set(asyncio.get_running_loop().time() + seconds)
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
