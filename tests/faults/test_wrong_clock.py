"""The clock is years ahead or behind, and comes back: nothing is lost, nothing waits, what people did last holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.ports import Delivery, Ledger
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.bus_worker import submission

START = datetime(2026, 11, 1, tzinfo=UTC)
YEARS = timedelta(days=3653)
WAIT_S = 30.0
"""Seconds within which an event that waits must come, on a busy machine."""
STEPS = {"ahead": (YEARS, -YEARS), "behind": (-YEARS, YEARS), "ahead, then behind": (YEARS, -2 * YEARS)}
"""By how much the clock is set, one after the other."""


class HandClock:
    """A clock that is set by hand and does not go."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """The same as seconds of the wall clock."""
        return self.now.timestamp()


async def take(deliveries: AsyncIterator[Delivery]) -> Delivery:
    """The next event."""
    return await asyncio.wait_for(anext(deliveries), WAIT_S)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_a_bus_loses_nothing_and_holds_nothing_back(steps: tuple[timedelta, ...], tmp_path: Path) -> None:
    clock = HandClock()
    async with (
        SqliteBus(tmp_path / "bus.sqlite", clock.seconds) as bus,
        aclosing(bus.consume("media.submission", "ledger")) as deliveries,  # type: ignore[type-var]
    ):
        got = []
        for number, step in enumerate(steps):
            for key in (f"late{number}", f"held{number}", f"waiting{number}"):
                await bus.publish("media.submission", submission(key), key)
            postponed = await take(deliveries)
            await postponed.retry(7200)
            held = await take(deliveries)
            clock.now += step
            await bus.publish("media.submission", submission(f"fresh{number}"), f"fresh{number}")
            await bus.publish("media.submission", submission(f"fresh{number}"), f"fresh{number}")
            left = {f"late{number}", f"held{number}", f"waiting{number}", f"fresh{number}"}
            while left:
                delivery = await take(deliveries)
                await delivery.ack()
                got.append(delivery.key)
                left.discard(delivery.key)
            await held.ack()  # of a lease that ended long ago: it changes nothing
        assert sorted(got) == sorted(set(got)), "each came once"
        assert (await bus.depth())["media.submission", "ledger"] == 0
        assert await bus.quarantined() == []


def sqlite(folder: Path, clock: Callable[[], datetime], request: pytest.FixtureRequest) -> Ledger:
    """A ledger in a file."""
    return SqliteLedger(folder / "ledger.sqlite", clock)


def postgres(folder: Path, clock: Callable[[], datetime], request: pytest.FixtureRequest) -> Ledger:
    """A ledger on the server of the tests."""
    from services.adapters.cluster.ledger_postgres import PostgresLedger

    return PostgresLedger(request.getfixturevalue("postgres").database(), clock)


@pytest.mark.parametrize("open_", [sqlite, pytest.param(postgres, marks=pytest.mark.cluster)])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_in_a_ledger_what_was_done_last_holds_and_every_change_is_told(
    open_: Callable[..., Any], steps: tuple[timedelta, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    clock = HandClock()
    ledger: Ledger = open_(tmp_path, clock, request)
    try:
        names, cursor = [], 0
        for number, step in enumerate((timedelta(), *steps)):
            clock.now += step
            made = article(f"c{number}")
            day = (clock.now - START).days
            await ledger.record_collected(collected(made, day=day))
            await ledger.record_analyzed(analyzed(made.name, day=day))
            names.append(made.name)
            stance = ("critical", "supportive", "none")[number]
            for name in names:
                await ledger.correct(CorrectArticleRequest(name=name, stance=stance), "thư ký")
            told = await ledger.changes(cursor)
            assert {one.name for one in told.articles} == set(names)
            assert {one.analysis.stance.label for one in told.articles} == {stance}
            assert told.cursor > cursor
            cursor = told.cursor
        assert sorted([kept.name async for kept in ledger.replay()]) == sorted(names)
        await ledger.take_down(names[0], "theo yêu cầu", "chị Hoa")
        clock.now -= sum(steps, timedelta()) + YEARS
        await ledger.record_collected(collected(article("c0", "bản khác"), day=9000))
        assert await ledger.article(names[0]) is None, "what was taken down stays so"
    finally:
        await ledger.close()  # type: ignore[attr-defined]
