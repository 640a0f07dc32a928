"""Streams and consumers of the bus on a real NATS server: how they come to be, what they keep, what they refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import nats as client
import pytest
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from ngoclinh.media.v1.event_pb2 import ArticleCollected, SubmissionFailed

from services.adapters.cluster.bus_nats import HEADERS_MAX, NatsBus
from services.adapters.cluster.nats_quarantine import REASON_MAX
from services.adapters.cluster.nats_state import UNSAFE, Told
from services.adapters.cluster.nats_streams import DEDUP_WINDOW_S, KEEP_S, Layout, sweep
from services.core.errors import TooLarge, Unavailable
from services.core.ports import HasEngine, Output
from services.core.sections.stores import NatsSettings
from services.core.worker import run_worker
from tests.contracts.bus import GROUP, SUBJECT, drain, nothing_comes, take
from tests.contracts.bus_worker import submission
from tests.contracts.nats_places import new_place, open_bus, settings_of
from tests.engines import Nats
from tests.engines.base import free_port
from tests.engines.fixtures import started

pytestmark = pytest.mark.cluster


@dataclass
class Place:
    """An empty bus, and a client of its server beside it."""

    bus: NatsBus
    name: str
    layout: Layout
    jetstream: JetStreamContext


@pytest.fixture
async def place(nats: Nats) -> AsyncIterator[Place]:
    name = new_place(nats)
    async with await client.connect(nats.url) as connection, open_bus(name) as bus:
        yield Place(bus, name, Layout(settings_of(name).prefix, 1, 60), connection.jetstream())


async def test_streams_of_an_older_release_are_brought_up_to_date_with_what_they_hold(place: Place) -> None:
    layout = place.layout
    subject = layout.event_subject(SUBJECT, GROUP)
    await place.jetstream.add_stream(StreamConfig(name=layout.events, subjects=[subject], duplicate_window=120))
    await place.jetstream.add_consumer(
        layout.events,
        durable_name=layout.consumer(SUBJECT, GROUP),
        ack_policy="explicit",
        filter_subject=subject,
        max_ack_pending=10,
        ack_wait=5,
    )
    await place.jetstream.publish(subject, submission("old").SerializeToString())
    assert (await take(place.bus)).event == submission("old")
    stream = (await place.jetstream.stream_info(layout.events)).config
    assert (stream.duplicate_window, stream.subjects) == (DEDUP_WINDOW_S, [f"{layout.prefix}.events.>"])
    consumer = (await place.jetstream.consumer_info(layout.events, layout.consumer(SUBJECT, GROUP))).config
    assert (consumer.ack_wait, consumer.max_ack_pending, consumer.max_deliver) == (60, -1, -1)


async def test_many_users_may_make_the_streams_at_once(place: Place) -> None:
    users = [open_bus(place.name) for _ in range(6)]
    await asyncio.gather(*(user.publish(SUBJECT, submission("k"), "k") for user in users))
    assert await drain(place.bus, SUBJECT, GROUP) == ["k"]
    await asyncio.gather(*(user.close() for user in users))


async def test_what_waits_outlives_every_sweep_and_what_is_done_only_the_young_ones(place: Place) -> None:
    for key in ("done", "waits", "done later"):
        await place.bus.publish(SUBJECT, submission(key), key)
    first, waits, last = [await take(place.bus) for _ in range(3)]
    await first.ack()
    await last.ack()
    stored = lambda: place.jetstream.stream_info(place.layout.events)  # noqa: E731
    await sweep(place.jetstream, place.layout, KEEP_S)
    assert (await stored()).state.messages == 3
    await sweep(place.jetstream, place.layout, keep_s=0)
    assert (await stored()).state.messages == 2, "what lies behind one that waits stays with it"
    assert (await place.bus.depth())[SUBJECT, GROUP] == 1
    await waits.ack()
    await sweep(place.jetstream, place.layout, keep_s=0)
    assert (await stored()).state.messages == 0


async def test_an_event_beyond_the_limit_of_the_server_is_refused_before_it_is_sent(place: Place) -> None:
    with pytest.raises(TooLarge) as caught:
        await place.bus.publish(SUBJECT, submission("x" * (8 << 20)), "k")
    assert "max_payload" in caught.value.vi
    assert "max_payload" in caught.value.en


async def test_the_largest_event_finds_room_in_the_quarantine_with_its_reason(place: Place) -> None:
    most = (8 << 20) - HEADERS_MAX
    event = SubmissionFailed(submission="x" * (most - 5))
    assert event.ByteSize() == most
    await place.bus.publish(SUBJECT, event, "k")
    await (await take(place.bus)).quarantine("\N{FIRE}" * 10_000)
    (kept,) = await place.bus.quarantined()
    assert kept.payload == event.SerializeToString(deterministic=True)
    assert kept.reason == "\N{FIRE}" * REASON_MAX
    assert await place.bus.release([kept.id]) == 1
    assert (await take(place.bus)).event == event


async def test_an_output_that_the_server_never_takes_sets_its_event_aside(place: Place) -> None:
    async def handle(_: Any) -> Sequence[Output]:
        return [Output("media.recorded", ArticleCollected(submission="x" * (8 << 20)), "k")]

    await place.bus.publish(SUBJECT, submission("k"), "k")
    worker = asyncio.create_task(run_worker(place.bus, SUBJECT, GROUP, handle))
    async with asyncio.timeout(60):
        while not (found := await place.bus.quarantined()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert "TOO_LARGE" in found[0].reason
    assert not worker.done()
    worker.cancel()


@pytest.mark.parametrize("key", ["sources/báo-đất:1.5", " a\r\nNats-Msg-Id: b ", "k/ế%20"])
async def test_any_key_comes_back_as_it_was(place: Place, key: str) -> None:
    for _ in range(2):
        await place.bus.publish(SUBJECT, submission("a"), key)
    delivery = await take(place.bus)
    assert delivery.key == key
    await delivery.quarantine("a\r\nb: ế ")
    (kept,) = await place.bus.quarantined()
    assert (kept.key, kept.reason) == (key, "a\r\nb: ế ")
    assert await nothing_comes(place.bus)


async def test_a_released_event_comes_to_its_own_group_once_however_often_it_is_released(place: Place) -> None:
    await place.bus.publish(SUBJECT, submission("a"), "a")
    await (await take(place.bus)).quarantine("bad")
    (kept,) = await place.bus.quarantined()
    async with open_bus(place.name) as other:
        counts = await asyncio.gather(*(bus.release([kept.id, "-1", "x", "0"]) for bus in (place.bus, other)))
    assert sum(counts) == 1
    assert await drain(place.bus, SUBJECT, GROUP) == ["a"]


async def test_the_server_tells_its_release_and_what_lies_there(place: Place) -> None:
    await place.bus.publish(SUBJECT, submission("a"), "a")
    assert isinstance(place.bus, HasEngine)
    state = await place.bus.engine()
    assert tuple(map(int, state.versions["nats-server"].split("."))) >= (2, 10, 0)
    assert state.size_bytes > 0
    assert state.problems == []
    assert any("sync_interval: always" in en for _, en in state.notes)


@pytest.mark.parametrize(("sync", "told"), [("always", []), ("2m", [UNSAFE])])
async def test_a_server_that_does_not_sync_every_write_is_told_where_its_monitoring_is_known(
    sync: str, told: list[Told]
) -> None:
    for server in started(Nats):
        port, file = free_port(), server.folder / "nats.conf"
        server.kill()
        file.write_text(
            f"{file.read_text().replace('sync_interval: always', f'sync_interval: {sync}')}http: 127.0.0.1:{port}\n"
        )
        server.start()
        settings = settings_of(new_place(server)).model_copy(update={"monitoring_url": f"http://127.0.0.1:{port}/"})
        async with NatsBus(settings) as bus:
            assert (await bus.engine()).problems == told
        async with NatsBus(settings.model_copy(update={"monitoring_url": f"http://127.0.0.1:{free_port()}"})) as bus:
            ((_, en),) = (await bus.engine()).problems
        assert "does not answer" in en


async def test_more_copies_than_there_are_servers_is_told_in_the_words_of_the_server(nats: Nats) -> None:
    settings = settings_of(new_place(nats)).model_copy(update={"replicas": 3})
    async with NatsBus(settings) as bus:
        with pytest.raises(Unavailable, match="replicas > 1 not supported in non-clustered mode"):
            await bus.depth()


async def test_a_server_of_an_older_release_is_told_in_both_languages() -> None:
    greeting = {"server_id": "old", "version": "2.9.10", "max_payload": 1 << 20, "headers": True, "jetstream": True}

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"INFO {json.dumps(greeting)}\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    old = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with old, NatsBus(NatsSettings(urls=[f"nats://127.0.0.1:{old.sockets[0].getsockname()[1]}"])) as bus:
        with pytest.raises(Unavailable) as refused:
            await bus.depth()
    assert "là bản 2.9; cần bản 2.10 trở lên" in refused.value.vi
    assert "is release 2.9; 2.10 or newer is needed" in refused.value.en
