"""Snapshots of the index on a real Elasticsearch: taken while it serves, restored to what the ledger says now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from elasticsearch import AsyncElasticsearch
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, CorrectArticleRequest

from services.adapters.cluster import elastic_snapshots
from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.errors import Conflict, InvalidField, NotFound
from services.core.names import random_id
from services.core.ports import HasSnapshots
from services.core.sections.stores import ElasticsearchSettings
from services.media.rebuild import restore
from tests.contracts.articles import analyzed, article, collected
from tests.engines import Elastic

pytestmark = pytest.mark.cluster
EVERYTHING = ArticleFilter(include_withdrawn=True)


@pytest.fixture(params=["single", "monthly"])
def settings(elastic: Elastic, request: pytest.FixtureRequest) -> ElasticsearchSettings:
    id_ = random_id().lower()
    return ElasticsearchSettings(
        urls=[elastic.url],
        alias=f"test-{id_}",
        partition=request.param,
        timeout_s=60,
        snapshot_repository=f"repository-{id_}",
        snapshot_folder=str(elastic.folder / "snapshots" / id_),
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
async def index(settings: ElasticsearchSettings) -> AsyncIterator[ElasticArticleIndex]:
    async with ElasticArticleIndex(settings) as index:
        yield index


async def keep(ledger: SqliteLedger, index: ElasticArticleIndex, key: str, day: int = 1) -> str:
    """Record and show an article; its name."""
    name = (await ledger.record_collected(collected(article(key), day=day))).article.name
    shown = await ledger.record_analyzed(analyzed(name, day=day))
    assert shown is not None
    await index.put([shown])
    return name


async def shown(index: ElasticArticleIndex | SqliteArticleIndex) -> list[tuple[str, int, str]]:
    """What is found: names, changes, sentiments."""
    page = await index.search(EVERYTHING, 100)
    return [(one.name, one.change_number, one.analysis.sentiment.label) for one in page.articles]


async def as_rebuilt(ledger: SqliteLedger, folder: Path) -> list[tuple[str, int, str]]:
    """What an index that is made of the ledger alone shows."""
    async with SqliteArticleIndex(folder / "equal.sqlite") as index:
        await index.put([one async for one in ledger.replay()])
        return await shown(index)


async def test_a_snapshot_is_restored_to_what_the_ledger_says_now(
    ledger: SqliteLedger, index: ElasticArticleIndex, tmp_path: Path
) -> None:
    names = [await keep(ledger, index, key) for key in "abcdef"]
    unseen = await ledger.record_collected(collected(article("not yet put")))
    taken = await index.snapshot("evening")
    assert taken.state == "SUCCESS"
    assert [each.name for each in await index.snapshots()] == ["evening"]
    await ledger.take_down(names[0], "theo yêu cầu", "chị Hoa")
    await index.delete([names[0]])
    await ledger.take_down(names[1], "theo yêu cầu", "chị Hoa")  # of which only the ledger knows
    await index.put([await ledger.correct(CorrectArticleRequest(name=names[2], sentiment="positive"), "anh Nam")])
    await keep(ledger, index, "new", day=60)
    put = await restore(ledger, index, "evening")
    assert put == 3, "what was corrected, what is new, what was not in the index yet"
    found = await shown(index)
    assert found == await as_rebuilt(ledger, tmp_path)
    assert unseen.article.name in {name for name, *_ in found}
    assert not {names[0], names[1]} & {name for name, *_ in found}
    await keep(ledger, index, "later", day=90)
    assert await shown(index) == await as_rebuilt(ledger, tmp_path), "it is written as before"


async def test_a_lost_index_comes_back_without_what_was_taken_down(
    ledger: SqliteLedger, index: ElasticArticleIndex, settings: ElasticsearchSettings, tmp_path: Path
) -> None:
    names = [await keep(ledger, index, key) for key in "abc"]
    await index.snapshot("whole")
    await ledger.take_down(names[0], "theo yêu cầu", "chị Hoa")
    async with AsyncElasticsearch(settings.urls[0], request_timeout=60) as client:
        await client.indices.delete(index=[one async for one in _indices(client, settings.alias)])
    async with ElasticArticleIndex(settings) as fresh:
        assert await shown(fresh) == []
        assert await restore(ledger, fresh, "whole") == 0, "nothing is written that the snapshot has"
        assert await shown(fresh) == await as_rebuilt(ledger, tmp_path)
        assert len(await shown(fresh)) == 2


async def _indices(client: AsyncElasticsearch, alias: str) -> AsyncIterator[str]:
    for name in await client.indices.get(index=f"{alias}-*"):
        yield name


async def test_the_old_index_serves_until_the_snapshot_is_equal_to_the_ledger(
    ledger: SqliteLedger, index: ElasticArticleIndex
) -> None:
    await keep(ledger, index, "a")
    await index.snapshot("one")
    await keep(ledger, index, "b")
    async with index.restore("one") as build:
        assert len(await shown(index)) == 2
        assert [names async for names in build.names()] == [[article("a").name]]
    assert len(await shown(index)) == 2, "left before it served, it changes nothing"


async def test_a_restore_is_compared_with_the_ledger_page_by_page(
    ledger: SqliteLedger, index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(elastic_snapshots, "PAGE", 2)
    names = [await keep(ledger, index, f"k{number}", day=number) for number in range(7)]
    await index.snapshot("one")
    for name in names[::3]:
        await ledger.take_down(name, "theo yêu cầu", "chị Hoa")
    async with index.restore("one") as build:
        pages = [page async for page in build.names()]
        assert sorted(name for page in pages for name in page) == sorted(names)
        assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert await restore(ledger, index, "one") == 0
    assert await shown(index) == await as_rebuilt(ledger, tmp_path)
    assert len(await shown(index)) == 4


async def test_what_cannot_be_is_told(
    index: ElasticArticleIndex, ledger: SqliteLedger, settings: ElasticsearchSettings, tmp_path: Path
) -> None:
    await keep(ledger, index, "a")
    await index.snapshot("once")
    with pytest.raises(Conflict, match="once"):
        await index.snapshot("once")
    with pytest.raises(NotFound, match="never"):
        await restore(ledger, index, "never")
    assert len(await shown(index)) == 1
    async with ElasticArticleIndex(settings.model_copy(update={"snapshot_repository": ""})) as other:
        with pytest.raises(InvalidField, match=r"elasticsearch\.snapshot_repository"):
            await other.snapshots()
    foreign = settings.model_copy(update={"alias": f"{settings.alias}-b"})
    async with ElasticArticleIndex(foreign) as other:
        assert await other.snapshots() == [], "each alias has snapshots of its own"
    assert not isinstance(SqliteArticleIndex(tmp_path / "index.sqlite"), HasSnapshots)
