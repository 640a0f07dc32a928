"""Elasticsearch is killed, stopped, unreachable: nothing acknowledged is lost, and the index recovers by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.core.errors import InvalidField, Overloaded, Unavailable
from services.core.names import random_id
from services.core.sections.stores import ElasticsearchSettings
from tests.contracts.articles import article
from tests.engines import Elastic
from tests.engines.base import free_port

pytestmark = pytest.mark.cluster
EVERYTHING = ArticleFilter(include_withdrawn=True)


@pytest.fixture
async def index(elastic: Elastic) -> AsyncIterator[ElasticArticleIndex]:
    settings = ElasticsearchSettings(urls=[elastic.url], alias=f"test-{random_id()}", timeout_s=5)
    async with ElasticArticleIndex(settings) as index:
        yield index


async def names(index: ElasticArticleIndex) -> list[str]:
    """All names, page by page."""
    found: list[str] = []
    after: list[object] | None = None
    while True:
        page = await index.search(EVERYTHING, 200, after)
        found += [one.name for one in page.articles]
        after = page.next_key
        if after is None:
            return found


async def recovered(index: ElasticArticleIndex) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await index.search(EVERYTHING, 1)
            except (Unavailable, Overloaded):
                await asyncio.sleep(0.3)
            else:
                return


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_kill_9_of_the_server_loses_and_doubles_nothing(elastic: Elastic, index: ElasticArticleIndex) -> None:
    rng = random.Random(9)
    acknowledged: set[str] = set()
    tried: set[str] = set()
    killed = False

    async def write(writer: int, round_: int) -> None:
        number = 0
        while not killed:
            made = article(f"w{writer}-{round_}-{number}", days=number / 50, change_number=1)
            tried.add(made.name)
            number += 1
            try:
                await index.put([made])
            except (Unavailable, Overloaded):
                return
            acknowledged.add(made.name)

    for round_ in range(3):
        killed = False
        await recovered(index)
        writers = [asyncio.create_task(write(writer, round_)) for writer in range(8)]
        async with asyncio.timeout(60):
            goal = len(acknowledged) + rng.randint(10, 60)
            while len(acknowledged) < goal:  # noqa: ASYNC110 - writers count, nobody tells
                await asyncio.sleep(rng.random() * 0.03)
        await asyncio.to_thread(elastic.kill)
        killed = True
        await asyncio.gather(*writers)
        with pytest.raises(Unavailable):
            await index.search(EVERYTHING, 1)
        await asyncio.to_thread(elastic.start)
        await recovered(index)
    found = await names(index)
    assert len(found) == len(set(found))
    assert acknowledged <= set(found) <= tried


@pytest.mark.timeout(300)
async def test_a_paused_server_is_told_in_both_languages_and_comes_back(
    elastic: Elastic, index: ElasticArticleIndex
) -> None:
    await index.put([article("a")])
    elastic.pause()
    try:
        for step in (index.put([article("b")]), index.search(EVERYTHING, 1), index.delete([article("c").name])):
            with pytest.raises(Unavailable) as caught:
                await step
            assert elastic.url in caught.value.vi
            assert elastic.url in caught.value.en
            assert "không trả lời" in caught.value.vi
    finally:
        elastic.resume()
    await recovered(index)
    await index.put([article("b")])
    assert sorted(await names(index)) == sorted([article("a").name, article("b").name])


async def test_nobody_there_is_told_at_once() -> None:
    settings = ElasticsearchSettings(urls=[f"http://127.0.0.1:{free_port()}"], timeout_s=3)
    async with ElasticArticleIndex(settings) as index:
        for step in (index.put([article("a")]), index.search(EVERYTHING, 1)):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*does not answer"):
                await step


async def test_a_password_in_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidField) as caught:
        ElasticArticleIndex(ElasticsearchSettings(urls=["http://an:bi-mat@127.0.0.1:9200"]))
    assert "bi-mat" not in caught.value.vi + caught.value.en
