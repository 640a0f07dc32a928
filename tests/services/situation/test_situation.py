"""The situation joins both halves per commune, and says in words where one is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.area.v1 import area_service_pb2 as area
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceServicer
from ngoclinh.land.v1 import land_service_pb2 as land
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceServicer
from ngoclinh.land.v1.parcel_pb2 import Parcel
from ngoclinh.media.v1 import article_pb2 as article
from ngoclinh.media.v1 import media_service_pb2 as media
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceServicer
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest, Situation
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

from services.core.clock import to_timestamp
from services.core.errors import NotFound, Unavailable
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import SituationSettings
from services.rpc import status
from services.rpc.client import connect
from services.rpc.serve import Server
from services.situation import servicer as situation_servicer
from services.situation.servicer import SituationServicer

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
LENG, MAI = "areas/2025-20938", "areas/2025-20944"
OLD_LENG, OLD_DON = "areas/2004-20935", "areas/2004-20938"


class Generic:
    """Leaves the methods out that a situation does not need."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(request: Any, context: Any) -> Any:
            raise Unavailable("không có", "not here")

        if name[0].isupper():
            return refuse
        raise AttributeError(name)


class Areas(Generic):
    async def GetWatchArea(self, request: area.GetWatchAreaRequest, context: Any) -> area.WatchArea:
        if request.name != "watchAreas/two":
            raise NotFound(request.name)
        return area.WatchArea(name=request.name, areas=[LENG, MAI])

    async def GetArea(self, request: area.GetAreaRequest, context: Any) -> area.Area:
        return area.Area(name=request.name, title=f"title of {request.name}")


