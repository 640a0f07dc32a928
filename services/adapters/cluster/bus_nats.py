"""The bus as NATS JetStream: any number of processes on any number of machines share it.

What `publish` and `ack` have returned is on the server's disk, provided that the server syncs every write
(`sync_interval: always`). Every request may be sent twice, where an answer was lost: keys make that harmless. An event
that is released from quarantine is published again, for its group alone.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import NotFoundError

from services.adapters.cluster.nats_link import ATTEMPT_S, PAUSE_S, Link, NatsLink, itself
from services.adapters.cluster.nats_member import ACK, NAK, Member
from services.adapters.cluster.nats_quarantine import Quarantine, key_of
from services.adapters.cluster.nats_state import state
from services.adapters.cluster.nats_streams import KEY, MSG_ID, Layout, consumers, places, prepare, sweep
from services.core import events
from services.core.errors import TooLarge, Unavailable
from services.core.ports import BATCH_BYTES, SUBJECTS, TOGETHER, Delivery, EngineState, Output, Quarantined
from services.core.sections.stores import NatsSettings

LEASE_S = 60.0
"""Seconds after which an event that was not ended comes again."""
SWEEP_S = 1800.0
"""Seconds between two cleanings."""
HEADERS_MAX = 16_384
"""Bytes of a message that are kept for its headers; the rest of the server's `max_payload` is for the event."""
SETTLE_S = 0.5
"""Longest wait in seconds until the server has counted what this process published."""

SIDE_BY_SIDE = 32
"""Requests of one batch that are under way at the same time."""

_SAFE = "/:"


