"""Analysis of recorded articles: over a real SentimentService, with places, parcels, documents; and its worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb

from services.core.areas import mentions
from services.core.clock import to_timestamp
from services.core.errors import InvalidField, Overloaded, Unavailable
from services.core.sections.doors import GrpcSettings
from services.core.worker import Quarantine, Retry
from services.media.analyze import Analyzer, current_areas
from services.rpc.client import connect
from services.rpc.serve import Server
from services.sentiment.baseline import Baseline
from services.sentiment.servicer import SentimentServicer

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
TRA_MY = ["areas/2025-20944", "areas/2025-20941", "areas/2025-20950", "areas/2025-20938", "areas/2025-20959"]


class Refusing(SentimentServicer):
    """A service that answers every text with the same error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Baseline())
        self._error = error

    async def AnalyzeText(self, request: pb.AnalyzeTextRequest, context: Any) -> pb.AnalyzeTextResponse:
        raise self._error


@asynccontextmanager
async def over(folder: Path, service: SentimentServicer, **given: Any) -> AsyncIterator[Analyzer]:
    socket = folder / "grpc.sock"
    server = Server(GrpcSettings(), tcp=False, unix=socket)
    server.add("ngoclinh.sentiment.v1.SentimentService", service)
    await server.start()
    async with connect(f"unix:{socket}") as channel:
        yield Analyzer(channel, clock=lambda: NOW, **given)
    await server.stop(0)


@pytest.fixture
async def analyzer(tmp_path: Path) -> AsyncIterator[Analyzer]:
    async with over(
        tmp_path, SentimentServicer(Baseline()), contexts={"sources/tra-my": ["areas/2025-20944"]}
    ) as found:
        yield found


def article(text: str, title: str = "", lead: str = "", day: str = "2026-11-20", **fields: Any) -> Article:
    moment = datetime.fromisoformat(f"{day}T08:00:00+07:00")
    return Article(title=title, lead=lead, text=text, publish_time=to_timestamp(moment), **fields)


async def one(analyzer: Analyzer, given: Article) -> ArticleAnalyzed:
    (found,) = await analyzer.analyze([given])
    return found


async def test_a_recorded_article_becomes_an_analysis_of_that_revision(analyzer: Analyzer) -> None:
    given = article(
        "Thửa đất số 123, tờ bản đồ số 5, xã Trà Don cũ bị lấn. Theo Quyết định 27/QĐ-UBND, xã phải giải quyết.",
        title="Dân kiến nghị cắm lại mốc đất",
        lead="Nhiều hộ ở xã Nam Trà My, thành phố Đà Nẵng gửi đơn.",
        name="articles/abc",
        revision=3,
    )
    (output,) = await analyzer.recorded(ArticleCollected(article=given))
    found = output.event
    assert isinstance(found, ArticleAnalyzed)
    assert (output.subject, output.key) == ("media.analyzed", "articles/abc@3")
    assert (found.article, found.revision) == ("articles/abc", 3)
    assert found.analysis.topics[0] == "dat_dai"
    assert found.analysis.event_valence.label == "negative"
    assert list(found.analysis.models) == ["baseline@2026.11"]
    assert found.analysis.analyze_time == to_timestamp(NOW)
    assert (found.analysis.truncated, found.analysis.coverage) == (False, 1.0)
    assert list(found.documents) == ["27/QĐ-UBND"]
    (parcel,) = found.parcel_references
    assert (parcel.commune, parcel.sheet, parcel.parcel) == ("areas/2004-20956", "5", "123")


async def test_offsets_count_in_title_lead_and_text(analyzer: Analyzer) -> None:
    given = article(
        "😀 Thửa 12 tờ bản đồ số 3 ở xã Trà Tập.\n\nTrạm y tế xã Trà Vân đã mở cửa.",
        title="Chuyện ở Nam Trà My",
        lead="Xã Trà Linh, thành phố Đà Nẵng.",
    )
    whole = f"{given.title}\n{given.lead}\n{given.text}"
    found = await one(analyzer, given)
    assert len(found.places) >= 4
    assert len(found.parcel_references) == 1
    for named in (*found.places, *found.parcel_references):
        assert whole[named.offset :].startswith(named.text)


