"""Has the crawler look again and again whether the sources still read as declared; it answers with their next report."""

from __future__ import annotations

from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_PAUSED
from ngoclinh.media.v1.event_pb2 import SourceCommand

from services.core.names import random_id
from services.core.ports import Bus, Ledger


async def ask_for_checks(bus: Bus, ledger: Ledger) -> int:
    """Ask for a check of every source that is not paused; returns how many there are.

    The crawler does not hurry: its requests to a host take their turn among those of the crawl.
    """
    names = [source.name for source in await ledger.sources() if source.state != SOURCE_STATE_PAUSED]
    for name in names:
        await bus.publish("source.command", SourceCommand(check_source=name), random_id())
    return len(names)
