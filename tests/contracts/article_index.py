"""Clauses of the port `ArticleIndex`. An adapter's test is a subclass with `factory` and `location`."""

from __future__ import annotations

import asyncio
import pkgutil
import random
import tomllib
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import Article, ArticleKind
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_AREA,
    ARTICLE_FACET_KIND,
    ARTICLE_FACET_SENTIMENT,
    ARTICLE_FACET_SOURCE,
    ARTICLE_FACET_STANCE,
    ARTICLE_FACET_TOPIC,
    TIME_INTERVAL_DAY,
    TIME_INTERVAL_HOUR,
    TIME_INTERVAL_MONTH,
    TIME_INTERVAL_WEEK,
    ArticleFilter,
)

from services.core.errors import Conflict, InvalidPageToken
from services.core.ports import ArticleIndex
from tests.conftest import ROOT
from tests.contracts.articles import AREAS, SOURCES, START, TOPICS, article, random_article

RELEVANCE = tomllib.loads((ROOT / "tests/cases/search/relevance.toml").read_text(encoding="utf-8"))
LETTERS = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"

FILTERS: dict[str, tuple[ArticleFilter, Callable[[Article], bool]]] = {
    "all": (ArticleFilter(include_withdrawn=True), lambda a: True),
    "standing": (ArticleFilter(), lambda a: not a.HasField("withdrawn_time")),
    "sources": (ArticleFilter(sources=SOURCES[:2]), lambda a: a.source in SOURCES[:2]),
    "areas": (ArticleFilter(areas=AREAS[:2]), lambda a: bool(set(a.current_areas) & set(AREAS[:2]))),
    "topics": (ArticleFilter(topics=TOPICS[1:3]), lambda a: bool(set(a.analysis.topics) & set(TOPICS[1:3]))),
    "sentiments": (ArticleFilter(sentiments=["negative"]), lambda a: a.analysis.sentiment.label == "negative"),
    "valences": (ArticleFilter(event_valences=["neutral"]), lambda a: a.analysis.event_valence.label == "neutral"),
    "stances": (ArticleFilter(stances=["critical", "none"]), lambda a: a.analysis.stance.label in ("critical", "none")),
    "complaints": (ArticleFilter(only_complaints=True), lambda a: a.analysis.complaint.label == "yes"),
    "kinds": (ArticleFilter(kinds=[1, 4]), lambda a: a.kind in (1, 4)),
    "originals": (ArticleFilter(only_originals=True), lambda a: not a.duplicate_of),
    "parcels": (ArticleFilter(only_with_parcels=True), lambda a: bool(a.parcel_references)),
    "story": (ArticleFilter(story=article("r5").name), lambda a: a.story == article("r5").name),
}


