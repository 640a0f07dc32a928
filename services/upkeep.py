"""What runs beside the workers: first steps that wait for their stores, and work that comes again and again.

A store that does not answer when the program starts delays its own step only: the program serves what it can meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from services.core.errors import DeadlineExceeded, Overloaded, Unavailable
from services.core.log import get_logger

PAUSE_S = 5.0
"""Seconds before a step is tried again whose store did not answer."""

_PASSING = (Unavailable, Overloaded, DeadlineExceeded)
_log = get_logger(__name__)

Step = Callable[[], Awaitable[object]]


class Repeated(NamedTuple):
    """Work that comes again.

    Attributes:
        every_s: seconds between two of its runs.
        step: the work.
        after_s: seconds before its first run.
    """

    every_s: float
    step: Step
    after_s: float = 0.0


async def keep_up(first: Mapping[str, Step], begun: asyncio.Event, again: Sequence[Repeated] = ()) -> None:
    """Do the first steps at once, then the repeated work until cancelled.

    Args:
        first: by name; each is tried until its store answers.
        begun: set when all of them are done.
        again: a run that fails is logged, the next one comes all the same.

    Raises:
        NgocLinhError: a first step failed for a reason that does not pass.
    """
    await asyncio.gather(*(_until_answered(name, step) for name, step in first.items()))
    begun.set()
    await asyncio.gather(*(_repeat(work) for work in again), asyncio.Event().wait())


async def _until_answered(name: str, step: Step) -> None:
    while True:
        try:
            await step()
        except _PASSING as error:
            _log.warning("step waits for its store", step=name, error=error.en)
            await asyncio.sleep(PAUSE_S)
        else:
            return


async def _repeat(work: Repeated) -> None:
    await asyncio.sleep(work.after_s)
    while True:
        try:
            await work.step()
        except Exception as error:
            _log.warning("repeated work failed", error=str(error))
        await asyncio.sleep(work.every_s)
