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
from services.core.ports import Output
from services.core.worker import FAULT_ATTEMPTS, Quarantine, Retry, run_worker

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
    async with asyncio.timeout(20):
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
        await asyncio.sleep(0.05)
        in_hand, done = in_hand - 1, done + 1
        return []

    for number in range(7):
        await bus.publish(SUBJECT, SubmissionFailed(submission=f"submissions/{number}"), str(number))
    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, handle, DELAYS, at_once))
    async with asyncio.timeout(20):
        while (await bus.depth())[SUBJECT, GROUP]:  # noqa: ASYNC110 - a bus tells its depth only when asked
            await asyncio.sleep(0.02)
    worker.cancel()
    assert (most, done) == (at_once, 8)
