"""The SQLite spool keeps the clauses of `Bus`, and some of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.adapters.embedded.bus_sqlite import DEDUP_WINDOW_S, SqliteBus
from services.core.errors import Conflict, Unavailable
from tests.contracts.bus import GROUP, SUBJECT, BusContract, drain, take
from tests.contracts.bus_worker import submission


class TestSqliteBus(BusContract):
    factory = "services.adapters.embedded.bus_sqlite:SqliteBus"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "bus.sqlite")

    async def inject(self, location: str, subject: str, group: str, payload: bytes) -> None:
        with sqlite3.connect(location) as connection:
            connection.execute(
                "INSERT INTO message (subject, consumer, key, payload, set_time, due) VALUES (?, ?, 'x', ?, 0, 0)",
                (subject, group, payload),
            )
        connection.close()

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(4))
    async def test_acknowledgement_and_outputs_stand_or_fall_together(self, place: str, seed: int) -> None:
        bus, keys, acknowledged = await self.forward_and_kill(place, seed)
        done = await drain(bus, "media.recorded", "analyze")
        left = (await bus.depth())[SUBJECT, GROUP]
        await bus.close()
        assert done[: len(acknowledged)] == acknowledged
        assert len(done) + left == len(keys)


class HandClock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_is_free_again_after_the_window(tmp_path: Path) -> None:
    clock = HandClock()
    async with SqliteBus(tmp_path / "bus.sqlite", clock) as bus:
        await bus.publish(SUBJECT, submission("k"), "k")
        clock.now += DEDUP_WINDOW_S - 1
        await bus.publish(SUBJECT, submission("k"), "k")
        assert await drain(bus, SUBJECT, GROUP) == ["k"]
        clock.now += 1
        await bus.publish(SUBJECT, submission("k"), "k")
        assert await drain(bus, SUBJECT, GROUP) == ["k"]


async def test_a_clock_set_back_an_hour_delays_nothing_for_long(tmp_path: Path) -> None:
    clock = HandClock()
    async with SqliteBus(tmp_path / "bus.sqlite", clock) as bus:
        await bus.publish(SUBJECT, submission("k"), "k")
        await (await take(bus)).retry(5)
        clock.now -= 3600
        assert (await take(bus)).attempt == 2


async def test_a_late_acknowledgement_of_an_expired_lease_changes_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    async with SqliteBus(tmp_path / "bus.sqlite", clock) as bus:
        await bus.publish(SUBJECT, submission("k"), "k")
        late = await take(bus)
        clock.now += 61
        present = await take(bus)
        await late.ack()
        await late.quarantine("late")
        assert (await bus.depth())[SUBJECT, GROUP] == 1
        await present.ack()
        assert (await bus.depth())[SUBJECT, GROUP] == 0
        assert await bus.quarantined() == []


async def test_a_damaged_file_is_told_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "bus.sqlite").write_bytes(b"no database at all" * 100)
    async with SqliteBus(tmp_path / "bus.sqlite") as bus:
        with pytest.raises(Unavailable) as caught:
            await bus.publish(SUBJECT, submission("k"), "k")
    assert "bus.sqlite" in caught.value.vi
    assert "bus.sqlite" in caught.value.en


async def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "bus.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    async with SqliteBus(tmp_path / "bus.sqlite") as bus:
        with pytest.raises(Conflict):
            await bus.depth()
