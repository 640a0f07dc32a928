"""Calls of any port are counted by one decorator, which changes no answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ngoclinh.media.v1.event_pb2 import ArticleCollected

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.observed import observed
from services.core.errors import NotFound, Unavailable
from services.core.observation import Observations
from services.core.ports import Bus, Ledger

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


class Clock:
    """The present moment, a minute later every time it is asked for."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def seen() -> Observations:
    return Observations(Clock())


@pytest.fixture
async def ledger(tmp_path: Path, seen: Observations) -> AsyncIterator[Ledger]:
    store = observed(SqliteLedger(tmp_path / "ledger.sqlite"), "ledger", seen)
    yield store
    await store.close()


async def test_answers_pass_and_calls_are_counted_with_their_time(ledger: Ledger, seen: Observations) -> None:
    assert await ledger.sources() == []
    assert await ledger.article("articles/none") is None
    assert [article async for article in ledger.replay()] == []
    counts = seen.counts()
    assert (counts["ledger", "sources"].calls, counts["ledger", "article"].calls) == (1, 1)
    assert 0 < counts["ledger", "sources"].longest_s == counts["ledger", "sources"].seconds < 30
    assert ("ledger", "replay") not in counts, "nothing came"


async def test_a_domain_error_is_an_answer(ledger: Ledger, seen: Observations) -> None:
    with pytest.raises(NotFound):
        await ledger.take_down("articles/none", "", "an")
    assert (seen.counts()["ledger", "take_down"].calls, seen.counts()["ledger", "take_down"].errors) == (1, 0)
    assert seen.silent_since("ledger") is None


async def test_a_store_is_silent_since_the_first_call_without_an_answer(ledger: Ledger, seen: Observations) -> None:
    await ledger.sources()
    await ledger.close()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await ledger.sources()
    assert seen.silent_since("ledger") == NOW + timedelta(minutes=1)
    assert seen.counts()["ledger", "sources"].errors == 3
    seen.tell("ledger", "sources", 0.1, True)
    assert seen.silent_since("ledger") is None


async def test_items_of_a_stream_pass_and_the_stream_is_closed_with_it(tmp_path: Path, seen: Observations) -> None:
    bus: Bus = observed(SqliteBus(tmp_path / "bus.sqlite"), "bus", seen)
    for key in ("a", "b"):
        await bus.publish("media.recorded", ArticleCollected(), key)
    async with aclosing(bus.consume("media.recorded", "analyze")) as deliveries:  # type: ignore[type-var]
        assert [(await anext(deliveries)).key for _ in range(2)] == ["a", "b"]
    assert seen.counts()["bus", "consume"].calls == 2
    await bus.close()