class Media(Generic):
    """Two articles about Trà Leng; one names a parcel three ways."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.poll_time: datetime | None = NOW - timedelta(minutes=5)
        self.delay_s = 0.0
        self.down = False
        self.mentions_down = False
        self.filter = media.ArticleFilter()

    async def SummarizeArticles(self, request: Any, context: Any) -> media.SummarizeArticlesResponse:
        self.calls.append("summarize")
        self.filter = request.filter
        await asyncio.sleep(self.delay_s)
        if self.down:
            raise Unavailable("hỏng", "down")
        facets = {
            media.ARTICLE_FACET_SENTIMENT: {"negative": 2, "neutral": 1},
            media.ARTICLE_FACET_EVENT_VALENCE: {"negative": 3},
            media.ARTICLE_FACET_STANCE: {"critical": 1},
            media.ARTICLE_FACET_COMPLAINT: {"yes": 1, "no": 2},
            media.ARTICLE_FACET_TOPIC: {"dat_dai": 2, "": 1},
        }
        counts = media.AreaCounts(area=LENG, total_count=3, original_count=2, newest_publish_time=to_timestamp(NOW))
        for facet in request.facets:
            buckets = [media.FacetBucket(value=key, count=value) for key, value in facets[facet].items()]
            counts.facets.add(facet=facet, buckets=buckets)
        return media.SummarizeArticlesResponse(total_count=3, areas=[counts, media.AreaCounts(area=MAI)])

    async def ListParcelMentions(self, request: Any, context: Any) -> media.ListParcelMentionsResponse:
        self.calls.append("mentions")
        if self.mentions_down:
            raise Unavailable("hỏng", "down")

        def naming(name: str, *references: tuple[str, str, str]) -> media.ParcelMention:
            parcels = [article.ParcelReference(commune=c, sheet=s, parcel=p) for c, s, p in references]
            return media.ParcelMention(article=name, current_areas=[LENG], parcel_references=parcels)

        first = naming("articles/a", (OLD_LENG, "5", "123"), ("", "5", "124"), (OLD_LENG, "", "7"))
        second = naming("articles/b", (OLD_LENG, "5", "123"), ("areas/2004-00001", "1", "1"))
        return media.ListParcelMentionsResponse(mentions=[first, second], total_count=2)

    async def ListSources(self, request: Any, context: Any) -> media.ListSourcesResponse:
        self.calls.append("sources")
        stamp = to_timestamp(self.poll_time) if self.poll_time else None
        return media.ListSourcesResponse(sources=[article.Source(name="sources/a", poll_time=stamp), article.Source()])


class Land(Generic):
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.keys: list[land.ParcelKey] = []
        self.down = False

    async def SummarizeLand(self, request: Any, context: Any) -> land.SummarizeLandResponse:
        self.calls.append("summarize")
        if self.down:
            raise Unavailable("hỏng", "down")
        rules = [land.RuleCount(rule_code="T01", count=4)]
        summary = land.LandSummary(
            area=LENG, parcel_count=9, area_m2=81.5, error_count=4, rules=rules, newest_import_time=to_timestamp(NOW)
        )
        return land.SummarizeLandResponse(summaries=[summary, land.LandSummary(area=MAI)])

    async def FindParcels(self, request: Any, context: Any) -> land.FindParcelsResponse:
        self.calls.append("find")
        if self.down:
            raise Unavailable("hỏng", "down")
        self.keys = list(request.keys)
        parcel = Parcel(name="parcels/2004-20935-5-123", error_count=2)
        return land.FindParcelsResponse(
            results=[land.FoundParcels(parcels=[parcel] if key.number == "123" else []) for key in request.keys]
        )


class World:
    """The three services and the situation over them."""

    def __init__(self) -> None:
        self.media = Media()
        self.land = Land()
        self.now = NOW
        self.stub: Any = None

    async def situation(self, timeout_s: float = 8.0, **request: Any) -> Situation:
        answer = await self.stub.GetSituation(GetSituationRequest(**request), timeout=timeout_s)
        assert isinstance(answer, Situation)
        return answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World()
    server = Server(GrpcSettings(), tcp=False, unix=tmp_path / "core.sock")
    channel = connect(server.target)
    for name, servicer in (
        ("ngoclinh.area.v1.AreaService", Areas()),
        ("ngoclinh.media.v1.MediaService", world.media),
        ("ngoclinh.land.v1.LandService", world.land),
        (
            "ngoclinh.situation.v1.SituationService",
            SituationServicer(channel, "two", SituationSettings(days=7), lambda: world.now),
        ),
    ):
        server.add(name, servicer)
    await server.start()
    world.stub = SituationServiceStub(channel)
    yield world
    await channel.close()
    await server.stop(0)


async def test_both_halves_stand_beside_each_other_per_commune(world: World) -> None:
    answer = await world.situation()
    leng, mai = answer.areas
    assert answer.watch_area == "watchAreas/two"
    assert (leng.area.name, mai.area.name) == (LENG, MAI)
    assert (leng.media.article_count, leng.media.story_count, leng.media.negative_count) == (3, 2, 2)
    assert (leng.media.negative_event_count, leng.media.critical_count, leng.media.complaint_count) == (3, 1, 1)
    assert [(bucket.value, bucket.count) for bucket in leng.media.topics] == [("dat_dai", 2)]
    assert (leng.land.parcel_count, leng.land.area_m2, leng.land.error_count) == (9, 81.5, 4)
    assert [(bucket.value, bucket.count) for bucket in leng.land.rules] == [("T01", 4)]
    assert (mai.media.article_count, mai.land.parcel_count) == (0, 0)
    assert not mai.land.HasField("newest_import_time")


async def test_parcels_that_articles_name_are_joined_to_the_store(world: World) -> None:
    leng, mai = (await world.situation()).areas
    joined = {(each.commune, each.sheet, each.number): each for each in leng.mentioned_parcels}
    assert set(joined) == {(OLD_LENG, "5", "123"), (LENG, "5", "124"), (OLD_LENG, "", "7")}
    found = joined[OLD_LENG, "5", "123"]
    assert (found.parcel, list(found.articles), found.error_count) == (
        "parcels/2004-20935-5-123", ["articles/a", "articles/b"], 2,
    )  # fmt: skip
    assert joined[LENG, "5", "124"].parcel == ""
    assert not mai.mentioned_parcels
    communes = {key.number: list(key.communes) for key in world.land.keys}
    assert communes["123"] == [OLD_LENG]
    assert communes["124"][0] == LENG
    assert OLD_DON in communes["124"], "a sheet of a merged commune may be meant"


async def test_the_number_of_calls_does_not_grow_with_the_communes(world: World) -> None:
    await world.situation()
    assert sorted(world.media.calls) == ["mentions", "sources", "summarize"]
    assert sorted(world.land.calls) == ["find", "summarize"]


async def test_without_a_range_the_last_days_count(world: World) -> None:
    answer = await world.situation()
    assert world.media.filter.time_range == answer.time_range
    assert answer.time_range.start_time == to_timestamp(NOW - timedelta(days=7))
    assert answer.time_range.end_time == to_timestamp(NOW)
    assert answer.compute_time == to_timestamp(NOW)


async def test_fresh_data_have_a_time_and_no_problem(world: World) -> None:
    media_, land_ = (await world.situation()).freshness
    assert (media_.origin, media_.stale, media_.problem.vi) == ("media", False, "")
    assert media_.data_time == to_timestamp(NOW - timedelta(minutes=5))
    assert (land_.origin, land_.stale, land_.problem.vi) == ("land", False, "")


async def test_old_data_are_stale_in_words(world: World) -> None:
    world.media.poll_time = NOW - timedelta(hours=30)
    media_, _ = (await world.situation()).freshness
    assert media_.stale
    assert "30 giờ" in media_.problem.vi
    assert "30 hours" in media_.problem.en


async def test_without_any_poll_the_newest_article_tells_the_age(world: World) -> None:
    world.media.poll_time = None
    media_, _ = (await world.situation()).freshness
    assert media_.data_time == to_timestamp(NOW)


async def test_a_media_half_that_fails_leaves_the_land_half(world: World) -> None:
    world.media.down = True
    answer = await world.situation()
    media_, land_ = answer.freshness
    assert media_.stale
    assert "Phần tin bài chưa trả lời" in media_.problem.vi
    assert not land_.stale
    assert not answer.areas[0].HasField("media")
    assert answer.areas[0].land.parcel_count == 9


async def test_without_the_mentions_the_counts_stand_and_the_half_is_named(world: World) -> None:
    world.media.mentions_down = True
    first = await world.situation()
    assert "Phần tin bài chưa trả lời" in first.freshness[0].problem.vi
    assert first.areas[0].media.article_count == 3
    assert not first.areas[0].mentioned_parcels
    world.media.mentions_down = False
    good = await world.situation()
    world.media.mentions_down = True
    later = await world.situation()
    assert (good.freshness[0].stale, later.freshness[0].stale) == (False, True)
    assert "không trả lời; đây là số liệu đọc lúc" in later.freshness[0].problem.vi
    assert figures(later) == figures(good)


async def test_a_media_half_that_hangs_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(situation_servicer, "HALF_S", 0.3)
    world.media.delay_s = 20
    async with asyncio.timeout(5):
        answer = await world.situation()
    assert answer.freshness[0].stale
    assert answer.areas[0].land.parcel_count == 9


async def test_a_short_deadline_still_gets_the_half_that_answers(world: World) -> None:
    world.media.delay_s = 20
    answer = await world.situation(timeout_s=1.5)
    assert answer.freshness[0].stale
    assert answer.areas[0].land.parcel_count == 9


async def test_a_land_half_that_fails_leaves_the_media_half(world: World) -> None:
    world.land.down = True
    answer = await world.situation()
    media_, land_ = answer.freshness
    assert (media_.stale, land_.stale) == (False, True)
    assert "Phần đất đai chưa trả lời" in land_.problem.vi
    assert answer.areas[0].media.article_count == 3
    assert not answer.areas[0].HasField("land")
    assert [each.parcel for each in answer.areas[0].mentioned_parcels] == ["", "", ""]


def figures(answer: Situation) -> list[Any]:
    """An answer without the moments at which it was made."""
    return [answer.areas[0].media, answer.areas[0].land, list(answer.areas[0].mentioned_parcels)]


@pytest.mark.parametrize(("half", "at"), [("media", 0), ("land", 1)])
async def test_a_half_that_answered_before_stands_in_with_its_age(world: World, half: str, at: int) -> None:
    before = await world.situation()
    world.now += timedelta(minutes=12)
    getattr(world, half).down = True
    answer = await world.situation()
    old, new = answer.freshness[at], answer.freshness[1 - at]
    assert figures(answer) == figures(before)
    assert (old.stale, new.stale) == (True, False)
    assert "đọc lúc 15:00 25/11/2026, cách đây 12 phút" in old.problem.vi
    assert "12 minutes ago" in old.problem.en
    assert (old.read_time, new.read_time) == (to_timestamp(NOW), to_timestamp(world.now))
    assert old.data_time == before.freshness[at].data_time
    getattr(world, half).down = False
    again = (await world.situation()).freshness[at]
    assert (again.stale, again.problem.vi, again.read_time) == (False, "", to_timestamp(world.now))


async def test_an_earlier_answer_stands_in_for_its_own_question_only(world: World) -> None:
    await world.situation()
    world.media.down = True
    other = await world.situation(areas=[LENG])
    longer = await world.situation(time_range={"start_time": NOW - timedelta(days=30), "end_time": NOW})
    assert not other.areas[0].HasField("media")
    assert not longer.areas[0].HasField("media")
    assert (await world.situation()).areas[0].HasField("media")


async def test_communes_may_be_named_instead_of_a_watch_area(world: World) -> None:
    answer = await world.situation(areas=[MAI, LENG, MAI])
    assert answer.watch_area == ""
    assert [each.area.name for each in answer.areas] == [MAI, LENG]


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        ({"areas": ["nonsense"]}, grpc.StatusCode.INVALID_ARGUMENT, "areas[0]"),
        ({"areas": [LENG, "areas/2004-20938"]}, grpc.StatusCode.INVALID_ARGUMENT, "areas[1]"),
        ({"areas": [LENG], "watch_area": "watchAreas/two"}, grpc.StatusCode.INVALID_ARGUMENT, "areas"),
        (
            {"time_range": {"start_time": NOW, "end_time": NOW - timedelta(days=1)}},
            grpc.StatusCode.INVALID_ARGUMENT,
            "time_range",
        ),
        ({"watch_area": "watchAreas/none"}, grpc.StatusCode.NOT_FOUND, ""),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    world: World, request_: dict[str, Any], code: grpc.StatusCode, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.situation(**request_)
    answer = status.from_rpc_error(caught.value)
    assert caught.value.code() is code
    assert field in status.message(answer, "en")
    assert status.message(answer, "vi")


def test_the_fakes_speak_for_real_services() -> None:
    for fake, base in ((Areas, AreaServiceServicer), (Media, MediaServiceServicer), (Land, LandServiceServicer)):
        written = {name for name in vars(fake) if name[0].isupper()}
        assert written <= set(dir(base))
