"""The failure policy of workers, over a real bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.event_pb2 import ArticleCollected, SubmissionFailed

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.core.errors import InvalidField, Overloaded, Unavailable
from services.core.metrics import REGISTRY
from services.core.ports import Output
from services.core.worker import (
    DELAYS_S,
    FAULT_ATTEMPTS,
    OUTAGE_S,
    Outcome,
    Quarantine,
    Retry,
    Together,
    attend,
    attend_all,
    run_worker,
)

SUBJECT, GROUP = "media.submission", "ledger"
DELAYS = (0.01, 0.01, 0.01, 0.01)


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[SqliteBus]:
    async with SqliteBus(tmp_path / "bus.sqlite") as bus:
        await bus.publish(SUBJECT, SubmissionFailed(submission="submissions/a"), "a")
        yield bus


async def work_until_ended(bus: SqliteBus, *outcomes: Exception | Sequence[Output]) -> int:
    """Run a worker whose handler has these outcomes, the last one for ever; the number of its calls."""
    calls = 0

    async def handle(_: Any) -> Sequence[Output]:
        nonlocal calls
        outcome = outcomes[min(calls, len(outcomes) - 1)]
        calls += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, handle, DELAYS))
    async with asyncio.timeout(60):
        while (await bus.depth())[SUBJECT, GROUP]:  # noqa: ASYNC110 - a bus tells its depth only when asked
            await asyncio.sleep(0.02)
    worker.cancel()
    return calls


async def test_outputs_are_published_with_the_acknowledgement(bus: SqliteBus) -> None:
    assert await work_until_ended(bus, [Output("media.recorded", ArticleCollected(), "out")]) == 1
    assert (await bus.depth())["media.recorded", "analyze"] == 1


@pytest.mark.parametrize(
    "error", [Retry("busy"), Unavailable("chưa trả lời", "no answer"), Overloaded("bận", "busy", 0.01)]
)
async def test_what_may_pass_is_tried_again_until_it_does(bus: SqliteBus, error: Exception) -> None:
    assert await work_until_ended(bus, error, error, error, []) == 4
    assert await bus.quarantined() == []


async def test_what_never_passes_is_quarantined_after_the_last_attempt(bus: SqliteBus) -> None:
    assert await work_until_ended(bus, Retry("down for good")) == len(DELAYS) + 1
    (bad,) = await bus.quarantined()
    assert "down for good" in bad.reason


@pytest.mark.parametrize("error", [Quarantine("poison"), InvalidField("text", "hỏng", "poison")])
async def test_what_cannot_pass_is_quarantined_at_once(bus: SqliteBus, error: Exception) -> None:
    assert await work_until_ended(bus, error) == 1
    (bad,) = await bus.quarantined()
    assert "poison" in bad.reason


async def test_a_fault_is_tried_a_few_times(bus: SqliteBus) -> None:
    assert await work_until_ended(bus, ZeroDivisionError("oops")) == FAULT_ATTEMPTS
    (bad,) = await bus.quarantined()
    assert bad.reason == "ZeroDivisionError: oops"


async def test_a_cancelled_handler_gives_its_event_back_at_once(bus: SqliteBus) -> None:
    async def never(_: Any) -> Sequence[Output]:
        await asyncio.sleep(60)
        return []

    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, never))
    await asyncio.sleep(0.2)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert await work_until_ended(bus, []) == 1


async def test_an_event_that_ends_its_worker_each_time_is_quarantined(bus: SqliteBus, tmp_path: Path) -> None:
    async with SqliteBus(tmp_path / "bus.sqlite", lease_s=0.01) as dying:
        for _ in range(len(DELAYS) + 1):
            async for _delivery in dying.consume(SUBJECT, GROUP):
                break
    assert await work_until_ended(bus, []) == 0
    assert len(await bus.quarantined()) == 1


@pytest.mark.parametrize("at_once", [1, 3])
async def test_so_many_events_are_in_hand_at_once_and_no_more(bus: SqliteBus, at_once: int) -> None:
    in_hand, most, done = 0, 0, 0

    async def handle(_: Any) -> Sequence[Output]:
        nonlocal in_hand, most, done
        in_hand += 1
        most = max(most, in_hand)
        await asyncio.sleep(0.2)
        in_hand, done = in_hand - 1, done + 1
        return []

    for number in range(7):
        await bus.publish(SUBJECT, SubmissionFailed(submission=f"submissions/{number}"), str(number))
    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, handle, DELAYS, at_once))
    async with asyncio.timeout(60):
        while (await bus.depth())[SUBJECT, GROUP]:  # noqa: ASYNC110 - a bus tells its depth only when asked
            await asyncio.sleep(0.02)
    worker.cancel()
    assert (most, done) == (at_once, 8)


# ------------------------------------------------------------ batches


async def work_together(bus: SqliteBus, handle: Any, count: int = 0, most: int = 10) -> None:
    """Publish so many further events and run a worker that handles them together until none is left."""
    for number in range(count):
        await bus.publish(SUBJECT, SubmissionFailed(submission=f"submissions/{number}"), str(number))
    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, Together(handle), DELAYS, most))
    async with asyncio.timeout(60):
        while (await bus.depth())[SUBJECT, GROUP]:  # noqa: ASYNC110 - a bus tells its depth only when asked
            await asyncio.sleep(0.02)
    worker.cancel()


async def test_a_batch_is_done_in_one_step_and_each_event_is_counted(bus: SqliteBus) -> None:
    sizes: list[int] = []

    async def handle(events: Sequence[Any]) -> Sequence[Outcome]:
        sizes.append(len(events))
        return [[Output("media.recorded", ArticleCollected(), event.submission)] for event in events]

    before = counted("done"), observed()
    await work_together(bus, handle, 24)
    assert sizes == [10, 10, 5]
    assert (await bus.depth())["media.recorded", "analyze"] == 25
    assert (counted("done"), observed()) == (before[0] + 25, before[1] + 25)


async def test_of_a_batch_only_what_failed_is_tried_again_or_set_aside(bus: SqliteBus) -> None:
    seen: list[str] = []

    async def handle(events: Sequence[Any]) -> Sequence[Outcome]:
        names = [event.submission for event in events]
        seen.extend(names)
        bad: dict[str, Exception] = {"submissions/2": InvalidField("text", "hỏng", "poison")}
        if seen.count("submissions/5") == 1:
            bad["submissions/5"] = Overloaded("bận", "busy")
        return [bad.get(name, []) for name in names]

    await work_together(bus, handle, 9)
    (poison,) = await bus.quarantined()
    assert (poison.key, poison.attempts) == ("2", 1)
    assert sorted(name for name in set(seen) if seen.count(name) > 1) == ["submissions/5"]


async def test_a_batch_that_fails_as_a_whole_is_taken_apart(bus: SqliteBus) -> None:
    async def handle(events: Sequence[Any]) -> Sequence[Outcome]:
        if any(event.submission == "submissions/3" for event in events):
            raise ZeroDivisionError("oops")
        return [[] for _ in events]

    await work_together(bus, handle, 9)
    (bad,) = await bus.quarantined()
    assert (bad.key, bad.reason, bad.attempts) == ("3", "ZeroDivisionError: oops", FAULT_ATTEMPTS)


async def test_a_cancelled_batch_is_given_back_at_once(bus: SqliteBus) -> None:
    held = asyncio.Event()

    async def never(_: Sequence[Any]) -> Sequence[Outcome]:
        held.set()
        await asyncio.sleep(600)
        return []

    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, Together(never)))
    await asyncio.wait_for(held.wait(), 60)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert await work_until_ended(bus, []) == 1


class Clock:
    """A clock that stands still until it is put forward."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_an_event_that_ends_its_process_takes_no_other_with_it(tmp_path: Path) -> None:
    clock, done, deaths = Clock(), list[str](), 0

    async def handle(events: Sequence[Any]) -> Sequence[Outcome]:
        done.extend(event.submission for event in events)
        return [[] for _ in events]

    async with SqliteBus(tmp_path / "bus.sqlite", clock) as bus:
        for number in range(6):
            await bus.publish(SUBJECT, SubmissionFailed(submission=str(number)), str(number))
        while (await bus.depth())[SUBJECT, GROUP]:
            async for batch in bus.batches(SUBJECT, GROUP, 10):
                if any(each.key == "2" and each.attempt <= len(DELAYS_S) + 1 for each in batch):
                    deaths += 1
                    clock.now += 61  # the lease
                else:
                    await attend_all(bus, batch, Together(handle))
                break
        assert sorted(done) == list("01345")
        assert [bad.key for bad in await bus.quarantined()] == ["2"]
        assert deaths == len(DELAYS_S) + 1


