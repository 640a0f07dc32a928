"""Clauses of the port `Bus`. An adapter's test is a subclass with `factory`, `location` and `inject`."""

from __future__ import annotations

import asyncio
import pkgutil
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from google.protobuf.message import Message
from ngoclinh.land.v1.parcel_pb2 import LandValidated
from ngoclinh.media.v1.event_pb2 import SubmissionFailed

from services.core.events import EVENTS
from services.core.ports import BATCH_BYTES, SUBJECTS, TOGETHER, Bus, Delivery, Output
from tests.contracts.bus_worker import forwarded, submission
from tests.contracts.crash import run_and_kill

SUBJECT, GROUP = "media.submission", "ledger"


async def take(bus: Bus, subject: str = SUBJECT, group: str = GROUP, timeout_s: float = 10) -> Delivery:
    """The next delivery."""
    async with aclosing(bus.consume(subject, group)) as deliveries:  # type: ignore[type-var]
        return await asyncio.wait_for(anext(deliveries), timeout_s)


async def nothing_comes(bus: Bus, subject: str = SUBJECT, group: str = GROUP, within_s: float = 0.4) -> bool:
    """Does a consumer that waits a while get nothing?"""
    try:
        await take(bus, subject, group, within_s)
    except TimeoutError:
        return True
    return False


async def drain(bus: Bus, subject: str, group: str) -> list[str]:
    """Acknowledge everything until nothing is left; the keys in order."""
    keys: list[str] = []
    while (await bus.depth())[subject, group]:
        try:
            delivery = await take(bus, subject, group, 1)
        except TimeoutError:
            continue
        await delivery.ack()
        keys.append(delivery.key)
    return keys


