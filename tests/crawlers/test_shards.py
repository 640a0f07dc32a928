"""Several crawlers share the hosts, and each command finds the one that it is for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_PAUSED
from ngoclinh.media.v1.event_pb2 import FetchPage, SourceCommand
from pydantic import ValidationError

from crawlers import catalogue, run
from crawlers.catalogue import SourceSpec
from crawlers.shards import MOST_PASSES, Shard
from crawlers.watch import Watch
from services.core.config import Settings
from services.core.sections.work import CrawlerSettings
from services.stores import open_store
from tests.contracts.nats_places import new_place, settings_of
from tests.crawlers.support import drained, hasty_host
from tests.engines import Nats


def shard(index: int, count: int) -> Shard:
    return Shard(CrawlerSettings(shard=index, shards=count))


def source(id_: str, home: str, *hosts: str) -> SourceSpec:
    return SourceSpec.model_validate(
        {
            "id": id_,
            "title": id_,
            "home": home,
            "licence": "invented for the tests",
            "tier": "local",
            "hosts": list(hosts),
            "discover": [{"list": "/"}],
        }
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_source_belongs_to_exactly_one_crawler(count: int) -> None:
    known = catalogue.load()
    parts = [{spec.id for spec in shard(index, count).mine(known)} for index in range(count)]
    assert sorted(id_ for part in parts for id_ in part) == sorted(spec.id for spec in known)


def test_no_host_is_visited_by_two_crawlers() -> None:
    known = catalogue.load()
    hosts = [frozenset().union(*(spec.all_hosts for spec in shard(index, 4).mine(known))) for index in range(4)]
    assert sum(map(len, hosts)) == len(frozenset().union(*hosts))


def test_sources_that_share_a_host_stay_together() -> None:
    for number in range(40):
        first = source("a", f"https://a{number}.example/", f"shared{number}.example")
        second = source("b", f"https://b{number}.example/", f"shared{number}.example")
        for index in range(5):
            assert len(shard(index, 5).mine([first, second])) in (0, 2)


def test_a_new_source_moves_no_other() -> None:
    known = [source(f"s{number}", f"https://s{number}.example/") for number in range(30)]
    before = [spec.id for spec in shard(1, 3).mine(known)]
    after = [spec.id for spec in shard(1, 3).mine([*known, source("new", "https://new.example/")])]
    assert [id_ for id_ in after if id_ != "new"] == before


def test_a_shard_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValidationError, match="counted from 0"):
        CrawlerSettings(shard=2, shards=2)


@pytest.mark.cluster
async def test_a_command_reaches_the_crawler_it_is_for_and_one_for_nobody_is_set_aside(
    nats: Nats, tmp_path: Path
) -> None:
    sources = [source(f"s{number}", f"http://127.0.0.1:{number}/") for number in range(1, 9)]
    submissions = {f"submissions/{number}": f"ftp://127.0.0.1:{number}/page" for number in range(3)}
    given = settings_of(new_place(nats))

    def settings_for(index: int) -> Settings:
        tree = {"data_dir": tmp_path, "crawler": {"shard": index, "shards": 2}, "stores": {"bus": "cluster"}}
        return Settings.model_validate(tree | {"nats": given.model_dump()})

    bus = open_store(settings_for(0), "bus")
    for spec in sources:
        await bus.publish("source.command", SourceCommand(pause_source=f"sources/{spec.id}"), spec.id)
    await bus.publish("source.command", SourceCommand(pause_source="sources/nobody"), "nobody")
    for name, url in submissions.items():
        await bus.publish("source.command", SourceCommand(fetch_page=FetchPage(submission=name, url=url)), name)
    watches: list[Watch] = []

    async def crawl(index: int) -> None:
        settings = settings_for(index)
        own = open_store(settings, "bus")
        file = tmp_path / f"frontier-{index}.sqlite"
        await run.crawl(settings, own, file, sources=sources, make_host=hasty_host, started=watches.append)
        await own.close()

    crawls = [asyncio.create_task(crawl(index)) for index in range(2)]
    async with asyncio.timeout(60):
        while (await bus.depth())["source.command", "crawler"] or not await bus.quarantined():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    for watch in watches:
        watch.stop()
    await asyncio.gather(*crawls)
    (set_aside,) = await bus.quarantined()
    assert "no crawler has this source" in set_aside.reason
    assert SourceCommand.FromString(set_aside.payload).passed_count == 2 * MOST_PASSES
    states = [event.source for event in await drained(bus, "source.state")]
    failed = {event.submission for event in await drained(bus, "media.submission")}
    await bus.close()
    paused = {state.name for state in states if state.state == SOURCE_STATE_PAUSED}
    assert paused == {f"sources/{spec.id}" for spec in sources}
    assert failed == set(submissions)