async def test_an_outage_however_long_sets_nothing_aside(tmp_path: Path) -> None:
    clock, pauses = Clock(), list[float]()

    class Told(SqliteBus):
        async def put_back(self, id_: int, token: str, delay_s: float, *more: Any, **named: Any) -> bool:
            pauses.append(delay_s)
            return await super().put_back(id_, token, delay_s, *more, **named)

    async def attempt(bus: SqliteBus, *outcome: Output | Exception) -> None:
        async def handle(_: Any) -> Sequence[Output]:
            for each in outcome:
                assert isinstance(each, Exception)
                raise each
            return []

        async for delivery in bus.consume(SUBJECT, GROUP):
            await attend(delivery, handle)
            break
        clock.now += pauses[-1]

    async with Told(tmp_path / "bus.sqlite", clock) as bus:
        await bus.publish(SUBJECT, SubmissionFailed(submission="submissions/a"), "a")
        while sum(pauses) < 4 * 3600:
            await attempt(bus, Unavailable("kho chưa trả lời", "the store does not answer"))
        assert pauses[:3] == [1, 5, 30]
        assert set(pauses[3:]) == {OUTAGE_S}
        for _ in range(3):
            await attempt(bus, Overloaded("bận", "busy"))
        assert await bus.quarantined() == [], "what failed otherwise afterwards has attempts left"
        await attempt(bus)
        assert (await bus.depth())[SUBJECT, GROUP] == 0


def counted(outcome: str) -> float:
    """Events of the subject with an outcome, as they are measured."""
    return REGISTRY.get_sample_value("ngoclinh_events_total", {"subject": SUBJECT, "outcome": outcome}) or 0.0


def observed() -> float:
    """Events of the subject whose time was measured."""
    return REGISTRY.get_sample_value("ngoclinh_event_seconds_count", {"subject": SUBJECT}) or 0.0