class BusContract:
    """Every clause; `self.open()` gives further users of the same bus."""

    factory: ClassVar[str]
    """Import path of a callable (location, lease_s=60) -> Bus. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the bus of one test lies."""
        raise NotImplementedError

    async def inject(self, location: str, subject: str, group: str, payload: bytes) -> None:
        """Put bytes on the bus past `publish`."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return self.location(tmp_path)

    def open(self, place: str, **options: Any) -> Bus:
        bus: Bus = pkgutil.resolve_name(self.factory)(place, **options)
        return bus

    @pytest.fixture
    async def bus(self, place: str) -> AsyncIterator[Bus]:
        bus = self.open(place)
        yield bus
        await bus.close()

    def test_every_subject_has_a_message_type(self) -> None:
        assert EVENTS.keys() == SUBJECTS.keys()

    async def test_an_event_comes_as_it_was_published(self, bus: Bus) -> None:
        await bus.publish(SUBJECT, submission("đất đai"), "k")
        delivery = await take(bus)
        assert (delivery.subject, delivery.key, delivery.attempt) == (SUBJECT, "k", 1)
        assert delivery.event == submission("đất đai")

    @pytest.mark.parametrize(("subject", "event"), [(SUBJECT, LandValidated()), ("no.such", submission("k"))])
    async def test_a_wrong_type_or_subject_is_refused(self, bus: Bus, subject: str, event: Message) -> None:
        with pytest.raises(TypeError):
            await bus.publish(subject, event, "k")
        assert sum((await bus.depth()).values()) == 0

    async def test_published_is_durable_and_seen_by_another_user_of_the_bus(self, bus: Bus, place: str) -> None:
        await bus.publish(SUBJECT, submission("k"), "k")
        await bus.close()
        other = self.open(place)
        assert (await take(other)).key == "k"
        await other.close()

    async def test_a_waiting_consumer_of_another_user_gets_it_soon(self, bus: Bus, place: str) -> None:
        other = self.open(place)
        waiting = asyncio.create_task(take(other, timeout_s=5))
        await asyncio.sleep(0.3)
        await bus.publish(SUBJECT, submission("k"), "k")
        assert (await asyncio.wait_for(waiting, 3)).key == "k"
        await other.close()

    async def test_the_same_key_is_stored_once_per_subject(self, bus: Bus) -> None:
        for _ in range(2):
            await bus.publish(SUBJECT, submission("a"), "same")
        await bus.publish("media.recorded", EVENTS["media.recorded"](), "same")
        assert await drain(bus, SUBJECT, GROUP) == ["same"]
        await bus.publish(SUBJECT, submission("a"), "same")
        assert await nothing_comes(bus)
        assert await drain(bus, "media.recorded", "analyze") == ["same"]

    async def test_events_come_in_the_order_of_publication(self, bus: Bus) -> None:
        keys = [f"k{number}" for number in range(20)]
        for key in keys:
            await bus.publish(SUBJECT, submission(key), key)
        assert await drain(bus, SUBJECT, GROUP) == keys

    async def test_members_of_a_group_share_the_load(self, bus: Bus, place: str) -> None:
        other = self.open(place)
        for number in range(20):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        parts = await asyncio.gather(*(drain(user, SUBJECT, GROUP) for user in (bus, other, bus)))
        assert sorted(key for part in parts for key in part) == sorted(map(str, range(20)))
        assert sum(bool(part) for part in parts) > 1
        await other.close()

    async def test_unacknowledged_events_come_again_after_the_lease(self, place: str) -> None:
        bus = self.open(place, lease_s=1)
        await bus.publish(SUBJECT, submission("k"), "k")
        first = await take(bus)
        assert await nothing_comes(bus)
        second = await take(bus)
        assert (first.attempt, second.attempt) == (1, 2)
        await second.ack()
        assert (await bus.depth())[SUBJECT, GROUP] == 0
        await bus.close()

    async def test_retry_comes_again_after_the_delay(self, bus: Bus) -> None:
        await bus.publish(SUBJECT, submission("k"), "k")
        await (await take(bus)).retry(0.8)
        assert await nothing_comes(bus)
        assert (await take(bus)).attempt == 2

    async def test_a_retry_that_does_not_count_comes_with_the_same_number(self, bus: Bus, place: str) -> None:
        await bus.publish(SUBJECT, submission("a"), "a")
        numbers = []
        for counted in (True, False, False, True, False):
            delivery = await take(bus)
            numbers.append(delivery.attempt)
            await delivery.retry(0, counted)
        other = self.open(place)
        numbers.append((await take(other)).attempt)
        await other.close()
        assert numbers == [1, 2, 2, 2, 3, 3]

    async def test_what_waits_comes_together_in_order(self, bus: Bus) -> None:
        for number in range(7):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        first, second = await self.batches(bus, 5, 2)
        assert [each.key for each in first] == list("01234")
        assert [each.key for each in second] == list("56"), "nobody waits for a batch to fill"
        assert {each.attempt for each in first} == {1}
        await bus.acknowledge([(each, []) for each in (*first, *second)])
        assert (await bus.depth())[SUBJECT, GROUP] == 0

    async def test_a_batch_is_no_larger_than_its_bytes(self, bus: Bus) -> None:
        url = "x" * (BATCH_BYTES // 10)
        for number in range(12):
            await bus.publish(SUBJECT, SubmissionFailed(submission=str(number), url=url), str(number))
        first, second = await self.batches(bus, 100, 2)
        assert 5 <= len(first) <= 10
        assert len(first) + len(second) == 12

    async def test_acknowledged_together_each_publishes_its_outputs_once(self, bus: Bus) -> None:
        for number in range(3):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        (batch,) = await self.batches(bus, 10, 1)
        done = [(each, [forwarded(each.key)]) for each in batch]
        await bus.acknowledge(done)
        await bus.acknowledge(done)
        await bus.acknowledge([])
        assert (await bus.depth())[SUBJECT, GROUP] == 0
        assert sorted(await drain(bus, "media.recorded", "analyze")) == ["0", "1", "2"]

    async def test_what_came_often_comes_alone(self, bus: Bus) -> None:
        for number in range(3):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        for _ in range(TOGETHER):
            (batch,) = await self.batches(bus, 3, 1)
            assert len(batch) == 3
            for delivery in batch:
                await delivery.retry(0)
        alone = await self.batches(bus, 3, 3)
        assert [len(batch) for batch in alone] == [1, 1, 1]
        assert {batch[0].attempt for batch in alone} == {TOGETHER + 1}

    async def batches(self, bus: Bus, most: int, count: int) -> list[Sequence[Delivery]]:
        """So many batches."""
        found: list[Sequence[Delivery]] = []
        async with asyncio.timeout(60), aclosing(bus.batches(SUBJECT, GROUP, most)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                found.append(batch)
                if len(found) == count:
                    break
        return found

    async def test_depth_counts_what_is_not_acknowledged(self, bus: Bus) -> None:
        assert set(await bus.depth()) == {(subject, group) for subject, groups in SUBJECTS.items() for group in groups}
        for number in range(4):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        await (await take(bus)).ack()
        await (await take(bus)).quarantine("bad")
        held = await take(bus)
        assert (await bus.depth())[SUBJECT, GROUP] == 2
        await held.ack()
        assert (await bus.depth())[SUBJECT, GROUP] == 1

    async def test_ack_publishes_outputs_once(self, bus: Bus) -> None:
        for key in ("a", "b"):
            await bus.publish(SUBJECT, submission(key), key)
        for _ in range(2):
            output = Output("media.recorded", EVENTS["media.recorded"](), "out")
            await (await take(bus)).ack([output, Output("media.submission", submission("c"), "c")])
        assert await drain(bus, "media.recorded", "analyze") == ["out"]
        assert await drain(bus, SUBJECT, GROUP) == ["c"]

    async def test_an_output_of_a_wrong_type_leaves_the_event_unacknowledged(self, bus: Bus) -> None:
        await bus.publish(SUBJECT, submission("a"), "a")
        with pytest.raises(TypeError):
            await (await take(bus)).ack([Output("media.recorded", submission("a"), "out")])
        assert (await bus.depth())[SUBJECT, GROUP] == 1

    async def test_quarantine_keeps_payload_and_reason_until_release_or_purge(self, bus: Bus, place: str) -> None:
        for key in ("a", "b"):
            await bus.publish(SUBJECT, submission(key), key)
            await (await take(bus)).quarantine(f"lý do {key}")
        assert await nothing_comes(bus)
        other = self.open(place)
        first, second = await other.quarantined()
        await other.close()
        assert (first.subject, first.group, first.key, first.reason, first.attempts) == (
            SUBJECT, GROUP, "a", "lý do a", 1
        )  # fmt: skip
        assert first.payload == submission("a").SerializeToString(deterministic=True)
        assert first.quarantine_time <= second.quarantine_time
        assert await bus.release([first.id, "999999"]) == 1
        released = await take(bus)
        assert (released.key, released.attempt) == ("a", 1)
        assert await bus.purge([second.id, first.id]) == 1
        assert await bus.quarantined() == []

    async def test_undecodable_bytes_are_quarantined_at_once_and_the_queue_moves_on(self, bus: Bus, place: str) -> None:
        await bus.depth()
        await self.inject(place, SUBJECT, GROUP, b"\xff\xff\xff")
        await bus.publish(SUBJECT, submission("k"), "k")
        assert (await take(bus)).key == "k"
        (bad,) = await bus.quarantined()
        assert (bad.payload, bad.subject, bad.attempts) == (b"\xff\xff\xff", SUBJECT, 1)
        assert "undecodable" in bad.reason

    async def test_a_cancelled_consumer_takes_nothing_with_it(self, bus: Bus) -> None:
        for number in range(30):
            await bus.publish(SUBJECT, submission(str(number)), str(number))
        for number in range(40):
            taking = asyncio.create_task(take(bus))
            await asyncio.sleep(number / 10_000)
            taking.cancel()
            done = (await asyncio.gather(taking, return_exceptions=True))[0]
            if not isinstance(done, BaseException):
                await done.retry(0)
        async with asyncio.timeout(60):
            assert sorted(await drain(bus, SUBJECT, GROUP)) == sorted(map(str, range(30)))

    async def test_closing_ends_consumers(self, bus: Bus) -> None:
        async def consume() -> int:
            return len([delivery async for delivery in bus.consume(SUBJECT, GROUP)])

        waiting = asyncio.create_task(consume())
        await asyncio.sleep(0.2)
        await bus.close()
        assert await asyncio.wait_for(waiting, 30) == 0
        assert await asyncio.wait_for(consume(), 30) == 0

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(4))
    async def test_nothing_acknowledged_is_lost_when_a_publisher_is_killed(self, place: str, seed: int) -> None:
        rng = random.Random(seed)
        acknowledged = run_and_kill(
            "tests.contracts.bus_worker", self.factory, place, "publish", after=rng.randint(5, 40), rng=rng
        )
        bus = self.open(place)
        stored = await drain(bus, SUBJECT, GROUP)
        await bus.close()
        assert stored[: len(acknowledged)] == acknowledged
        assert len(stored) <= len(acknowledged) + 1, "at most the event in flight is stored besides"

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(4))
    async def test_each_event_is_forwarded_once_when_a_consumer_is_killed(self, place: str, seed: int) -> None:
        bus, keys, acknowledged = await self.forward_and_kill(place, seed)
        while (await bus.depth())[SUBJECT, GROUP]:
            delivery = await take(bus)
            await delivery.ack([forwarded(delivery.key)])
        done = await drain(bus, "media.recorded", "analyze")
        await bus.close()
        assert done[: len(acknowledged)] == acknowledged
        assert sorted(done) == sorted(keys)

    async def forward_and_kill(self, place: str, seed: int) -> tuple[Bus, list[str], list[str]]:
        """A bus whose consumer was killed at work, the published keys, and those whose acknowledgement was told."""
        rng = random.Random(seed)
        bus = self.open(place, lease_s=1)
        keys = [f"k{number}" for number in range(50)]
        for key in keys:
            await bus.publish(SUBJECT, submission(key), key)
        await bus.close()
        acknowledged = run_and_kill(
            "tests.contracts.bus_worker", self.factory, place, "forward", after=rng.randint(5, 30), rng=rng
        )
        return self.open(place, lease_s=1), keys, acknowledged
