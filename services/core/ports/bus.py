"""The port `Bus`: events between services, and who consumes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "media.collected": ("ledger",),
    "media.withdrawn": ("ledger",),
    "media.recorded": ("analyze",),
    "media.analyzed": ("index",),
    "media.indexed": ("alerts",),
    "alert.raised": ("notify",),
    "media.submission": ("ledger",),
    "source.state": ("ledger",),
    "source.command": ("crawler",),
    "source.checked": ("ledger",),
    "land.validated": ("situation",),
}
"""Every subject and the groups that consume it: a group gets each event once, its members share the load."""


@dataclass(frozen=True)
class Output:
    """An event to publish together with an acknowledgement."""

    subject: str
    event: Message
    key: str


TOGETHER = 4
"""Deliveries of an event that may come in a batch with others; after these it comes alone, lest it take them with it."""
BATCH_BYTES = 8 * 2**20
"""Bytes of the events of a batch, about; a larger event comes alone."""


@dataclass(frozen=True)
class Quarantined:
    """An event that was set aside, with the reason."""

    id: str
    subject: str
    group: str
    key: str
    reason: str
    attempts: int
    quarantine_time: datetime
    payload: bytes


class Delivery(Protocol):
    """One event in the hands of one consumer; exactly one of `ack`, `retry`, `quarantine` ends it."""

    @property
    def subject(self) -> str:
        """Subject of the event."""
        ...

    @property
    def event(self) -> Message:
        """The event."""
        ...

    @property
    def key(self) -> str:
        """The key that it was published under."""
        ...

    @property
    def attempt(self) -> int:
        """Number of this delivery, from 1."""
        ...

    async def ack(self, outputs: Sequence[Output] = ()) -> None:
        """Done: publish `outputs` and forget the event, in one step where the engine can."""
        ...

    async def retry(self, delay_s: float, counted: bool = True) -> None:
        """The cause may pass: deliver again after `delay_s` seconds; not `counted`, it has the number of this one then."""
        ...

    async def quarantine(self, reason: str) -> None:
        """The cause will not pass: set the event aside with the reason."""
        ...


class Bus(Protocol):
    """Events between services: durable when `publish` returns, delivered at least once, deduplicated by key."""

    async def publish(self, subject: str, event: Message, key: str) -> None:
        """Store an event durably; the same (subject, key) within the window (≥ 24 h) is stored once."""
        ...

    def consume(self, subject: str, group: str) -> AsyncIterator[Delivery]:
        """Deliveries for one member of a group, without end; an event not ended within the lease (60 s) comes again."""
        ...

    def batches(self, subject: str, group: str, most: int) -> AsyncIterator[Sequence[Delivery]]:
        """As `consume`, but what waits at this moment comes together: at most `most` events and `BATCH_BYTES`.

        There is no waiting for a batch to fill. An event that comes for more than the `TOGETHER`th time comes alone.
        """
        ...

    async def acknowledge(self, done: Sequence[tuple[Delivery, Sequence[Output]]]) -> None:
        """`ack` each delivery with its outputs, in one step where the engine can."""
        ...

    async def depth(self) -> Mapping[tuple[str, str], int]:
        """Events not yet acknowledged, by (subject, group); quarantined ones are not counted."""
        ...

    async def quarantined(self) -> list[Quarantined]:
        """Events set aside, oldest first."""
        ...

    async def release(self, ids: Sequence[str]) -> int:
        """Deliver quarantined events again from attempt 1; returns how many there were."""
        ...

    async def purge(self, ids: Sequence[str]) -> int:
        """Forget quarantined events; returns how many there were."""
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...
