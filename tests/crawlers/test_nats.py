"""The crawler's process publishes to NATS and takes its commands from there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from ngoclinh.media.v1.event_pb2 import SourceCommand

from services.core import config
from services.stores import open_store
from tests.contracts.nats_places import new_place, settings_of
from tests.crawlers.support import drained
from tests.crawlers.test_process import start
from tests.e2e.mini_site import Site, settings_for
from tests.engines import Nats
from tests.engines.fixtures import started

pytestmark = pytest.mark.cluster

SITES, ARTICLES = 3, 3


@pytest.fixture
def server() -> Iterator[Nats]:
    """A server that is killed in the test."""
    yield from started(Nats)  # type: ignore[misc]


@pytest.mark.slow
async def test_a_crawl_loses_nothing_and_doubles_nothing_while_the_server_is_killed(
    server: Nats, tmp_path: Path
) -> None:
    sites = [Site(number, ARTICLES) for number in range(SITES)]
    given = settings_of(new_place(server))
    flags = {"stores.bus": "cluster", "nats.urls": given.urls, "nats.prefix": given.prefix, "data_dir": tmp_path}
    settings = config.load(settings_for(sites, tmp_path), environ={}, flags=flags)
    bus = open_store(settings, "bus")
    await bus.publish("source.command", SourceCommand(pause_source="sources/mini0"), "pause")
    process = await start(settings, tmp_path, once=True)
    async with asyncio.timeout(120):
        while (await bus.depth())["source.command", "crawler"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # else it comes again: an acknowledgement lies in memory for a moment
        for already in (2, 3):
            while sum(site.requests.total() for site in sites) < already * SITES:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
        assert await process.wait() == 0
    collected = [event.article.canonical_url for event in await drained(bus, "media.collected")]
    await bus.close()
    for site in sites:
        site.close()
    expected = [f"{site.home}tin-{index}.html" for site in sites[1:] for index in range(ARTICLES)]
    assert sorted(collected) == sorted(expected), "all of two sites once, none of the one that the command paused"
