"""What a process of the crash test does: publish, or consume and acknowledge with an output, without end."""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from itertools import count

from ngoclinh.media.v1.event_pb2 import ArticleCollected, SubmissionFailed

from services.core.ports import Bus, Output


def submission(key: str) -> SubmissionFailed:
    """An event that carries its own key."""
    return SubmissionFailed(submission=key, url="https://tin.example/" + key)


def forwarded(key: str) -> Output:
    """What is made of a submission."""
    return Output("media.recorded", ArticleCollected(submission=key), key)


def _tell(key: str) -> None:
    sys.stdout.write(key + "\n")
    sys.stdout.flush()


async def _publish(bus: Bus) -> None:
    for number in count():
        key = f"k{number}"
        await bus.publish("media.submission", submission(key), key)
        _tell(key)


async def _forward(bus: Bus) -> None:
    async for delivery in bus.consume("media.submission", "ledger"):
        await delivery.ack([forwarded(delivery.key)])
        _tell(delivery.key)


if __name__ == "__main__":
    factory, location, job = sys.argv[1:]
    bus: Bus = pkgutil.resolve_name(factory)(location, lease_s=1)
    asyncio.run({"publish": _publish, "forward": _forward}[job](bus))