class NatsBus:
    """The port `Bus` over a NATS server or cluster. Nothing is connected before the first use.

    Args:
        settings: addresses, credentials, prefix, replicas.
        lease_s: seconds of a lease; the same in all processes.

    Raises:
        InvalidField: a file that the settings name cannot be read.
    """

    def __init__(self, settings: NatsSettings, lease_s: float = LEASE_S) -> None:
        self._layout = Layout(settings.prefix, settings.replicas, lease_s)
        self._link = NatsLink(settings, self._prepare, self._wake)
        self._quarantine = Quarantine(self._link, self._layout)
        self._monitoring_url = settings.monitoring_url
        self._members: set[Member] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._stored: dict[tuple[str, str], int] = {}
        self._next_sweep = 0.0

    async def __aenter__(self) -> NatsBus:
        """Nothing to do: the server is reached at the first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()

    async def publish(self, subject: str, event: Message, key: str) -> None:
        """Store an event durably; the same (subject, key) within 24 h is stored once.

        Raises:
            Unavailable: the server did not say that it is stored; publish again.
            TooLarge: the server takes no message of this size.
        """
        await self.store(subject, events.encode(subject, event), key)

    async def consume(self, subject: str, group: str) -> AsyncGenerator[Delivery, None]:
        """Deliveries for one member of a group until the bus is closed; it waits where the connection is lost.

        Raises:
            Unavailable: the server cannot be reached at the beginning.
        """
        async with aclosing(self.batches(subject, group, 1)) as batches:
            async for (delivery,) in batches:
                yield delivery

    async def batches(self, subject: str, group: str, most: int) -> AsyncGenerator[Sequence[Delivery], None]:
        """What waits at a moment, for one member of a group, until the bus is closed; else as `consume`.

        Raises:
            Unavailable: the server cannot be reached at the beginning.
        """
        if group not in SUBJECTS[subject]:
            raise ValueError(f"{group} is no group of {subject}")
        if self._link.closed:
            return
        member, link = None, await self._begin()
        try:
            while link is not None:
                if member is None or member.link is not link:
                    self._part(member)
                    member = Member(link, self._layout.events, self._layout.consumer(subject, group))
                    self._members.add(member)
                self._sweep()
                batch = await self._next(member, subject, group, most)
                if batch:
                    yield batch
                link = await self._link.wait()
        finally:
            self._part(member)

    async def acknowledge(self, done: Sequence[tuple[Delivery, Sequence[Output]]]) -> None:
        """Store the outputs of deliveries, then end these; some at a time, for the server syncs each."""
        for start in range(0, len(done), SIDE_BY_SIDE):
            chosen = done[start : start + SIDE_BY_SIDE]
            encoded = [
                (output.subject, events.encode(output.subject, output.event), output.key)
                for _, outputs in chosen
                for output in outputs
            ]
            await _all(self.store(*output) for output in encoded)
            await _all(self.end(cast(_NatsDelivery, delivery).message, ACK) for delivery, _ in chosen)

    async def depth(self) -> Mapping[tuple[str, str], int]:
        """Events not yet acknowledged, for every subject and group; quarantined ones are not counted."""
        end = time.monotonic() + SETTLE_S
        while True:
            known = await self._link.call(lambda link: consumers(link.jetstream, self._layout))
            behind = (
                not info.num_pending and info.delivered and info.delivered.stream_seq < self._stored.get(place, 0)
                for place, info in known.items()
            )
            if not any(behind) or time.monotonic() > end:
                break
            await asyncio.sleep(0.005)  # the server counts a moment after it has stored
        counted = {place: (info.num_pending or 0) + (info.num_ack_pending or 0) for place, info in known.items()}
        return {place: counted.get(place, 0) for place in places()}

    async def quarantined(self) -> list[Quarantined]:
        """Events set aside, oldest first."""
        return [found async for found in self._quarantine.all()]

    async def release(self, ids: Sequence[str]) -> int:
        """Deliver quarantined events again from attempt 1; returns how many there were."""
        count = 0
        for id_ in ids:
            found = await self._quarantine.get(id_)
            if found is not None:
                release = f"released:{id_}@{found.quarantine_time.timestamp():.6f}"  # its first one is still known
                headers = {MSG_ID: release, KEY: quote(found.key)}
                await self._store((found.subject, found.group), found.payload, headers)
                count += await self._quarantine.forget(id_)
        return count

    async def purge(self, ids: Sequence[str]) -> int:
        """Forget quarantined events; returns how many there were."""
        return sum([await self._quarantine.forget(id_) for id_ in ids])

    async def engine(self) -> EngineState:
        """How the server is: its release, the bytes of our streams, what endangers them.

        Raises:
            Unavailable: it does not answer.
        """
        return await self._link.call(lambda link: state(link, self._layout, self._link.address, self._monitoring_url))

    async def close(self) -> None:
        """End all consumers and close the connection."""
        self._link.stop()
        self._wake()
        for member in list(self._members):
            self._part(member)
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._link.close()

    async def store(self, subject: str, payload: bytes, key: str) -> None:
        """Publish the bytes of an event."""
        for group in SUBJECTS[subject]:
            await self._store((subject, group), payload, {MSG_ID: f"{subject}/{group}:{quote(key, safe=_SAFE)}"})

    async def end(self, message: Msg, how: bytes) -> None:
        """Tell the server what became of a message, and wait until it has understood."""
        await self._link.call(lambda link: link.client.request(message.reply, how, timeout=ATTEMPT_S))

    async def discount(self, message: Msg, attempt: int) -> None:
        """Keep that this delivery does not count, so that the next one has the number `attempt` too."""
        told = message.metadata
        subject, payload = self._layout.uncounted_subject(told.sequence.stream), str(told.num_delivered + 1 - attempt)
        await self._link.call(lambda link: link.jetstream.publish(subject, payload.encode()))

    async def set_aside(self, message: Msg, place: tuple[str, str], reason: str) -> None:
        """Move a message to the quarantine; if this breaks off in between, the message comes again as well."""
        await self._quarantine.put(message, place, reason)
        await self.end(message, ACK)

    async def _prepare(self, jetstream: JetStreamContext) -> None:
        self._stored.clear()  # the numbers may be those of a stream that is gone
        await prepare(jetstream, self._layout)

    async def _begin(self) -> Link | None:
        """The connection; None where the bus is closed meanwhile."""
        try:
            return await self._link.call(itself)
        except Unavailable:
            if self._link.closed:
                return None
            raise

    async def _next(self, member: Member, subject: str, group: str, most: int) -> list[Delivery]:
        """The next batch; empty where there is nothing yet."""
        try:
            message = await member.next()
        except (LookupError, Error) as error:
            if isinstance(error, LookupError):
                self._link.forget()
            await asyncio.sleep(PAUSE_S)
            return []
        hand = [] if message is None else [message]
        try:
            first = [each for each in [await self._delivery(one, subject, group) for one in hand] if each is not None]
            room = BATCH_BYTES - sum(len(each.message.data) for each in first)
            if most == 1 or room <= 0 or not first or first[0].attempt > TOGETHER:
                return list(first)
            with suppress(Error):
                hand += await member.more(most - 1, room)
            others = [await self._delivery(one, subject, group) for one in hand[1:]]
        except BaseException:
            member.put_back(hand)
            raise
        member.put_back(each.message for each in others if each is not None and each.attempt > TOGETHER)
        return [*first, *(each for each in others if each is not None and each.attempt <= TOGETHER)]

    async def _delivery(self, message: Msg, subject: str, group: str) -> _NatsDelivery | None:
        """A message in hand; an undecodable one is set aside at once."""
        event = events.decode(subject, message.data)
        if event is None:
            with suppress(Unavailable):  # it comes again
                await self.set_aside(message, (subject, group), "undecodable")
            return None
        told = message.metadata
        uncounted = await self._uncounted(told.sequence.stream) if told.num_delivered > 1 else 0
        return _NatsDelivery(self, message, subject, group, event, max(1, told.num_delivered - uncounted))

    async def _uncounted(self, sequence: int) -> int:
        """How many deliveries of an event do not count; without an answer all of them do."""
        stream, subject = self._layout.uncounted, self._layout.uncounted_subject(sequence)
        asking = asyncio.create_task(self._link.call(lambda link: link.jetstream.get_last_msg(stream, subject)))
        await asyncio.wait({asking})  # in a task of its own: the client swallows some cancellations
        with suppress(NotFoundError, Unavailable, ValueError):
            return int(asking.result().data or b"0")
        return 0

    async def _store(self, place: tuple[str, str], payload: bytes, headers: dict[str, str]) -> None:
        subject = self._layout.event_subject(*place)

        async def send(link: Link) -> PubAck:
            most = link.client.max_payload - HEADERS_MAX
            if len(payload) > most:
                raise TooLarge(
                    f"Sự kiện dài {len(payload)} byte; NATS chỉ nhận đến {most} byte (max_payload của máy chủ).",
                    f"An event of {len(payload)} bytes; NATS takes up to {most} (max_payload of the server).",
                )
            return await link.jetstream.publish(subject, payload, headers=headers)

        stored = await self._link.call(send)
        self._stored[place] = max(self._stored.get(place, 0), stored.seq)

    def _part(self, member: Member | None) -> None:
        """Let a member leave beside its task: who is cancelled while he waits here would lose the event he holds."""
        if member in self._members:
            self._members.discard(member)
            self._run_beside(member.leave())

    def _sweep(self) -> None:
        """Remove old events now and then."""

        async def work() -> None:
            with suppress(Unavailable):
                await self._link.call(lambda link: sweep(link.jetstream, self._layout))

        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_S
            self._run_beside(work())

    def _run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _wake(self) -> None:
        for member in self._members:
            member.wake()


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them; then the first error, if any."""
    for error in await asyncio.gather(*work, return_exceptions=True):
        if error is not None:
            raise error


@dataclass(frozen=True)
class _NatsDelivery:
    """One message of a consumer."""

    bus: NatsBus
    message: Msg
    subject: str
    group: str
    event: Message
    attempt: int

    @property
    def key(self) -> str:
        return key_of(self.message)

    async def ack(self, outputs: Sequence[Output] = ()) -> None:
        await self.bus.acknowledge([(self, outputs)])

    async def retry(self, delay_s: float, counted: bool = True) -> None:
        if not counted:
            await self.bus.discount(self.message, self.attempt)
        how = NAK + b" " + json.dumps({"delay": int(delay_s * 1e9)}).encode() if delay_s > 0 else NAK
        await self.bus.end(self.message, how)

    async def quarantine(self, reason: str) -> None:
        await self.bus.set_aside(self.message, (self.subject, self.group), reason)
