"""Events published per CPU second of the client over JetStream: the port `Bus` against bare nats-py, on one server.

Both wait for the server's acknowledgement of each event, which it gives when the event is synced to disk, and both name
a key by which the server drops doubles. Ours makes the bytes from a message; the peer sends bytes that lie ready.
Articles of some 30 kB, then small events. Only the CPU of this process counts, not that of the server.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

import nats
from nats.js import JetStreamContext
from ngoclinh.media.v1.event_pb2 import ArticleCollected

from bench.harness import Peer, compare, engine, quick
from services.adapters.cluster.bus_nats import NatsBus
from services.core import events
from services.core.sections.stores import NatsSettings
from tests.engines import Nats

GOAL = 0.8
SUBJECT = "media.collected"
SIZES = {"article": 30_000, "small": 300}
"""Bytes of an event, about."""


def event(size: int) -> ArticleCollected:
    """An article whose text makes the event about that long."""
    sentence = "Ủy ban nhân dân xã Trà Leng công bố quy hoạch sử dụng đất. "
    found = ArticleCollected(content_sha256="0" * 64)
    found.article.title = "Công bố quy hoạch"
    found.article.text = sentence * max(0, (size - 100) // len(sentence.encode()))
    return found


@dataclass
class Publishers:
    """Both ways to one server.

    Attributes:
        bus: ours.
        jetstream: the peer.
        rates: events per wall second by way, in the last run.
        numbers: make every key a new one.
    """

    bus: NatsBus
    jetstream: JetStreamContext
    rates: dict[str, float] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ours(self, message: ArticleCollected, count: int) -> int:
        """Publish a message again and again, each time under a new key."""
        start = time.perf_counter()
        for _ in range(count):
            await self.bus.publish(SUBJECT, message, f"articles/{next(self.numbers)}")
        self.rates["ours"] = round(count / (time.perf_counter() - start), 1)
        return count

    async def peer(self, payload: bytes, count: int) -> int:
        """The same with the bytes of the message."""
        start = time.perf_counter()
        for _ in range(count):
            headers = {"Nats-Msg-Id": f"articles/{next(self.numbers)}"}
            await self.jetstream.publish(f"bench.events.{SUBJECT}.ledger", payload, headers=headers)
        self.rates["peer"] = round(count / (time.perf_counter() - start), 1)
        return count


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    count, rounds = (500, 5) if few else (2000, 9)
    with engine(Nats) as server, asyncio.Runner() as runner:
        bus = NatsBus(NatsSettings(urls=[server.url], prefix="bench"))
        runner.run(bus.depth())
        connection = runner.run(nats.connect(server.url))
        for name, size in SIZES.items():
            message = event(size)
            payload = events.encode(SUBJECT, message)
            ways = Publishers(bus, connection.jetstream())
            runner.run(ways.ours(message, count))
            runner.run(ways.peer(payload, count))
            compare(
                f"bus_nats_{name}",
                ours=lambda ways=ways, message=message: runner.run(ways.ours(message, count)),
                peer=lambda ways=ways, payload=payload: runner.run(ways.peer(payload, count)),
                peer_named=Peer("nats-py", version("nats-py")),
                count=count,
                unit="events/cpu_s",
                goal=GOAL,
                rounds=rounds,
                same=lambda ours, peer: ours == peer,
                extra={"bytes": len(payload), "per_wall_s": ways.rates},
            )
        runner.run(bus.close())
        runner.run(connection.close())


if __name__ == "__main__":
    main()
