"""From the bus into ledger and index, over the real stores."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from ngoclinh.media.v1.article_pb2 import Source
from ngoclinh.media.v1.event_pb2 import (
    ArticleCollected,
    ArticleWithdrawn,
    SourceStateReported,
    SubmissionFailed,
)
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_AREA,
    ARTICLE_FACET_SENTIMENT,
    ARTICLE_FACET_SOURCE,
    ARTICLE_FACET_STANCE,
    ARTICLE_FACET_TOPIC,
    TIME_INTERVAL_DAY,
    ArticleFilter,
    CorrectArticleRequest,
)

from services.adapters.embedded.files import Files
from services.core.ports import ArticleIndex
from services.media import workers
from services.media.rebuild import rebuild, rebuild_if_empty
from tests.contracts.articles import AREAS, START, analyzed, article, collected, random_article
from tests.contracts.crash import run_and_kill
from tests.services.media.stores import Stores

FILTERS = [
    ArticleFilter(include_withdrawn=True),
    ArticleFilter(),
    ArticleFilter(query="dat dai"),
    ArticleFilter(query='"đất đai"', include_withdrawn=True),
    ArticleFilter(areas=AREAS[:1], sentiments=["negative"]),
    ArticleFilter(stances=["critical"], topics=["dat_dai"]),
    ArticleFilter(only_originals=True, only_with_parcels=False),
]
FACETS = [ARTICLE_FACET_SOURCE, ARTICLE_FACET_SENTIMENT, ARTICLE_FACET_STANCE, ARTICLE_FACET_TOPIC, ARTICLE_FACET_AREA]


def gone(name: str, day: float) -> ArticleWithdrawn:
    event = ArticleWithdrawn(article=name, status=404)
    event.withdraw_time.FromDatetime(START + timedelta(days=day))
    return event


def throw_away(folder: Path) -> None:
    for file in folder.glob("index.sqlite*"):
        file.unlink()


async def answers(index: ArticleIndex) -> list[object]:
    """Everything that the index says to some questions."""
    said: list[object] = []
    for filter_ in FILTERS:
        said += [await index.search(filter_, 200), await index.summarize(filter_, FACETS, TIME_INTERVAL_DAY)]
    return said


async def test_a_collected_article_is_recorded_analysed_and_found(stores: Stores) -> None:
    made = article("a", "Người dân hỏi về đất đai.")
    await stores.publish("media.collected", collected(made))
    await stores.work_through()
    stored = await stores.ledger.article(made.name)
    assert stored is not None
    assert stored.analysis.sentiment.label == "negative"
    page = await stores.index.search(ArticleFilter(query="dat dai", areas=AREAS[:1], sentiments=["negative"]), 5)
    assert [found.name for found in page.articles] == [made.name]
    assert page.articles[0].change_number == stored.change_number


async def test_an_article_is_listed_before_it_is_analysed(stores: Stores) -> None:
    keeper = workers.Keeper(stores.ledger, stores.index)
    (output,) = await keeper.collected(collected(article("a")))
    assert isinstance(output.event, ArticleCollected)
    assert (output.subject, output.event.article.revision) == ("media.recorded", 1)
    assert output.key == f"{article('a').name}@1"
    assert (await stores.index.search(ArticleFilter(), 5)).total == 1


async def test_a_crash_after_recording_does_not_lose_the_analysis(stores: Stores) -> None:
    keeper = workers.Keeper(stores.ledger, stores.index)
    event = collected(article("a"))
    await stores.ledger.record_collected(event)
    outputs = await keeper.collected(event)
    assert [output.subject for output in outputs] == ["media.recorded"]
    await keeper.analyzed([analyzed(event.article.name)])
    assert await keeper.collected(event) == [], "what is analysed is not analysed again"


async def test_a_withdrawn_article_leaves_the_lists(stores: Stores) -> None:
    made = article("a")
    await stores.publish("media.collected", collected(made))
    await stores.work_through()
    await stores.publish("media.withdrawn", gone(made.name, day=5), gone("articles/unknown", day=5))
    await stores.work_through()
    assert (await stores.index.search(ArticleFilter(), 5)).total == 0
    assert (await stores.index.search(ArticleFilter(include_withdrawn=True), 5)).total == 1


async def test_sources_and_failed_submissions_reach_the_ledger(stores: Stores) -> None:
    failure = SubmissionFailed(submission="submissions/1", url="https://x.example")
    await stores.publish("source.state", SourceStateReported(source=Source(name="sources/a", title="Báo Núi")))
    await stores.publish("media.submission", failure)
    await stores.work_through()
    assert [source.title for source in await stores.ledger.sources()] == ["Báo Núi"]
    assert (await stores.ledger.submission("submissions/1")).failure == failure


async def test_what_was_taken_down_comes_back_nowhere(stores: Stores) -> None:
    made = article("a", "một")
    await stores.ledger.record_collected(collected(made))
    await stores.ledger.take_down(made.name, "theo yêu cầu", "chị Hoa")
    await stores.publish("media.collected", collected(article("a", "hai"), day=3))
    await stores.publish("media.analyzed", analyzed(made.name))
    await stores.work_through()
    assert await stores.bus.quarantined() == []
    assert (await stores.index.search(ArticleFilter(include_withdrawn=True), 5)).total == 0


async def test_the_index_thrown_away_and_rebuilt_gives_the_same_answers(stores: Stores, tmp_path: Path) -> None:
    rng = random.Random(11)
    made = [random_article(rng, number) for number in range(120)]
    for number, one in enumerate(made):
        for field in ("analysis", "current_areas", "parcel_references", "documents", "withdrawn_time"):
            one.ClearField(field)
        await stores.publish("media.collected", collected(one, day=number / 10))
    await stores.work_through()
    for one in rng.sample(made, 15):
        changed = article("x", "bản mới về đất đai", days=rng.random() * 50)
        changed.name = one.name
        await stores.publish("media.collected", collected(changed, day=99))
    await stores.publish("media.withdrawn", *(gone(one.name, day=200) for one in rng.sample(made, 10)))
    await stores.work_through()
    for one in rng.sample(made, 20):
        correction = CorrectArticleRequest(name=one.name, sentiment="positive", stance="critical")
        await stores.index.put([await stores.ledger.correct(correction, "chị Hoa")])
    before = await answers(stores.index)
    assert (await stores.index.search(ArticleFilter(include_withdrawn=True), 1)).total == 120

    assert await rebuild_if_empty(stores.ledger, stores.index) == 0, "nothing to do"
    assert await rebuild(stores.ledger, stores.index) == 120
    assert await answers(stores.index) == before

    await stores.index.close()
    throw_away(tmp_path)
    fresh = Stores(Files(tmp_path))
    assert await rebuild_if_empty(fresh.ledger, fresh.index) == 120
    assert await answers(fresh.index) == before
    await fresh.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_kill_9_of_the_core_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """A child publishes articles and works on them at once; what it was told is stored must be there in the end."""
    rng = random.Random(seed)
    published: list[str] = []
    for _ in range(3):
        published += run_and_kill(
            "tests.services.media.pipeline_worker", tmp_path, str(len(published)), after=rng.randint(2, 15), rng=rng
        )
    stores = Stores(Files(tmp_path))
    await stores.work_through()
    replayed = [stored async for stored in stores.ledger.replay()]
    page = await stores.index.search(ArticleFilter(include_withdrawn=True), 200)
    names = [stored.name for stored in replayed]
    assert set(published) <= set(names)
    assert len(names) == len(set(names)) <= len(set(published)) + 3, "at most the article in flight at each kill"
    assert sorted(found.name for found in page.articles) == sorted(names)
    assert {len(await stores.ledger.versions(name)) for name in names} == {1}
    assert all(stored.analysis.sentiment.label == "negative" for stored in replayed)
    assert await stores.bus.quarantined() == []
    await stores.close()
