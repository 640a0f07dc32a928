"""A crawl in a test: over real HTTP, with hosts that want no pause unless the test is about pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from ngoclinh.media.v1.article_pb2 import Article, Source

from crawlers import run
from crawlers.catalogue import SourceSpec, load
from crawlers.politeness import Host
from crawlers.watch import Watch
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.core.config import Settings
from services.core.ports import SUBJECTS, Bus

PROFILES = sorted(file.stem for file in (Path(run.__file__).parent / "profiles").glob("*.toml"))
"""Names of the profiles of the package."""
SUBJECTS_OUT = ("media.collected", "media.withdrawn", "media.submission", "source.state")


@dataclass
class Crawls:
    """Crawls over one folder; time passes between them by `hours`.

    Args:
        folder: of the bus and the frontier.
        crawler: section of the settings.
        sources: the sources; None reads the folder of the settings.
    """

    folder: Path
    crawler: dict[str, Any]
    sources: Sequence[SourceSpec] | None = None
    hours: float = 0.0
    polite: bool = False
    events: dict[str, list[Message]] = field(default_factory=lambda: {subject: [] for subject in SUBJECTS_OUT})

    def clock(self) -> float:
        return time.time() + self.hours * 3600

    async def crawl(
        self,
        once: bool = True,
        commands: Sequence[tuple[Message, str]] = (),
        started: Callable[[Watch], None] = lambda _: None,
    ) -> dict[str, list[Any]]:
        """Crawl; the events that this crawl published, by subject."""
        bus = SqliteBus(self.folder / "bus.sqlite")
        for command, key in commands:
            await bus.publish("source.command", command, key)
        given = {"delay_s": 2.0} | self.crawler
        make_host = Host if self.polite else hasty_host
        try:
            await run.crawl(
                Settings(data_dir=self.folder, crawler=given),
                bus,
                self.folder / "frontier.sqlite",
                once,
                self.sources,
                self.clock,
                make_host,
                started,
            )
            return {subject: await drained(bus, subject) for subject in SUBJECTS_OUT}
        finally:
            await bus.close()


def hasty_host(delay_s: float) -> Host:
    """A host whose pauses pass at once."""
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return Host(delay_s, lambda: time.monotonic() + passed, sleep)


async def drained(bus: Bus, subject: str) -> list[Any]:
    """Everything that waits under a subject, acknowledged."""
    group = SUBJECTS[subject][0]
    found: list[Any] = []

    waiting = (await bus.depth())[subject, group]
    if waiting:
        async for delivery in bus.consume(subject, group):
            found.append(delivery.event)
            await delivery.ack()
            if len(found) == waiting:
                break
    return found


def articles(events: dict[str, list[Any]]) -> dict[str, Article]:
    """The last collected version by canonical address."""
    return {event.article.canonical_url: event.article for event in events["media.collected"]}


def states(events: dict[str, list[Any]]) -> dict[str, Source]:
    """The last reported state by id of the source."""
    return {event.source.name.removeprefix("sources/"): event.source for event in events["source.state"]}


def only(folder: Path, *ids: str) -> list[SourceSpec]:
    """Some sources of a folder."""
    return load(folder, bundled=False, only=ids)