async def test_a_unit_is_named_once_where_it_stands_first(analyzer: Analyzer) -> None:
    found = await one(analyzer, article("Xã Trà Leng, thành phố Đà Nẵng. Xã Trà Leng lại mưa. Trà Leng."))
    assert [place.area for place in found.places] == ["areas/2025-20938", "areas/2025-48"]
    assert found.places[0].offset == 2


async def test_the_day_decides_which_unit_a_name_means(analyzer: Analyzer) -> None:
    text = "Lũ về xã Trà Leng, huyện Nam Trà My, tỉnh Quảng Nam."
    old = await one(analyzer, article(text, day="2020-10-28"))
    assert old.places[0].area == "areas/2004-20935"
    assert list(old.places[0].current_areas) == ["areas/2025-20938"]
    assert [place.area for place in old.places][1:] == ["areas/2004-516", "areas/2004-49"]
    new = await one(analyzer, article("Lũ về xã Trà Leng, thành phố Đà Nẵng."))
    assert new.places[0].area == "areas/2025-20938"


async def test_without_a_time_of_publication_the_time_of_collection_counts(analyzer: Analyzer) -> None:
    given = Article(text="Bà con xã Trà Leng đi họp", collect_time=to_timestamp(datetime(2020, 1, 1, tzinfo=UTC)))
    assert (await one(analyzer, given)).places[0].area == "areas/2004-20935"
    given.ClearField("collect_time")
    assert (await one(analyzer, given)).places[0].area == "areas/2025-20938"


async def test_what_the_source_writes_about_makes_a_name_certain(analyzer: Analyzer) -> None:
    text = "Chiều nay Trà Linh mưa to, suối dâng cao."
    without = await one(analyzer, article(text))
    certain = await one(analyzer, article(text, source="sources/tra-my"))
    assert "areas/2025-20950" not in without.current_areas or without.places[0].score < certain.places[0].score
    assert list(certain.current_areas) == ["areas/2025-20950"]


async def test_a_district_stands_for_its_communes_of_today_and_a_province_for_none(analyzer: Analyzer) -> None:
    district = await one(analyzer, article("Huyện Nam Trà My, tỉnh Quảng Nam họp.", day="2024-03-01"))
    assert sorted(district.current_areas) == sorted(TRA_MY)
    province = await one(analyzer, article("Thành phố Đà Nẵng họp báo."))
    assert [place.area for place in province.places] == ["areas/2025-48"]
    assert list(province.current_areas) == []


def test_current_areas_name_each_commune_once_in_the_order_of_the_text() -> None:
    text = "Xã Trà Vân, xã Trà Linh và các xã khác của huyện Nam Trà My, tỉnh Quảng Nam"
    found = current_areas(mentions(text, date(2024, 1, 1)))
    assert found[:2] == ["areas/2025-20959", "areas/2025-20950"]
    assert sorted(found) == sorted(TRA_MY)


async def test_a_headline_and_a_lead_are_judged_with_the_text(analyzer: Analyzer) -> None:
    found = await one(analyzer, article("Chiều 20/11.", title="Cảm ơn cán bộ xã", lead="Bà con rất vui và biết ơn."))
    assert found.analysis.sentiment.label == "positive"
    assert {sentence.offset for sentence in found.analysis.sentiment.sentences} <= {
        -1,
        0,
        len("Bà con rất vui và biết ơn.\n\n"),
    }


async def test_an_article_without_words_is_analysed(analyzer: Analyzer) -> None:
    found = await one(analyzer, Article(name="articles/empty", revision=1))
    assert found.analysis.sentiment.unsure
    assert not found.places
    assert not found.analysis.topics


async def test_several_megabytes_are_analysed_in_part_and_places_are_found_throughout(analyzer: Analyzer) -> None:
    text = "Mưa lớn làm sạt lở đường. " * 120_000 + "Xã Trà Vân, thành phố Đà Nẵng."
    found = await one(analyzer, article(text))
    assert found.analysis.truncated
    assert found.analysis.coverage == pytest.approx(20_000 / len(text), rel=0.01)
    assert list(found.current_areas) == ["areas/2025-20959"]


