"""Every panel's query on the real Elasticsearch, over articles, alerts and sources of a real run: none is empty."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import BadRequestError, Elasticsearch
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter
from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.cluster.elastic_companions import refresh_companions
from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.embedded.files import Files
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.sections.stores import ElasticsearchSettings
from services.kibana import kql
from services.kibana.boards import DASHBOARDS
from services.kibana.description import Dashboard, Days, Grid, Kind, Measure, Only, Panel, Terms, Words
from services.kibana.queries import rows, search
from services.kibana.views import views
from services.media.rebuild import rebuild
from tests.conftest import ROOT
from tests.engines import Elastic
from tests.services.kibana.sample import ledger_of_the_demo, sources

pytestmark = pytest.mark.cluster

ALIAS = "kibana-sample"
VIEWS = views(ALIAS)
PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
WORDS = Words("Số", "Number")


@dataclass
class Sample:
    """A cluster that holds the sample, and what the ledger says that it must hold."""

    client: Elasticsearch
    settings: ElasticsearchSettings
    folder: Path
    articles: list[Article]
    alerts: list[Alert]

    def refresh(self) -> int:
        async def work() -> int:
            async with SqliteLedger(Files(self.folder).ledger) as ledger:
                return await refresh_companions(ledger, self.settings)

        return asyncio.run(work())

    def ask(self, dashboard: Dashboard, panel: Panel) -> dict[str, Any]:
        view = VIEWS[panel.view]
        return dict(self.client.search(index=view.index, **search(dashboard, panel, view)))

    def count(self, *conditions: Only, **measure: Any) -> dict[tuple[Any, ...], float | None]:
        """The first measure of every group of a panel that is made up here."""
        by = measure.pop("by", ())
        panel = Panel(
            "p", WORDS, Kind.TABLE, "articles", Grid(0, 0, 1, 1), (Measure(WORDS, **measure),), by, conditions
        )
        answer = self.ask(Dashboard("d", WORDS, WORDS, (panel,), days=3650), panel)
        return {tuple(keys): values[0] for keys, values in rows(answer, panel)}


@pytest.fixture(scope="module")
def sample(elastic: Elastic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    folder = tmp_path_factory.mktemp("kibana")
    settings = ElasticsearchSettings(urls=[elastic.url], alias=ALIAS)
    titles = {source.name: source.title for source in sources()}

    async def fill() -> tuple[list[Article], list[Alert]]:
        async with ledger_of_the_demo(folder) as ledger, ElasticArticleIndex(settings, lambda: titles) as index:
            await rebuild(ledger, index)
            await refresh_companions(ledger, settings)
            found = [article async for article in ledger.replay()]
            return found, (await ledger.alerts(AlertFilter(), 1000)).alerts

    articles, alerts = asyncio.run(fill())
    client = Elasticsearch(elastic.url)
    client.indices.refresh(index=f"{ALIAS}*")
    yield Sample(client, settings, folder, articles, alerts)
    for name in client.indices.get(index=f"{ALIAS}*"):
        client.indices.delete(index=name)
    client.close()


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda one: one.id)
def test_the_query_of_every_panel_has_an_answer(sample: Sample, dashboard: Dashboard, panel: Panel) -> None:
    answer = sample.ask(dashboard, panel)
    found = rows(answer, panel)
    assert answer["hits"]["total"]["value"] > 0
    assert found
    for number in range(len(panel.measures)):
        assert any(values[number] is not None for _, values in found), panel.measures[number]
    assert any(values[0] for _, values in found)


def test_the_numbers_are_those_of_the_ledger(sample: Sample) -> None:
    analysed = [article for article in sample.articles if article.analysis.HasField("analyze_time")]
    assert len(analysed) == len(sample.articles) > 40
    assert sample.count() == {(): len(analysed)}
    tones = Counter(article.analysis.sentiment.label for article in analysed)
    assert sample.count(by=(Terms("sentiment", WORDS),)) == {(label,): n for label, n in tones.items()}
    assert sample.count(operation="unique_count", field="story") == {(): len({one.story for one in analysed})}
    unsure = sum(article.analysis.sentiment.unsure for article in analysed)
    assert sample.count(Only("sentiment_unsure", ("true",))) == {(): unsure}
    assert sample.count(Only("parcels")) == {(): sum(bool(one.parcel_references) for one in analysed)}
    assert sum(n or 0 for n in sample.count(by=(Days("when", WORDS),)).values()) == len(analysed)


def test_groups_of_groups_add_up(sample: Sample) -> None:
    by_source = sample.count(by=(Terms("source_title", WORDS), Terms("sentiment", WORDS)))
    totals: Counter[str] = Counter()
    for (source, _), number in by_source.items():
        totals[source] += int(number or 0)
    assert totals == {source: number for (source,), number in sample.count(by=(Terms("source_title", WORDS),)).items()}
    assert "Báo Núi (mẫu)" in totals


def test_fields_of_the_views_are_those_of_the_indices(sample: Sample) -> None:
    for view in VIEWS.values():
        caps = sample.client.field_caps(index=view.index, fields="*")["fields"]
        for field in view.fields:
            assert list(caps[field.name]) == [field.type], field.name


def test_the_example_of_the_guide_is_answered(sample: Sample) -> None:
    conditions = (
        Only("topics", ("dat_dai",)),
        Only("sentiment", ("negative",)),
        Only("area_titles", ("Xã Trà Leng",)),
        Only("withdrawn", ("false",)),
    )
    assert kql.expression(conditions) in (ROOT / "docs/analysts.md").read_text("utf-8")
    found = sample.count(*conditions, by=(Terms("source_title", WORDS),))
    assert found
    wanted = Counter(
        article.source
        for article in sample.articles
        if "dat_dai" in article.analysis.topics
        and article.analysis.sentiment.label == "negative"
        and "areas/2025-20938" in article.current_areas
    )
    assert sum(found.values()) == sum(wanted.values()) > 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "finds"),
    [
        ("trà leng", r"trà leng"),
        ("TRÀ LENG", r"trà leng"),
        ("tra leng", r"(trà|tra) leng"),
        ("dat dai", r"đất đai"),
        ("đất đai", r"đất đai"),
        ("101/2024/NĐ-CP", r"101/2024/nđ-cp"),
    ],
)
def test_what_analysts_type_in_quotes_finds_what_the_guide_says(sample: Sample, typed: str, finds: str) -> None:
    query = {
        "multi_match": {"type": "phrase", "query": typed, "lenient": True}
    }  # as Kibana asks for a phrase in quotes
    answer = sample.client.search(index=ALIAS, query=query, size=1000, source=["name"])
    found = {hit["_source"]["name"] for hit in answer["hits"]["hits"]}
    wanted = {
        article.name
        for article in sample.articles
        if any(re.search(rf"\b{finds}\b", text.lower()) for text in (article.title, article.lead, article.text))
    }
    assert found == wanted
    assert found


# ------------------------------------------------------------ the mirrors of sources and alerts


def documents(sample: Sample, kind: str) -> dict[str, dict[str, Any]]:
    answer = sample.client.search(index=f"{ALIAS}-{kind}", size=1000)
    return {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}


def test_sources_and_alerts_stand_as_the_ledger_has_them(sample: Sample) -> None:
    found = documents(sample, "sources")
    assert found.keys() == {source.name for source in sources()}
    refusing, broken = found["sources/dien-dan"], found["sources/cong"]
    assert (refusing["state"], refusing["healthy"], refusing["problem"]) == ("blocked", False, "robots.txt từ chối.")
    assert (broken["state"], broken["healthy"], broken["broken_discovery_count"]) == ("active", False, 1)
    assert found["sources/tin"]["healthy"] is True
    assert "problem" not in found["sources/tin"]
    alerts = documents(sample, "alerts")
    assert alerts.keys() == {alert.name for alert in sample.alerts}
    (acknowledged,) = [alert.name for alert in sample.alerts if alert.HasField("acknowledge_time")]
    done = alerts[acknowledged]
    assert (done["open"], done["acknowledge_user"], done["note"]) == (False, "canbo.diachinh", "Đã gọi xác minh.")
    assert done["waited_hours"] >= 0
    assert {alert["source_title"] for alert in alerts.values()} <= {source.title for source in sources()}
    assert {alert["severity"] for alert in alerts.values()} == {"critical", "warning"}


def test_a_refresh_without_news_writes_nothing(sample: Sample) -> None:
    before = documents(sample, "alerts")
    assert sample.refresh() == 0
    assert documents(sample, "alerts") == before


def test_a_refresh_writes_what_changed_and_removes_what_is_gone(sample: Sample) -> None:
    open_ = next(alert for alert in sample.alerts if not alert.HasField("acknowledge_time"))

    async def acknowledge() -> None:
        async with SqliteLedger(Files(sample.folder).ledger) as ledger:
            await ledger.acknowledge_alert(open_.name, "lanhdao.xa", "Giao xã.")

    asyncio.run(acknowledge())
    sample.client.index(index=f"{ALIAS}-sources", id="sources/la", document={"title": "Lạ"}, refresh=True)
    assert sample.refresh() == 2
    assert documents(sample, "alerts")[open_.name]["acknowledge_user"] == "lanhdao.xa"
    assert "sources/la" not in documents(sample, "sources")


def test_mirrors_that_are_lost_or_have_another_mapping_are_made_again(sample: Sample) -> None:
    before = documents(sample, "alerts"), documents(sample, "sources")
    sample.client.indices.delete(index=f"{ALIAS}-alerts")
    sample.client.indices.delete(index=f"{ALIAS}-sources")
    sample.client.indices.create(index=f"{ALIAS}-sources", mappings={"properties": {"title": {"type": "text"}}})
    assert sample.refresh() == sum(map(len, before))
    assert (documents(sample, "alerts"), documents(sample, "sources")) == before


def test_the_mapping_of_a_mirror_is_strict(sample: Sample) -> None:
    with pytest.raises(BadRequestError):
        sample.client.index(index=f"{ALIAS}-alerts", document={"unheard_of": 1})
