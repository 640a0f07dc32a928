"""The bus while its NATS server is killed, stopped, started again, or was never there."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from ngoclinh.media.v1.event_pb2 import SubmissionFailed

from services.adapters.cluster.bus_nats import NatsBus
from services.adapters.cluster.nats_link import PATIENCE_S
from services.core.errors import Unavailable
from services.core.ports import Output
from services.core.sections.stores import NatsSettings
from services.core.worker import run_worker
from tests.contracts.bus import GROUP, SUBJECT, drain, nothing_comes, take
from tests.contracts.bus_worker import forwarded, submission
from tests.contracts.nats_places import new_place, open_bus
from tests.engines import Nats
from tests.engines.base import free_port
from tests.engines.fixtures import started

pytestmark = pytest.mark.cluster

BOUND_S = PATIENCE_S + 3
"""Seconds within which a call must have ended, on a busy machine."""


@pytest.fixture
def server() -> Iterator[Nats]:
    """A server that one test may do harm to."""
    yield from started(Nats)  # type: ignore[misc]


@pytest.fixture
async def bus(server: Nats) -> AsyncIterator[NatsBus]:
    async with open_bus(new_place(server), lease_s=2) as bus:
        yield bus


async def unavailable(bus: NatsBus, key: str = "k") -> Unavailable:
    """What a publisher is told, within the bound."""
    start = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await bus.publish(SUBJECT, submission(key), key)
    assert time.monotonic() - start < BOUND_S
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    server: Nats, bus: NatsBus, seed: int
) -> None:
    rng = random.Random(seed)
    acknowledged: list[str] = []
    done = asyncio.Event()

    async def publish() -> None:
        while not done.is_set():
            key = f"k{len(acknowledged)}"
            try:
                await bus.publish(SUBJECT, submission(key), key)
            except Unavailable:
                continue
            acknowledged.append(key)

    async def handle(event: SubmissionFailed) -> Sequence[Output]:
        return [forwarded(event.submission)]

    publisher = asyncio.create_task(publish())
    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, handle))
    for _ in range(3):
        more = len(acknowledged) + rng.randint(10, 200)
        while len(acknowledged) < more:  # noqa: ASYNC110
            await asyncio.sleep(rng.uniform(0, 0.01))
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(rng.uniform(0, 0.5))
        await asyncio.to_thread(server.start)
    done.set()
    await publisher
    async with asyncio.timeout(60):
        while (await bus.depth())[SUBJECT, GROUP]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    worker.cancel()
    assert sorted(await drain(bus, "media.recorded", "analyze")) == sorted(acknowledged)


async def test_a_key_is_still_known_after_a_restart_although_its_event_was_acknowledged(
    server: Nats, bus: NatsBus
) -> None:
    await bus.publish(SUBJECT, submission("k"), "k")
    assert await drain(bus, SUBJECT, GROUP) == ["k"]
    server.kill()
    server.start()
    await bus.publish(SUBJECT, submission("k"), "k")
    await bus.publish(SUBJECT, submission("new"), "new")
    assert set(await drain(bus, SUBJECT, GROUP)) - {"k"} == {"new"}
    stored = await bus.engine()
    assert any("2 events" in en for _, en in stored.notes)


async def test_a_consumer_goes_on_by_itself_after_an_outage_in_which_a_publisher_is_told(
    server: Nats, bus: NatsBus
) -> None:
    deliveries = bus.consume(SUBJECT, GROUP)
    waiting = asyncio.ensure_future(anext(deliveries))
    await asyncio.sleep(0.3)
    server.kill()
    error = await unavailable(bus)
    assert f"nats://127.0.0.1:{server.port}" in error.vi
    assert f"nats://127.0.0.1:{server.port}" in error.en
    assert not waiting.done()
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(60):
        await bus.publish(SUBJECT, submission("later"), "later")
        delivery = await waiting
        while delivery.key != "later":  # the one that failed may have been stored all the same
            await delivery.ack()
            delivery = await anext(deliveries)
    await delivery.ack()


async def test_a_short_outage_is_not_noticed_by_a_publisher(server: Nats, bus: NatsBus) -> None:
    await bus.depth()
    server.kill()
    publishing = asyncio.create_task(bus.publish(SUBJECT, submission("k"), "k"))
    await asyncio.to_thread(server.start)
    await publishing
    assert (await take(bus)).key == "k"


async def test_a_server_that_stands_still_is_told_and_goes_on_without_doubles(server: Nats, bus: NatsBus) -> None:
    waiting = asyncio.create_task(take(bus, timeout_s=60))
    await asyncio.sleep(0.3)
    server.pause()
    try:
        await unavailable(bus)
    finally:
        server.resume()
    await bus.publish(SUBJECT, submission("k"), "k")
    delivery = await waiting
    assert delivery.key == "k"
    await delivery.ack()
    assert await nothing_comes(bus)


async def test_a_server_that_comes_back_empty_gets_its_streams_again(server: Nats, bus: NatsBus) -> None:
    waiting = asyncio.create_task(take(bus, timeout_s=60))
    await asyncio.sleep(0.3)
    server.kill()
    shutil.rmtree(server.folder / "data")
    server.start()
    await bus.publish(SUBJECT, submission("k"), "k")
    assert (await waiting).key == "k"


async def test_a_worker_can_be_ended_while_the_server_is_away(server: Nats, bus: NatsBus) -> None:
    begun = asyncio.Event()

    async def handle(_: SubmissionFailed) -> Sequence[Output]:
        begun.set()
        await asyncio.sleep(60)
        return []

    await bus.publish(SUBJECT, submission("k"), "k")
    worker = asyncio.create_task(run_worker(bus, SUBJECT, GROUP, handle))
    await asyncio.wait_for(begun.wait(), 10)
    server.kill()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(worker, BOUND_S)
    await asyncio.wait_for(bus.close(), BOUND_S)


async def test_an_unreachable_server_is_told_in_both_languages_without_the_password() -> None:
    port = free_port()
    settings = NatsSettings(urls=[f"nats://office:secret@127.0.0.1:{port}"])
    async with NatsBus(settings) as bus:
        error = await unavailable(bus)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(anext(bus.consume(SUBJECT, GROUP)), BOUND_S)
    for text in (error.vi, error.en):
        assert f"nats://127.0.0.1:{port}" in text
        assert "secret" not in text
    assert "không trả lời" in error.vi
    assert "does not answer" in error.en


async def test_a_server_that_is_started_later_is_found(server: Nats) -> None:
    server.kill()
    async with open_bus(new_place(server)) as bus:
        await unavailable(bus)
        server.start()
        await bus.publish(SUBJECT, submission("k"), "k")
        assert (await take(bus)).key == "k"
