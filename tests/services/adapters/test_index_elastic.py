"""The index in Elasticsearch: the same answers as the embedded one, mapping, months, rebuilding, taking down."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import unicodedata
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch
from ngoclinh.media.v1.article_pb2 import TIME_PRECISION_DAY, Article
from ngoclinh.media.v1.media_service_pb2 import TIME_INTERVAL_HOUR, ArticleFacet, ArticleFilter, CorrectArticleRequest

from services.adapters.cluster import elastic_bulk, elastic_counts, elastic_documents, elastic_mapping, elastic_removed
from services.adapters.cluster.elastic_fields import Field
from services.adapters.cluster.elastic_values import document
from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core import search
from services.core.errors import Conflict, InputError
from services.core.names import random_id
from services.core.sections.stores import ElasticsearchSettings
from services.core.vietnamese import fold
from services.demo.stories import stories
from services.media.rebuild import rebuild, rebuild_if_empty
from tests.contracts.articles import AREAS, analyzed, article, collected, random_article
from tests.engines import Elastic
from tests.engines.elastic import VERSION

pytestmark = pytest.mark.cluster
EVERYTHING = ArticleFilter(include_withdrawn=True)
FACETS = [value for value in ArticleFacet.values() if value]


@pytest.fixture
def settings(elastic: Elastic) -> ElasticsearchSettings:
    return ElasticsearchSettings(urls=[elastic.url], alias=f"test-{random_id()}")


@pytest.fixture
async def client(elastic: Elastic) -> AsyncIterator[AsyncElasticsearch]:
    async with AsyncElasticsearch(elastic.url) as client:
        yield client


@pytest.fixture
async def index(settings: ElasticsearchSettings) -> AsyncIterator[ElasticArticleIndex]:
    async with ElasticArticleIndex(settings) as index:
        yield index


async def total(index: Any) -> int:
    return int((await index.search(EVERYTHING, 1)).total)


# ------------------------------------------------------------ the same as the embedded index


def told() -> Iterator[Article]:
    """The demo's stories as articles, some in NFD, some in upper case."""
    for number, story in enumerate(stories(datetime(2026, 11, 20, tzinfo=UTC))):
        made = article(f"s{number}", story.body, days=number / 7, title=story.title, lead=story.lead)
        made.current_areas.append(AREAS[number % len(AREAS)])
        if number % 5 == 1:
            made.text = unicodedata.normalize("NFD", made.text)
        if number % 5 == 2:
            made.title, made.text = made.title.upper(), made.text.upper()
        yield made


def asked(rng: random.Random, texts: list[str]) -> str:
    """Words or a phrase of a text, as people type them: with or without marks, in any form and case."""
    words = rng.choice(texts).split()
    start = rng.randrange(len(words))
    query = " ".join(words[start : start + rng.randint(1, 4)])
    change = rng.choice(
        [
            str,
            str.upper,
            str.title,
            fold,
            lambda text: fold(text).upper(),
            lambda text: unicodedata.normalize("NFD", text),
            lambda text: f'"{text}"',
            lambda text: f'"{fold(text)}"',
            lambda text: text.replace("đ", "d"),
            lambda text: text.replace("oà", "òa").replace("hoá", "hóa"),
        ]
    )
    return change(query)


async def test_both_stores_find_the_same_in_the_same_order(index: ElasticArticleIndex, tmp_path: Path) -> None:
    rng = random.Random(20)
    made = [*told(), *(random_article(rng, number) for number in range(200))]
    queries = [
        "Trà Leng",
        "tra leng",
        "TP. Đà Nẵng",
        "UBND",
        "NĐ-CP",
        "nd-cp",
        "600 m3",
        "QĐ-UBND",
        "đ",
        "d",
        "hòa",
        "hoa",
    ]
    queries += [asked(rng, [f"{one.title} {one.text}" for one in made]) for _ in range(300)]
    async with SqliteArticleIndex(tmp_path / "index.sqlite") as embedded:
        for store in (embedded, index):
            await store.put(made)
        found = 0
        for query in queries:
            filter_ = ArticleFilter(query=query, include_withdrawn=rng.random() < 0.5)
            filter_.areas.extend(rng.sample(AREAS, rng.choice([0, 0, 2])))
            here, there = await embedded.search(filter_, 50), await index.search(filter_, 50)
            assert there == here, query
            found += here.total
            if rng.random() < 0.1:
                counts = (filter_, FACETS, rng.randint(0, 4), True)
                assert await index.summarize(*counts) == await embedded.summarize(*counts), query
        assert found > 1000