def _at(days: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(START + timedelta(days=days))
    return stamp


def _names(articles: Sequence[Article]) -> list[str]:
    return [found.name for found in articles]


class ArticleIndexContract:
    """Every clause; `self.open()` gives further users of the same index."""

    factory: ClassVar[str]
    """Import path of a callable (location) -> ArticleIndex. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the index of one test lies."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return self.location(tmp_path)

    def open(self, place: str, **options: Any) -> ArticleIndex:
        index: ArticleIndex = pkgutil.resolve_name(self.factory)(place, **options)
        return index

    @pytest.fixture
    async def index(self, place: str) -> AsyncIterator[ArticleIndex]:
        index = self.open(place)
        yield index
        await index.close()

    @pytest.fixture
    async def many(self, index: ArticleIndex) -> list[Article]:
        """300 random articles, in the order of the index."""
        rng = random.Random(7)
        made = [random_article(rng, number) for number in range(300)]
        await index.put(made)
        return sorted(made, key=lambda a: (-a.publish_time.ToNanoseconds(), a.name))

    # -------------------------------------------------------- words

    async def test_search_finds_what_the_cases_say(self, index: ArticleIndex) -> None:
        texts = RELEVANCE["articles"] | {"nfd": unicodedata.normalize("NFD", RELEVANCE["articles"]["nfd"])}
        made = {key: article(key, text, title="Tin") for key, text in texts.items()}
        await index.put(list(made.values()))
        keys = {stored.name: key for key, stored in made.items()}
        wrong = []
        for case in RELEVANCE["cases"]:
            page = await index.search(ArticleFilter(query=case["query"]), 50)
            found = {keys[name] for name in _names(page.articles)}
            if found != set(case["finds"]) or page.total != len(found):
                wrong.append((case["why"], case["query"], found))
        assert wrong == []

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    async def test_every_letter_is_found_folded_in_either_case_and_form(self, index: ArticleIndex, form: str) -> None:
        letters = LETTERS + LETTERS.upper()
        await index.put(
            [article(f"l{n}", unicodedata.normalize(form, f"chữ x{c}x")) for n, c in enumerate(letters)]  # type: ignore[arg-type]
        )
        total = 0
        for plain in sorted({unicodedata.normalize("NFD", c)[0].replace("đ", "d") for c in LETTERS}):
            page = await index.search(ArticleFilter(query=f"x{plain}x"), 200)
            assert {stored.title for stored in page.articles} == {
                f"Bài l{n}" for n, c in enumerate(letters) if unicodedata.normalize("NFD", c.lower())[0].replace("đ", "d") == plain
            }  # fmt: skip
            total += page.total
        assert total == len(letters)

    @pytest.mark.parametrize(
        "query",
        ['"', '""', "a AND", "NOT", "NEAR(a b, 2)", "^mưa", "mưa*", "{exact}: mưa", "';--", "\\", "a" * 500, "x " * 250,
         "\x00mưa", "(((", "mưa\u202e", "%_", "١٢٣", "𠜎", "🙂"],
    )  # fmt: skip
    async def test_hostile_queries_are_plain_words(self, index: ArticleIndex, many: list[Article], query: str) -> None:
        page = await index.search(ArticleFilter(query=query, include_withdrawn=True), 200)
        said = [f"{found.title} {found.excerpt}".lower() for found in page.articles]
        assert all("mưa" in text for text in said)
        assert bool(said) == ("mưa" in query and "exact" not in query)

    async def test_a_phrase_does_not_reach_over_the_end_of_the_title(self, index: ArticleIndex) -> None:
        await index.put([article("a", "đất đai", title="sạt lở", lead="cầu treo")])
        for query, hits in (('"lở cầu"', 0), ('"treo đất"', 0), ("lở đất treo", 1), ('"cầu treo"', 1)):
            assert (await index.search(ArticleFilter(query=query), 5)).total == hits, query

    async def test_an_excerpt_holds_the_hit_and_a_list_no_text(self, index: ArticleIndex) -> None:
        text = (
            "Mở đầu bài viết.\n\n" + "Lời dẫn dài dòng. " * 100 + "Cuối cùng là sạt lở ở Trà Leng. " + "Và hết. " * 50
        )
        await index.put([article("a", text, lead="Tóm tắt")])
        (hit,) = (await index.search(ArticleFilter(query="sat lo"), 5)).articles
        (plain,) = (await index.search(ArticleFilter(), 5)).articles
        assert "sạt lở ở Trà Leng" in hit.excerpt
        assert hit.excerpt.startswith("…")
        assert plain.excerpt.startswith("Mở đầu bài viết. Lời dẫn")
        assert all(len(found.excerpt) <= 300 and found.text == "" for found in (hit, plain))

    # -------------------------------------------------------- filters, order, counts

    @pytest.mark.parametrize("name", FILTERS)
    async def test_filters_keep_exactly_what_they_say(
        self, index: ArticleIndex, many: list[Article], name: str
    ) -> None:
        filter_, holds = FILTERS[name]
        standing = [a for a in many if filter_.include_withdrawn or not a.HasField("withdrawn_time")]
        wanted = _names([a for a in standing if holds(a)])
        page = await index.search(filter_, 300)
        assert _names(page.articles) == wanted
        assert page.total == len(wanted) > 0
        assert (await index.summarize(filter_, [], 0)).total_count == len(wanted)

    async def test_fields_of_a_filter_must_all_hold(self, index: ArticleIndex, many: list[Article]) -> None:
        filter_ = ArticleFilter(query="đất", areas=AREAS[:3], sentiments=["negative", "neutral"], only_originals=True)
        wanted = [
            a
            for a in many
            if "đất" in f"{a.title} {a.text}".lower().split()
            and set(a.current_areas) & set(AREAS[:3])
            and a.analysis.sentiment.label in ("negative", "neutral")
            and not a.duplicate_of
            and not a.HasField("withdrawn_time")
        ]
        assert _names((await index.search(filter_, 300)).articles) == _names(wanted) != []

    async def test_a_time_range_is_half_open(self, index: ArticleIndex) -> None:
        await index.put([article(str(day), days=day) for day in (1, 2, 3)])
        filter_ = ArticleFilter()
        filter_.time_range.start_time.CopyFrom(_at(1))
        filter_.time_range.end_time.CopyFrom(_at(3))
        found = (await index.search(filter_, 5)).articles
        assert _names(found) == _names([article("2"), article("1")])
        filter_.time_range.ClearField("end_time")
        assert (await index.search(filter_, 5)).total == 3

    @pytest.mark.parametrize("query", ["", "đất"])
    async def test_pages_give_every_article_once_in_order(
        self, index: ArticleIndex, many: list[Article], query: str
    ) -> None:
        filter_ = ArticleFilter(query=query, include_withdrawn=True)
        whole = _names((await index.search(filter_, 300)).articles)
        names: list[str] = []
        after: list[object] | None = None
        while True:
            page = await index.search(filter_, 7, after)
            names += _names(page.articles)
            after = page.next_key
            if after is None:
                break
        assert names == whole

    async def test_paging_is_stable_under_writes(self, index: ArticleIndex) -> None:
        before = [article(f"b{n:02}", days=10 - n / 10) for n in range(20)]
        await index.put(before)
        first = await index.search(ArticleFilter(), 10)
        await index.put([article("new", days=20), article("old", days=1)])
        await index.delete([before[3].name, before[9].name])
        rest = await index.search(ArticleFilter(), 50, first.next_key)
        assert _names(first.articles) + _names(rest.articles) == _names([*before, article("old")])

    async def test_equal_times_are_ordered_by_name_across_pages(self, index: ArticleIndex) -> None:
        made = [article(f"e{n}", days=5) for n in range(9)]
        await index.put(made)
        first = await index.search(ArticleFilter(), 4)
        rest = await index.search(ArticleFilter(), 9, first.next_key)
        assert _names(first.articles) + _names(rest.articles) == sorted(_names(made))

    @pytest.mark.parametrize("key", [[], ["x", "y"], [1], [1, "a", 2], [None, None]])
    async def test_a_foreign_sort_key_is_refused(self, index: ArticleIndex, key: list[object]) -> None:
        with pytest.raises(InvalidPageToken):
            await index.search(ArticleFilter(), 5, key)

    async def test_facets_count_what_matches(self, index: ArticleIndex, many: list[Article]) -> None:
        filter_ = ArticleFilter(include_withdrawn=True)
        values: dict[int, Callable[[Article], Sequence[str]]] = {
            ARTICLE_FACET_SOURCE: lambda a: [a.source],
            ARTICLE_FACET_SENTIMENT: lambda a: [a.analysis.sentiment.label],
            ARTICLE_FACET_STANCE: lambda a: [a.analysis.stance.label],
            ARTICLE_FACET_KIND: lambda a: [ArticleKind.Name(a.kind)],
            ARTICLE_FACET_TOPIC: lambda a: a.analysis.topics,
            ARTICLE_FACET_AREA: lambda a: a.current_areas,
        }
        answer = await index.summarize(filter_, list(values), 0)
        assert [counts.facet for counts in answer.facets] == list(values)
        for counts in answer.facets:
            wanted = Counter(value for a in many for value in values[counts.facet](a))
            ordered = sorted(wanted.items(), key=lambda item: (-item[1], item[0]))
            assert [(bucket.value, bucket.count) for bucket in counts.buckets] == ordered
            if counts.facet not in (ARTICLE_FACET_TOPIC, ARTICLE_FACET_AREA):
                assert sum(bucket.count for bucket in counts.buckets) == answer.total_count == len(many)

    async def test_counts_by_area_are_those_of_each_area_alone(self, index: ArticleIndex, many: list[Article]) -> None:
        asked = [AREAS[4], AREAS[0], "areas/2025-99999"]
        answer = await index.summarize(ArticleFilter(areas=asked), [ARTICLE_FACET_SENTIMENT], 0, by_area=True)
        assert [local.area for local in answer.areas] == asked
        for local in answer.areas:
            alone = await index.summarize(ArticleFilter(areas=[local.area]), [ARTICLE_FACET_SENTIMENT], 0)
            originals = await index.search(ArticleFilter(areas=[local.area], only_originals=True), 1)
            newest = (await index.search(ArticleFilter(areas=[local.area]), 1)).articles
            assert local.total_count == alone.total_count
            assert list(local.facets) == list(alone.facets)
            assert local.original_count == originals.total
            told = [local.newest_publish_time] if local.HasField("newest_publish_time") else []
            assert told == [a.publish_time for a in newest]

    async def test_days_weeks_and_months_are_those_of_vietnam(self, index: ArticleIndex) -> None:
        # 2026-11-01 is a Sunday; midnight in Vietnam is 17:00 UTC of the day before
        moments = ["2026-10-31T16:59:59Z", "2026-10-31T17:00:00Z", "2026-11-01T16:59:59Z", "2026-11-01T17:00:00Z"]
        made = [article(moment) for moment in moments]
        for stored, moment in zip(made, moments, strict=True):
            stored.publish_time.FromJsonString(moment)
        made[0].analysis.sentiment.label = "negative"
        await index.put(made)
        for interval, steps in (
            (TIME_INTERVAL_HOUR, {"2026-10-31T16": 1, "2026-10-31T17": 1, "2026-11-01T16": 1, "2026-11-01T17": 1}),
            (TIME_INTERVAL_DAY, {"2026-10-30T17": 1, "2026-10-31T17": 2, "2026-11-01T17": 1}),
            (TIME_INTERVAL_WEEK, {"2026-10-25T17": 3, "2026-11-01T17": 1}),
            (TIME_INTERVAL_MONTH, {"2026-09-30T17": 1, "2026-10-31T17": 3}),
        ):
            answer = await index.summarize(ArticleFilter(), [], interval)
            found = {step.start_time.ToJsonString()[:13]: step.count for step in answer.histogram}
            assert found == steps
            assert [step.start_time.ToNanoseconds() for step in answer.histogram] == sorted(
                step.start_time.ToNanoseconds() for step in answer.histogram
            )
            assert sum(b.count for s in answer.histogram for b in s.sentiments if b.value == "negative") == 1

    # -------------------------------------------------------- writing

    async def test_putting_again_changes_nothing(self, index: ArticleIndex, many: list[Article]) -> None:
        before = await index.search(ArticleFilter(query="đất"), 300)
        await index.put(many[::-1])
        assert await index.search(ArticleFilter(query="đất"), 300) == before

    async def test_each_article_has_an_answer_of_its_own(self, index: ArticleIndex, many: list[Article]) -> None:
        assert await index.put_each(many) == [None] * len(many)
        assert (await index.search(ArticleFilter(include_withdrawn=True), 1)).total == len(many)
        assert await index.put_each([]) == []

    async def test_a_later_state_replaces_an_earlier_one_and_never_the_other_way(self, index: ArticleIndex) -> None:
        early = article("a", "bản cũ", change_number=3, current_areas=AREAS[:1])
        late = article("a", "bản mới", change_number=4, current_areas=AREAS[1:2])
        for states in ([early, late], [late, early]):
            await index.clear()
            for state in states:
                await index.put([state])
            assert (await index.search(ArticleFilter(query="mới", areas=AREAS[1:2]), 5)).total == 1
            assert (await index.search(ArticleFilter(query="cũ"), 5)).total == 0
            assert (await index.search(ArticleFilter(areas=AREAS[:1]), 5)).total == 0

    async def test_delete_and_clear_leave_nothing_behind(self, index: ArticleIndex, many: list[Article]) -> None:
        filter_ = ArticleFilter(query="đất", include_withdrawn=True)
        found = _names((await index.search(filter_, 300)).articles)
        await index.delete([*found[:10], "articles/unknown"])
        assert _names((await index.search(filter_, 300)).articles) == found[10:]
        await index.put(many)
        assert _names((await index.search(filter_, 300)).articles) == found[10:], "what was deleted stays away"
        await index.clear()
        answer = await index.summarize(ArticleFilter(include_withdrawn=True), [ARTICLE_FACET_AREA], TIME_INTERVAL_DAY)
        assert (answer.total_count, len(answer.facets[0].buckets), len(answer.histogram)) == (0, 0, 0)
        assert (await index.search(filter_, 5)).total == 0
        await index.put(many)
        assert _names((await index.search(filter_, 300)).articles) == found

    async def test_what_was_put_is_there_after_reopening(self, index: ArticleIndex, place: str) -> None:
        await index.put([article("a")])
        await index.close()
        other = self.open(place)
        (found,) = (await other.search(ArticleFilter(), 5)).articles
        await other.close()
        assert (found.name, found.title) == (article("a").name, "Bài a")

    async def test_an_article_without_a_publication_time_is_placed_by_its_collection(self, index: ArticleIndex) -> None:
        made = article("a")
        made.ClearField("publish_time")
        made.collect_time.FromDatetime(datetime(2026, 10, 5, tzinfo=UTC))
        await index.put([made, article("b", days=1), article("c", days=9)])
        found = (await index.search(ArticleFilter(), 5)).articles
        assert _names(found) == _names([article("c"), made, article("b")])

    # -------------------------------------------------------- rebuilding

    async def test_the_old_index_serves_until_the_new_one_takes_over(self, index: ArticleIndex, place: str) -> None:
        old = [article(f"o{n}", days=n) for n in range(3)]
        new = [article(f"n{n}", "bản dựng lại", days=n) for n in range(5)]
        await index.put(old)
        other = self.open(place)
        async with index.rebuild() as build:
            await build.put(new)
            for user in (index, other):
                assert (await user.search(ArticleFilter(), 9)).total == 3
                assert (await user.search(ArticleFilter(query="bản dựng"), 9)).total == 0
            await build.serve()
        for user in (index, other):
            assert _names((await user.search(ArticleFilter(query="ban dung"), 9)).articles) == _names(new[::-1])
            assert (await user.search(ArticleFilter(), 9)).total == 5
        await other.put([article("late", days=9)])
        assert (await other.search(ArticleFilter(), 9)).total == 6
        await other.close()

    async def test_searches_never_see_a_part_of_the_new_index(self, index: ArticleIndex, many: list[Article]) -> None:
        seen: set[int] = set()
        rebuilding = True

        async def search() -> None:
            while rebuilding:
                seen.add((await index.search(ArticleFilter(include_withdrawn=True), 1)).total)

        searching = asyncio.create_task(search())
        async with index.rebuild() as build:
            for start in range(0, 200, 40):
                await build.put(many[start : start + 40])
            await build.serve()
        seen.add((await index.search(ArticleFilter(include_withdrawn=True), 1)).total)
        rebuilding = False
        await searching
        assert seen == {300, 200}

    async def test_what_is_deleted_during_a_rebuild_stays_away(self, index: ArticleIndex, many: list[Article]) -> None:
        names = _names(many)
        await index.delete(names[:1])
        async with index.rebuild() as build:
            await build.put(many[:20])
            await index.delete([*names[1:3], names[-1]])
            await build.put(many)
            await build.serve()
        await index.put(many)
        found = _names((await index.search(ArticleFilter(include_withdrawn=True), 300)).articles)
        assert found == names[3:-1]

    async def test_a_build_that_was_left_or_died_changes_nothing(
        self, index: ArticleIndex, many: list[Article], place: str
    ) -> None:
        async def standing() -> int:
            return (await index.search(ArticleFilter(include_withdrawn=True), 1)).total

        async with index.rebuild() as build:
            await build.put(many[:7])
        assert await standing() == 300
        died = await self.open(place).rebuild().__aenter__()
        await died.put(many[:9])
        assert await standing() == 300
        async with index.rebuild() as build:
            with pytest.raises(Conflict):
                await died.put(many[:1])
            with pytest.raises(Conflict):
                await died.serve()
            await build.put(many[:11])
            await build.serve()
        assert await standing() == 11
        await index.put(many)
        assert await standing() == 300

    async def test_a_later_state_in_the_new_index_is_not_replaced(self, index: ArticleIndex) -> None:
        late, early = article("a", "mới", change_number=4), article("a", "cũ", change_number=3)
        async with index.rebuild() as build:
            await build.put([late])
            await build.put([early])
            await build.serve()
        await index.put([early])
        assert (await index.search(ArticleFilter(query="mới"), 5)).total == 1
