"""First steps wait for their stores; repeated work survives its failures."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services import upkeep
from services.core.errors import Conflict, NotFound, Unavailable
from services.upkeep import NOT_DUE, Chores, Outcome, Repeated, Told, keep_up
from tests.waiting import until

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


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
    monkeypatch.setattr(upkeep, "PAUSE_S", 1)
    late, quick, begun = Store(DOWN, DOWN), Store(), asyncio.Event()
    task = asyncio.create_task(keep_up({"late": late.step, "quick": quick.step}, begun))
    await until(lambda: quick.calls == 1)
    assert not begun.is_set()
    await asyncio.wait_for(begun.wait(), 30)
    assert (late.calls, quick.calls, task.done()) == (3, 1, False)
    task.cancel()


async def test_what_does_not_pass_is_raised() -> None:
    newer = Store(Conflict("mới hơn", "a newer release"))
    with pytest.raises(Conflict):
        await asyncio.wait_for(keep_up({"newer": newer.step}, asyncio.Event()), 30)


async def test_repeated_work_comes_again_after_a_failure() -> None:
    work = Store(DOWN, ValueError("fault"))
    chores = Chores([Repeated("work", 0.01, work.step)])
    task = asyncio.create_task(keep_up({}, asyncio.Event(), chores))
    await until(lambda: work.calls >= 4)
    assert chores.told["work"].outcome in (None, Outcome())
    task.cancel()


async def ended(chores: Chores, name: str) -> Told:
    await until(lambda: not chores.told[name].running)
    return chores.told[name]


async def test_what_became_of_work_is_told_after_the_next_start(tmp_path: Path) -> None:
    work, file = Store(DOWN), tmp_path / "chores.json"
    chores = Chores([Repeated("work", 3600, work.step)], file, lambda: NOW)
    assert chores.told["work"] == Told()
    chores.ask("work")
    with pytest.raises(Conflict):
        chores.ask("work")
    told = await ended(chores, "work")
    assert (told.outcome, told.end) == (Outcome("failed", DOWN.vi, DOWN.en), NOW)
    await until(file.exists)
    assert Chores([Repeated("work", 3600, work.step)], file).told["work"].outcome == told.outcome
    file.write_text("no JSON")
    assert Chores([Repeated("work", 3600, work.step)], file).told["work"] == Told()
    with pytest.raises(NotFound):
        chores.ask("unknown")


@pytest.mark.parametrize(
    ("ago_s", "wait_s"),
    [(600, 3000), (3590, 60), (7200, 60), (-86_400, 60)],
    ids=["early", "soon", "due", "wrong clock"],
)
async def test_work_that_was_done_before_the_start_is_not_done_again_too_early(
    tmp_path: Path, ago_s: float, wait_s: float
) -> None:
    file, work = tmp_path / "chores.json", Store()
    done = {"work": {"state": "done", "vi": "", "en": "", "end": (NOW - timedelta(seconds=ago_s)).isoformat()}}
    file.write_text(json.dumps(done))
    chores = Chores([Repeated("work", 3600, work.step, after_s=60)], file, lambda: NOW)
    task = asyncio.create_task(chores.keep())
    await until(lambda: chores.told["work"].next is not None)
    assert chores.told["work"].next == NOW + timedelta(seconds=wait_s)
    task.cancel()


async def test_what_was_not_due_leaves_the_last_outcome_on_record() -> None:
    results: list[object] = [Outcome("done", "một", "one"), NOT_DUE]

    async def step() -> object:
        return results.pop(0)

    chores = Chores([Repeated("work", 3600, step)])
    for _ in range(2):
        chores.ask("work")
        await ended(chores, "work")
    assert (results, chores.told["work"].outcome) == ([], Outcome("done", "một", "one"))