async def test_many_steps_of_time_come_in_several_answers(
    index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(3)
    await index.put([random_article(rng, number) for number in range(120)])
    whole = await index.summarize(EVERYTHING, [], TIME_INTERVAL_HOUR)
    monkeypatch.setattr(elastic_counts, "_STEPS", 7)
    assert await index.summarize(EVERYTHING, [], TIME_INTERVAL_HOUR) == whole
    assert sum(step.count for step in whole.histogram) == 120


async def test_the_engine_says_its_version_and_what_is_missing(settings: ElasticsearchSettings) -> None:
    async with ElasticArticleIndex(settings.model_copy(update={"replicas": 1})) as index:
        before = await index.engine()
        assert (before.size_bytes, [note for _, note in before.notes]) == (0, ["There is no index yet."])
        await index.put([article("a")])
        state = await index.engine()
        assert state.versions == {"elasticsearch": VERSION}
        assert [note for _, note in state.notes] == ["Copies of the index that are missing: 1."]
        assert state.problems == []


# ------------------------------------------------------------ mapping


def test_every_field_has_a_name_of_its_own_and_a_label() -> None:
    names = [field.name for field in elastic_mapping.FIELDS]
    assert len(names) == len(set(names))
    assert {field.name for field in elastic_mapping.FIELDS if not field.label} == {"when_micros", "record", "words"}
    assert set(elastic_mapping.DEFAULT_FIELDS) <= set(names)


def test_a_document_fills_every_field_and_no_other() -> None:
    rng = random.Random(6)
    made = [random_article(rng, number) for number in range(200)]
    full = made[0]
    full.publish_time_precision = TIME_PRECISION_DAY
    full.lead, full.author_names[:] = "Sapo", ["Bút danh"]
    full.collect_time.GetCurrentTime()
    full.first_collect_time.GetCurrentTime()
    full.places.add(area=AREAS[0])
    full.analysis.models.append("baseline@1")
    full.analysis.corrected_heads.append("stance")
    for head in elastic_mapping.HEADS:
        judgement = getattr(full.analysis, head)
        judgement.label = "positive"
        judgement.scores["positive"] = 0.75
    filled = set().union(*(document(one, {}) for one in made))
    assert filled == {field.name for field in elastic_mapping.FIELDS}
    values = document(full, {})
    assert (values["when"], values["stance_score"], values["sentiment_balance"]) == (
        search.shown_time(full) // 1000,
        0.75,
        0.75,
    )


async def test_an_analyst_finds_a_place_with_and_without_marks(
    index: ElasticArticleIndex, settings: ElasticsearchSettings, client: AsyncElasticsearch
) -> None:
    await index.put([article("a", "Sạt lở ở Trà Leng.", current_areas=[AREAS[0]]), article("b", "Không có gì.")])
    assert await total(index) == 2
    for typed in ("trà leng", "Tra Leng", "TRÀ LENG"):
        query = {"query_string": {"query": typed, "default_operator": "and", "type": "cross_fields"}}
        hits = (await client.search(index=settings.alias, query=query))["hits"]["hits"]
        assert [hit["_source"]["name"] for hit in hits] == [article("a").name], typed
        assert not {"words", "title_folded", "text_folded"} & set(hits[0]["_source"])


async def test_a_document_that_does_not_fit_is_refused_alone(
    index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = lambda article, titles: document(article, titles) | ({"stray": "x"} if "hỏng" in article.text else {})  # noqa: E731
    monkeypatch.setattr(elastic_documents, "document", stray)
    bad = article("bad", "hỏng")
    with pytest.raises(InputError, match="strict_dynamic_mapping_exception") as caught:
        await index.put([article("a"), bad, article("b")])
    assert bad.name in caught.value.vi
    assert await total(index) == 2
    first, refused, last = await index.put_each([article("c"), bad, article("d")])
    assert (first, last, type(refused)) == (None, None, InputError)
    assert await total(index) == 4


def counted(index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch, *methods: str) -> list[str]:
    """The calls of some methods of the client, as they are made."""
    made: list[str] = []
    call = index._client.call

    async def counting(method: str, **arguments: Any) -> Any:
        if method in methods:
            made.append(method)
        return await call(method, **arguments)

    monkeypatch.setattr(index._client, "call", counting)
    return made


async def test_what_comes_meanwhile_shares_a_request_and_nobody_waits_for_more(
    index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.put([article("first")])
    requests = counted(index, monkeypatch, "bulk")
    await asyncio.wait_for(index.put([article("alone")]), 30)
    assert len(requests) == 1, "a single one goes at once: there is no timer that it could wait for"
    await asyncio.gather(*(index.put([article(f"k{number}")]) for number in range(400)))
    assert len(requests) <= 1 + 4, "those that come at the same time go together"
    assert await total(index) == 402


async def test_a_large_batch_goes_in_requests_of_a_bounded_size(
    index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_bulk, "MAX_BYTES", 40_000)
    await index.put([article("first")])
    requests = counted(index, monkeypatch, "bulk")
    await index.put([article(f"k{number}", "lũ lụt " * 1000) for number in range(20)])
    assert 5 <= len(requests) <= 21
    assert await total(index) == 21


async def test_names_of_what_was_taken_down_come_page_by_page_from_one_state(
    index: ElasticArticleIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_removed, "_PAGE", 3)
    names = [article(f"k{number}").name for number in range(10)]
    await index.delete(names)
    asked = counted(index, monkeypatch, "open_point_in_time", "search", "close_point_in_time")
    assert sorted(await index._indices.removed.names()) == sorted(names)
    assert asked == ["open_point_in_time", *["search"] * 4, "close_point_in_time"]
    await index.put([article(f"k{number}") for number in range(12)])
    assert await total(index) == 2


async def test_a_release_adds_a_field_and_refuses_another_type(
    index: ElasticArticleIndex, settings: ElasticsearchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.put([article("a")])
    added = Field("weather", "keyword", "Thời tiết")
    monkeypatch.setattr(elastic_mapping, "FIELDS", (*elastic_mapping.FIELDS, added))
    monkeypatch.setattr(
        elastic_documents, "document", lambda article, titles: document(article, titles) | {"weather": "mưa"}
    )
    async with ElasticArticleIndex(settings) as later:
        await later.put([article("b")])
        assert await total(later) == 2
    changed = tuple(
        dataclasses.replace(field, type="long") if field is added else field for field in elastic_mapping.FIELDS
    )
    monkeypatch.setattr(elastic_mapping, "FIELDS", changed)
    async with ElasticArticleIndex(settings) as latest:
        with pytest.raises(Conflict, match="ngoclinh index rebuild"):
            await total(latest)


# ------------------------------------------------------------ months


def dated(key: str, month: int, **fields: Any) -> Article:
    made = article(key, **fields)
    made.first_collect_time.FromDatetime(datetime(2026, month, 3, tzinfo=UTC))
    return made


async def test_months_have_indices_of_their_own_and_only_empty_ones_are_dropped(
    settings: ElasticsearchSettings, client: AsyncElasticsearch
) -> None:
    months = settings.model_copy(update={"partition": "monthly"})
    async with ElasticArticleIndex(months) as index:
        await index.put([dated("a", 8), dated("b", 9), dated("c", 10), dated("edge", 10)])
        await index.delete([article("a").name])
        names = {
            name.removeprefix(settings.alias) for name in await client.indices.get_alias(index=f"{settings.alias}-*")
        }
        assert names == {"-removed", "-1-undated", "-1-2026-08", "-1-2026-09", "-1-2026-10"}
        assert await index.tidy("2026-10") == [f"{settings.alias}-1-2026-08"]
        assert await total(index) == 3
        await index.put([dated("a", 8, change_number=9), dated("d", 8), dated("b", 9, change_number=2)])
        assert {one.title for one in (await index.search(EVERYTHING, 9)).articles} == {
            "Bài b",
            "Bài c",
            "Bài d",
            "Bài edge",
        }


async def test_another_partition_takes_effect_with_a_rebuild(settings: ElasticsearchSettings, tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        for key in "abc":
            await ledger.record_collected(collected(article(key)))
        async with ElasticArticleIndex(settings) as index:
            assert await rebuild_if_empty(ledger, index) == 3
        async with ElasticArticleIndex(settings.model_copy(update={"partition": "monthly"})) as index:
            await index.put([one async for one in ledger.replay()])
            assert await total(index) == 3, "no article twice"
            assert await rebuild(ledger, index) == 3
            await index.put([one async for one in ledger.replay()])
            assert await total(index) == 3


# ------------------------------------------------------------ rebuilding, taking down


async def test_changes_and_take_downs_during_a_rebuild_are_kept(index: ElasticArticleIndex, tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        names = []
        for number in range(450):
            recorded = await ledger.record_collected(collected(article(f"k{number}"), day=number / 100))
            names.append(recorded.article.name)
            await index.put([recorded.article])
        steps = []

        async def meanwhile() -> None:
            correction = CorrectArticleRequest(name=names[0], sentiment="positive")
            await index.put([await ledger.correct(correction, "chị Hoa")])
            made = await ledger.record_analyzed(analyzed(names[1]))
            assert made is not None
            await index.put([made])
            for name in (names[2], names[-1]):
                await ledger.take_down(name, "theo yêu cầu", "chị Hoa")
                await index.delete([name])

        tasks = []

        def heard(count: int) -> None:
            steps.append(count)
            if len(steps) == 1:
                tasks.append(asyncio.create_task(meanwhile()))

        await rebuild(ledger, index, heard)
        await tasks[0]
        assert steps[:2] == [200, 400]
        assert await total(index) == 448
        found = (await index.search(ArticleFilter(sentiments=["positive", "negative"]), 9)).articles
        assert {one.name for one in found} == {names[0], names[1]}


async def test_data_thrown_away_come_back_from_the_ledger(
    index: ElasticArticleIndex, settings: ElasticsearchSettings, client: AsyncElasticsearch, tmp_path: Path
) -> None:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        for number in range(60):
            await ledger.record_collected(collected(article(f"k{number}", days=number), day=number))
        assert await rebuild_if_empty(ledger, index) == 60
        before = await index.search(ArticleFilter(), 200), await index.summarize(ArticleFilter(), FACETS, 2)
        assert await rebuild_if_empty(ledger, index) == 0
        names = [*await client.indices.get_alias(index=f"{settings.alias}*")]
        await client.indices.delete(index=names)
        assert await total(index) == 0
        assert await rebuild_if_empty(ledger, index) == 60
        assert (await index.search(ArticleFilter(), 200), await index.summarize(ArticleFilter(), FACETS, 2)) == before


async def test_what_was_taken_down_after_a_snapshot_is_gone_once_it_is_restored_and_rebuilt(
    index: ElasticArticleIndex,
    settings: ElasticsearchSettings,
    client: AsyncElasticsearch,
    elastic: Elastic,
    tmp_path: Path,
) -> None:
    which: dict[str, Any] = {"repository": settings.alias, "snapshot": "evening"}
    place = {"type": "fs", "settings": {"location": f"{elastic.folder}/snapshots/{settings.alias}"}}
    await client.snapshot.create_repository(name=settings.alias, repository=place)
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        made = [(await ledger.record_collected(collected(article(key)))).article for key in ("early", "late", "stays")]
        early, late, stays = made

        async def take_down(name: str) -> None:
            await ledger.take_down(name, "theo yêu cầu", "chị Hoa")
            await index.delete([name])

        await index.put(made)
        await take_down(early.name)
        done = await client.snapshot.create(
            **which, indices=f"{settings.alias}-*", include_global_state=False, wait_for_completion=True
        )
        assert done["snapshot"]["state"] == "SUCCESS"
        await take_down(late.name)
        added = (await ledger.record_collected(collected(article("added")))).article
        await index.clear()
        await client.snapshot.restore(
            **which, indices=f"{settings.alias}-*", include_global_state=False, wait_for_completion=True
        )
        async with ElasticArticleIndex(settings) as restored:
            assert {one.name for one in (await restored.search(EVERYTHING, 9)).articles} == {late.name, stays.name}
            await restored.put([early])
            assert await total(restored) == 2, "names of what was taken down came with it"
            assert await rebuild(ledger, restored) == 2
            assert {one.name for one in (await restored.search(EVERYTHING, 9)).articles} == {stays.name, added.name}
            left = await client.search(index=f"{settings.alias}-*", query={"ids": {"values": [late.name]}})
            assert left["hits"]["hits"] == []