async def test_many_articles_come_back_in_order(analyzer: Analyzer) -> None:
    texts = ["Cảm ơn cán bộ xã nhiệt tình.", "Đường hỏng, đề nghị xã sửa gấp."] * 75
    found = await analyzer.analyze([article(text, name=f"articles/{i}") for i, text in enumerate(texts)])
    assert [one.article for one in found] == [f"articles/{i}" for i in range(150)]
    assert [one.analysis.complaint.label for one in found] == ["no", "yes"] * 75
    long = [article("Mưa lớn, nước lên. " * 10_000) for _ in range(3)]
    assert len(await analyzer.analyze(long)) == 3


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Overloaded("bận", "busy"), Retry),
        (TimeoutError(), Quarantine),
        (InvalidField("texts", "sai", "wrong"), Quarantine),
    ],
    ids=["busy", "fault", "refused"],
)
async def test_what_may_pass_is_tried_again_and_the_rest_set_aside(
    tmp_path: Path, error: Exception, outcome: type[Exception]
) -> None:
    async with over(tmp_path, Refusing(error)) as analyzer:
        with pytest.raises(outcome, match="SentimentService"):
            await analyzer.recorded(ArticleCollected(article=article("chào")))


async def test_a_busy_service_is_tried_again_when_it_says(tmp_path: Path) -> None:
    async with over(tmp_path, Refusing(Overloaded("bận", "busy", 42.5))) as analyzer:
        with pytest.raises(Retry) as caught:
            await analyzer.recorded(ArticleCollected(article=article("chào")))
    assert caught.value.delay_s == 42.5


async def test_a_text_that_cannot_be_analysed_is_told_in_both_languages(tmp_path: Path) -> None:
    class Broken(Baseline):
        def classify(self, texts: Sequence[pb.Text]) -> list[pb.TextAnalysis]:
            raise ZeroDivisionError

    async with over(tmp_path, SentimentServicer(Broken())) as analyzer:
        with pytest.raises(Unavailable, match="A fault of the server") as caught:
            await analyzer.analyze([article("chào")])
    assert "Máy chủ gặp lỗi" in caught.value.vi


async def test_a_service_that_is_away_is_waited_for(tmp_path: Path) -> None:
    async with connect(f"unix:{tmp_path / 'nobody.sock'}") as channel:
        with pytest.raises(Unavailable, match="UNAVAILABLE"):
            await Analyzer(channel).recorded(ArticleCollected(article=article("chào")))


async def test_invented_stories_of_the_district(analyzer: Analyzer, shared: Path) -> None:
    stories = [json.loads(line) for line in (shared / "newsweb/local_stories.jsonl").read_text("utf-8").splitlines()]
    given = [
        article(story["body"], story["title"] or "", story["lead"] or "", day=story["published"][:10])
        for story in stories
    ]
    found = await analyzer.analyze(given)

    def right(judge: Callable[[dict[str, Any], ArticleAnalyzed], bool]) -> float:
        return sum(map(judge, stories, found)) / len(stories)

    def numbers(truth: dict[str, Any]) -> set[tuple[str, str]]:
        return {(parcel["sheet"] or "", parcel["parcel"]) for parcel in truth["parcels"]}

    def codes(named: ArticleAnalyzed) -> set[str]:
        return {place.area.partition("-")[2] for place in named.places}

    assert right(lambda truth, one: {place["code"] for place in truth["places"]} == codes(one)) >= 0.85
    assert right(lambda truth, one: set(truth["documents"]) <= set(one.documents)) >= 0.95
    assert right(lambda truth, one: numbers(truth) == {(p.sheet, p.parcel) for p in one.parcel_references}) >= 0.95
    assert right(lambda truth, one: truth["event_valence"] == one.analysis.event_valence.label) >= 0.70
    assert right(lambda truth, one: ("no", "yes")[truth["is_complaint"]] == one.analysis.complaint.label) >= 0.88
