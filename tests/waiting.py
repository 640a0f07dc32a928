"""Waiting for what happens elsewhere: in another task, thread or process, which tells nobody of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 60.0
"""How long it may take on a busy machine; a wait ends as soon as the thing is true."""


async def until(look: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Wait until something is true.

    Raises:
        TimeoutError: it never was.
    """
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
