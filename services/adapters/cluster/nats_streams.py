"""The streams of the bus and their consumers: names, settings, and how they come to be.

Events lie in one stream, one subject for each (subject, group), one durable consumer for each. Nothing leaves it when
it is acknowledged: a server that starts again knows of the keys of the last day only from the events that it still
holds. `sweep` removes what every reader has had and no key needs any more. What was set aside lies in a second stream.
A third one tells of which deliveries of an event none counts, for the server counts them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from services.core.ports import SUBJECTS

DEDUP_WINDOW_S = 86_400.0
"""Seconds during which the same (subject, key) is stored once."""
KEEP_S = DEDUP_WINDOW_S + 3600
"""Seconds for which acknowledged events stay, so that a server that starts again still knows their keys."""

UNCOUNTED_S = 7 * 86_400.0
"""Seconds after which a number of uncounted deliveries is forgotten that was not renewed."""

MSG_ID, KEY = "Nats-Msg-Id", "Ngoclinh-Key"
"""Headers: the id of which the server stores one message, and the key of an event whose id does not end with it."""


@dataclass(frozen=True)
class Layout:
    """Names and settings.

    Attributes:
        prefix: first word of all names; another prefix is another bus.
        replicas: copies of every event.
        lease_s: seconds of a lease.
    """

    prefix: str
    replicas: int
    lease_s: float

    @property
    def events(self) -> str:
        """Name of the stream of events."""
        return f"{self.prefix}-events"

    @property
    def quarantine(self) -> str:
        """Name of the stream of events that were set aside."""
        return f"{self.prefix}-quarantine"

    def event_subject(self, subject: str, group: str) -> str:
        """Where the copies for one group lie."""
        return f"{self.prefix}.events.{subject}.{group}"

    def quarantine_subject(self, subject: str, group: str) -> str:
        """Where the set-aside ones of one group lie."""
        return f"{self.prefix}.quarantine.{subject}.{group}"

    @property
    def uncounted(self) -> str:
        """Name of the stream of numbers of deliveries that do not count."""
        return f"{self.prefix}-uncounted"

    def uncounted_subject(self, sequence: int) -> str:
        """Where that number of one event lies."""
        return f"{self.prefix}.uncounted.{sequence}"

    def place(self, name: str) -> tuple[str, str]:
        """(Subject, group) of a subject of either stream."""
        subject, _, group = name.split(".", 2)[2].rpartition(".")
        return subject, group

    def consumer(self, subject: str, group: str) -> str:
        """Name of the consumer of one group."""
        return f"{subject.replace('.', '-')}-{group}"

    def streams(self) -> Iterator[dict[str, Any]]:
        """Settings of the streams, those that matter to us."""
        common = {"retention": RetentionPolicy.LIMITS, "storage": StorageType.FILE, "num_replicas": self.replicas}
        for name, branch in ((self.events, "events"), (self.quarantine, "quarantine")):
            yield {
                "name": name,
                "subjects": [f"{self.prefix}.{branch}.>"],
                "duplicate_window": DEDUP_WINDOW_S,
                **common,
            }
        yield {
            "name": self.uncounted,
            "subjects": [f"{self.prefix}.uncounted.>"],
            "max_msgs_per_subject": 1,
            "max_age": UNCOUNTED_S,
            **common,
        }

    def consumers(self) -> Iterator[dict[str, Any]]:
        """Settings of the consumers of the stream of events."""
        for subject, group in places():
            yield {
                "durable_name": self.consumer(subject, group),
                "filter_subject": self.event_subject(subject, group),
                "deliver_policy": DeliverPolicy.ALL,
                "ack_policy": AckPolicy.EXPLICIT,
                "ack_wait": self.lease_s,
                "max_deliver": -1,
                "max_ack_pending": -1,
            }


def places() -> Iterator[tuple[str, str]]:
    """Every (subject, group) of the bus."""
    return ((subject, group) for subject, groups in SUBJECTS.items() for group in groups)


async def prepare(jetstream: JetStreamContext, layout: Layout) -> None:
    """Make streams and consumers where they are missing, bring their settings up to date; doing it twice is harmless."""
    for wanted in layout.streams():
        try:
            found = (await jetstream.stream_info(wanted["name"])).config
        except NotFoundError:
            await jetstream.add_stream(StreamConfig(**wanted))
            continue
        if changed := _changed(found, wanted):
            await jetstream.update_stream(found.evolve(**changed))
    known = {info.name: info.config for info in await jetstream.consumers_info(layout.events)}
    await asyncio.gather(
        *(
            jetstream.add_consumer(layout.events, ConsumerConfig(name=wanted["durable_name"], **wanted))
            for wanted in layout.consumers()
            if wanted["durable_name"] not in known or _changed(known[wanted["durable_name"]], wanted)
        )
    )


def _changed(found: object, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if getattr(found, name) != value}


async def consumers(jetstream: JetStreamContext, layout: Layout) -> dict[tuple[str, str], ConsumerInfo]:
    """The consumers of the bus by (subject, group)."""
    known = {info.name: info for info in await jetstream.consumers_info(layout.events)}
    named = ((place, known.get(layout.consumer(*place))) for place in places())
    return {place: info for place, info in named if info is not None}


async def sweep(jetstream: JetStreamContext, layout: Layout, keep_s: float = KEEP_S) -> None:
    """Remove events that were acknowledged, with all before them, and are older than `keep_s` seconds.

    The server tells the first event that is young enough by where a consumer from that moment on would begin.
    """
    moment = datetime.now(UTC) - timedelta(seconds=keep_s)
    probe = await jetstream.add_consumer(
        layout.events,
        ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=moment,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=5,
            mem_storage=True,
            num_replicas=1,
        ),
    )
    assert probe.delivered is not None
    young = probe.delivered.stream_seq + 1
    for place, info in (await consumers(jetstream, layout)).items():
        acknowledged = info.ack_floor.stream_seq if info.ack_floor else 0
        if min(acknowledged, young - 1) > 0:
            end = min(acknowledged + 1, young)
            await jetstream.purge_stream(layout.events, seq=end, subject=layout.event_subject(*place))
