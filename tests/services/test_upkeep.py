"""First steps wait for their stores; repeated work survives its failures."""

from __future__ import annotations

import asyncio

import pytest

from services import upkeep
from services.core.errors import Conflict, Unavailable
from services.upkeep import Repeated, keep_up


class Store:
    """Fails some times before it answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.calls = 0

    async def step(self) -> None:
        self.calls += 1
        if self._failures:
            raise self._failures.pop(0)


DOWN = Unavailable("không trả lời", "does not answer")


async def test_a_step_is_tried_until_its_store_answers_and_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PAUSE_S", 0.2)
    late, quick, begun = Store(DOWN, DOWN), Store(), asyncio.Event()
    task = asyncio.create_task(keep_up({"late": late.step, "quick": quick.step}, begun))
    await asyncio.sleep(0.1)
    assert (quick.calls, begun.is_set()) == (1, False)
    await asyncio.wait_for(begun.wait(), 5)
    assert (late.calls, quick.calls, task.done()) == (3, 1, False)
    task.cancel()


async def test_what_does_not_pass_is_raised() -> None:
    newer = Store(Conflict("mới hơn", "a newer release"))
    with pytest.raises(Conflict):
        await asyncio.wait_for(keep_up({"newer": newer.step}, asyncio.Event()), 5)


async def test_repeated_work_comes_again_after_a_failure() -> None:
    work = Store(DOWN, ValueError("fault"))
    task = asyncio.create_task(keep_up({}, asyncio.Event(), [Repeated(0.01, work.step)]))
    await asyncio.sleep(0.5)
    assert work.calls > 3
    task.cancel()
