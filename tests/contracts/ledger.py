"""Clauses of the port `Ledger`. An adapter's test is a subclass with `factory` and `location`."""

from __future__ import annotations

import hashlib
import pkgutil
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ngoclinh.media.v1.article_pb2 import Article, Evidence, Source
from ngoclinh.media.v1.event_pb2 import ArticleWithdrawn, SourceChecked, SubmissionFailed
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_FETCH_FAILED, ERROR_REASON_FETCH_REFUSED

from services.core.errors import NotFound
from services.core.ports import Ledger, Submission
from tests.contracts.articles import AREAS, START, analyzed, article, collected
from tests.contracts.crash import run_and_kill

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def withdrawn(name: str, day: float) -> ArticleWithdrawn:
    event = ArticleWithdrawn(article=name, status=410)
    event.withdraw_time.FromDatetime(START + timedelta(days=day))
    return event


def picture(key: str) -> Evidence:
    """An invented file that shows something."""
    return Evidence(sha256=hashlib.sha256(key.encode()).hexdigest(), media_type="image/png", size_bytes=1000 + len(key))


def with_files(of: Article, *files: Evidence) -> Article:
    """The article with evidence."""
    made = Article()
    made.CopyFrom(of)
    made.evidence.extend(files)
    return made


async def state(ledger: Ledger) -> list[Article]:
    return [stored async for stored in ledger.replay()]


class LedgerContract:
    """Every clause; `self.open()` gives further users of the same ledger."""

    factory: ClassVar[str]
    """Import path of a callable (location, clock=utc_now) -> Ledger. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the ledger of one test lies."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return self.location(tmp_path)

    def open(self, place: str, **options: Any) -> Ledger:
        ledger: Ledger = pkgutil.resolve_name(self.factory)(place, **options)
        return ledger

    @pytest.fixture
    async def ledger(self, place: str) -> AsyncIterator[Ledger]:
        ledger = self.open(place, clock=lambda: NOW)
        yield ledger
        await ledger.close()

    # -------------------------------------------------------- versions

    async def test_a_collected_article_is_kept_whole_and_numbered(self, ledger: Ledger) -> None:
        made = article("a", "Đất đai ở Trà Leng.", lead="Tóm tắt", author_names=["Người Viết"])
        recorded = await ledger.record_collected(collected(made, day=2))
        assert recorded.changed
        stored = await ledger.article(made.name)
        assert stored == recorded.article
        assert stored is not None
        assert (stored.title, stored.lead, stored.text, stored.author_names) == (
            made.title, made.lead, made.text, made.author_names
        )  # fmt: skip
        assert (stored.revision, stored.text_length, stored.excerpt) == (1, 19, "Đất đai ở Trà Leng.")
        assert stored.first_collect_time == stored.collect_time
        assert stored.change_number > 0
        assert not stored.HasField("analysis")
        assert await ledger.article("articles/unknown") is None

    async def test_the_same_content_again_changes_nothing(self, ledger: Ledger) -> None:
        first = await ledger.record_collected(collected(article("a"), day=1))
        for day in (1, 5):
            again = await ledger.record_collected(collected(article("a"), day=day))
            assert not again.changed
            assert again.article == first.article
        assert len(await ledger.versions(first.article.name)) == 1

    async def test_new_content_is_a_new_version_and_old_ones_stay(self, ledger: Ledger) -> None:
        for day, text in enumerate(("một", "hai", "một"), start=1):
            recorded = await ledger.record_collected(collected(article("a", text), day=day))
            assert (recorded.changed, recorded.article.revision, recorded.article.text) == (True, day, text)
        versions = await ledger.versions(recorded.article.name)
        assert [(version.revision, version.text) for version in versions] == [(1, "một"), (2, "hai"), (3, "một")]
        assert recorded.article.first_collect_time == versions[0].collect_time

    async def test_a_late_delivery_of_an_old_version_changes_nothing(self, ledger: Ledger) -> None:
        old, new = collected(article("a", "cũ"), day=1), collected(article("a", "mới"), day=2)
        for event in (old, new, old):
            recorded = await ledger.record_collected(event)
        assert (recorded.changed, recorded.article.text, recorded.article.revision) == (False, "mới", 2)
        assert len(await ledger.versions(recorded.article.name)) == 2

    async def test_the_version_collected_last_is_shown_in_whatever_order_they_come(self, ledger: Ledger) -> None:
        for number, order in enumerate(permutations(enumerate(("một", "hai", "ba")))):
            for day, text in order:
                recorded = await ledger.record_collected(collected(article(f"a{number}", text), day=day))
            stored = await ledger.article(recorded.article.name)
            assert stored is not None
            assert stored.text == "ba"
            assert [version.text for version in await ledger.versions(stored.name)] == ["một", "hai", "ba"]

    # -------------------------------------------------------- analyses

    async def test_an_analysis_is_laid_over_its_version(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a")))).article.name
        event = analyzed(name)
        stored = await ledger.record_analyzed(event)
        assert stored is not None
        assert stored.analysis == event.analysis
        assert list(stored.places) == list(event.places)
        assert list(stored.current_areas) == AREAS[:2]
        assert list(stored.documents) == list(event.documents)
        assert await ledger.article(name) == stored
        assert await ledger.record_analyzed(event) == stored, "the same analysis again changes nothing"
        assert await ledger.record_analyzed(analyzed("articles/unknown")) is None

    async def test_an_analysis_of_an_older_version_or_moment_is_not_shown(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a", "một"), day=1))).article.name
        await ledger.record_analyzed(analyzed(name, revision=1, day=1))
        recorded = await ledger.record_collected(collected(article("a", "hai"), day=2))
        assert not recorded.article.HasField("analysis")
        late = await ledger.record_analyzed(analyzed(name, revision=1, day=9))
        assert late is not None
        assert not late.HasField("analysis")
        await ledger.record_analyzed(analyzed(name, revision=2, day=5, sentiment="positive"))
        stored = await ledger.record_analyzed(analyzed(name, revision=2, day=4, sentiment="neutral"))
        assert stored is not None
        assert stored.analysis.sentiment.label == "positive"

    async def test_analyses_kept_together_read_as_if_kept_one_by_one(self, ledger: Ledger) -> None:
        names = [(await ledger.record_collected(collected(article(key)))).article.name for key in "dbca"]
        cursor = (await ledger.changes()).cursor
        gone, first, *_ = names
        await ledger.take_down(gone, "theo yêu cầu", "chị Hoa")
        events = [analyzed(name) for name in ("articles/unknown", *names)]
        again = analyzed(first, day=9, sentiment="positive")
        told = await ledger.record_analyses([*events, again])
        assert [found is None for found in told] == [True, True, False, False, False, False]
        assert told[2:] == [await ledger.article(name) for name in [*names[1:], first]]
        assert told[-1] is not None
        assert (told[-1].analysis.sentiment.label, told[-1].change_number) == ("positive", 2), "one change"
        changes = await ledger.changes(cursor)
        assert [one.name for one in changes.articles] == names[1:], "in the order of the events"
        assert await ledger.record_analyses([*events, again]) == told, "the same again changes nothing"
        assert (await ledger.changes(changes.cursor)).articles == []
        assert await ledger.record_analyses([]) == []

    async def test_it_tells_which_articles_stand(self, ledger: Ledger) -> None:
        names = [(await ledger.record_collected(collected(article(key)))).article.name for key in "abc"]
        await ledger.take_down(names[1], "theo yêu cầu", "chị Hoa")
        assert await ledger.standing([*names, "articles/unknown"]) == {names[0], names[2]}
        assert await ledger.standing([]) == set()

    # -------------------------------------------------------- what people say

    async def test_what_a_person_says_goes_before_what_machines_say(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a")))).article.name
        await ledger.record_analyzed(analyzed(name, sentiment="negative"))
        await ledger.correct(CorrectArticleRequest(name=name, sentiment="positive", topics=["y_te"]), "chị Hoa")
        stored = await ledger.correct(CorrectArticleRequest(name=name, stance="none", note="đã gọi điện"), "anh Nam")
        again = await ledger.record_analyzed(analyzed(name, day=3, sentiment="neutral"))
        assert again is not None
        for shown in (stored, again):
            analysis = shown.analysis
            assert (analysis.sentiment.label, analysis.stance.label, analysis.topics) == ("positive", "none", ["y_te"])
            assert list(analysis.corrected_heads) == ["sentiment", "stance", "topics"]
            assert dict(analysis.sentiment.scores) == {"positive": 1.0}
            assert len(analysis.sentiment.sentences) == 0
        first, second = await ledger.corrections(name)
        assert (first.user, first.request.sentiment, first.time) == ("chị Hoa", "positive", NOW)
        assert (second.user, second.request.note) == ("anh Nam", "đã gọi điện")

    async def test_a_correction_that_agrees_keeps_the_evidence(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a")))).article.name
        event = analyzed(name)
        event.analysis.sentiment.unsure = True
        await ledger.record_analyzed(event)
        stored = await ledger.correct(CorrectArticleRequest(name=name, sentiment="negative"), "chị Hoa")
        assert not stored.analysis.sentiment.unsure
        assert stored.analysis.sentiment.sentences == event.analysis.sentiment.sentences

    async def test_an_unknown_article_cannot_be_corrected(self, ledger: Ledger) -> None:
        with pytest.raises(NotFound):
            await ledger.correct(CorrectArticleRequest(name="articles/unknown", stance="none"), "anh Nam")

    # -------------------------------------------------------- withdrawal, take-down

    async def test_a_withdrawn_article_is_marked_until_it_is_collected_again(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a"), day=1))).article.name
        gone = await ledger.record_withdrawn(withdrawn(name, day=2))
        assert gone is not None
        assert gone.withdrawn_time.ToDatetime(UTC) == START + timedelta(days=2)
        assert await ledger.record_withdrawn(withdrawn(name, day=4)) == gone
        back = await ledger.record_collected(collected(article("a"), day=5))
        assert not back.article.HasField("withdrawn_time")
        assert back.article.change_number > gone.change_number
        late = await ledger.record_withdrawn(withdrawn(name, day=3))
        assert late == back.article, "the page was there after that"
        assert await ledger.record_withdrawn(withdrawn("articles/unknown", day=1)) is None

    async def test_what_was_taken_down_stays_down(self, ledger: Ledger) -> None:
        name = (await ledger.record_collected(collected(article("a", "bí mật riêng"), day=1))).article.name
        await ledger.record_analyzed(analyzed(name))
        await ledger.take_down(name, "yêu cầu của công dân", "chị Hoa")
        assert await ledger.article(name) is None
        assert await ledger.versions(name) == []
        assert await state(ledger) == []
        recorded = await ledger.record_collected(collected(article("a", "bản mới"), day=2, submission="submissions/s"))
        assert (recorded.changed, recorded.article) == (False, Article(name=name))
        answered = (await ledger.submission("submissions/s")).failure
        assert answered is not None
        assert answered.reason == ERROR_REASON_FETCH_REFUSED
        assert await ledger.record_analyzed(analyzed(name, day=8)) is None
        assert await ledger.record_withdrawn(withdrawn(name, day=9)) is None
        assert await ledger.article(name) is None
        for call in (
            ledger.take_down(name, "", "chị Hoa"),
            ledger.correct(CorrectArticleRequest(name=name, stance="none"), "chị Hoa"),
        ):
            with pytest.raises(NotFound):
                await call

    # -------------------------------------------------------- evidence

    async def test_evidence_is_added_once_whatever_version_brings_it(self, ledger: Ledger) -> None:
        made, files = article("a"), [picture("a"), picture("b"), picture("c")]
        first = (await ledger.record_collected(collected(with_files(made, files[0])))).article
        again = (await ledger.record_collected(collected(with_files(made, files[0], files[1]), day=1))).article
        same = (await ledger.record_collected(collected(with_files(made, files[1]), day=2))).article
        later = (await ledger.record_collected(collected(with_files(article("a", "mới"), files[2]), day=3))).article
        assert [list(each.evidence) for each in (first, again, same, later)] == [
            files[:1], files[:2], files[:2], files
        ]  # fmt: skip
        assert (again.revision, later.revision) == (1, 2)
        assert first.change_number < again.change_number == same.change_number
        assert await ledger.evidence(files[1].sha256) == files[1]
        assert await ledger.evidence("0" * 64) is None

    async def test_evidence_goes_with_the_last_article_that_names_it(self, ledger: Ledger) -> None:
        alone, shared = picture("alone"), picture("shared")
        one, other = article("a"), article("b")
        await ledger.record_collected(collected(with_files(one, alone, shared)))
        await ledger.record_collected(collected(with_files(other, shared)))
        assert await ledger.take_down(one.name, "yêu cầu", "chị Hoa") == [alone.sha256]
        assert await ledger.evidence(alone.sha256) is None
        assert await ledger.evidence(shared.sha256) == shared
        assert await ledger.take_down(other.name, "yêu cầu", "chị Hoa") == [shared.sha256]
        await ledger.record_collected(collected(with_files(other, shared), day=3))
        assert await ledger.evidence(shared.sha256) is None, "what is down names nothing"

    # -------------------------------------------------------- changes

    async def test_changes_are_told_once_in_their_order_from_a_cursor(self, ledger: Ledger) -> None:
        a, b, c = (article(key) for key in "abc")
        await ledger.record_collected(collected(a))
        start = await ledger.changes()
        assert start.articles == []
        for made in (b, c):
            await ledger.record_collected(collected(made))
        await ledger.record_analyzed(analyzed(a.name))
        await ledger.record_analyzed(analyzed(b.name))
        await ledger.record_collected(collected(c, day=1))  # says nothing new
        told = await ledger.changes(start.cursor)
        assert [found.name for found in told.articles] == [c.name, a.name, b.name]
        assert told.articles == [await ledger.article(name) for name in (c.name, a.name, b.name)]
        first = await ledger.changes(start.cursor, 2)
        rest = await ledger.changes(first.cursor, 2)
        assert [*first.articles, *rest.articles] == told.articles
        assert await ledger.changes(rest.cursor) == type(rest)([], told.cursor)
        await ledger.take_down(a.name, "yêu cầu", "chị Hoa")
        assert [found.name for found in (await ledger.changes(start.cursor)).articles] == [c.name, b.name]

    # -------------------------------------------------------- sources, submissions

    async def test_sources_keep_their_newest_state_by_name(self, ledger: Ledger) -> None:
        def source(name: str, day: int, count: int) -> Source:
            made = Source(name=name, title="Báo Núi", article_count=count)
            made.poll_time.FromDatetime(START + timedelta(days=day))
            return made

        for reported in (source("sources/b", 1, 1), source("sources/a", 1, 1), source("sources/b", 3, 3)):
            await ledger.record_source(reported)
        await ledger.record_source(source("sources/b", 2, 2))
        assert [(stored.name, stored.article_count) for stored in await ledger.sources()] == [
            ("sources/a", 1),
            ("sources/b", 3),
        ]

    async def test_a_submission_is_answered_by_an_article_or_a_failure(self, ledger: Ledger) -> None:
        made = article("a")
        failure = SubmissionFailed(
            submission="submissions/2", url="https://x.example", reason=ERROR_REASON_FETCH_FAILED
        )
        await ledger.record_collected(collected(made, day=1, submission="submissions/1"))
        await ledger.record_collected(collected(made, day=2, submission="submissions/3"))
        await ledger.record_submission(failure)
        assert await ledger.submission("submissions/1") == Submission(article=made.name)
        assert await ledger.submission("submissions/2") == Submission(failure=failure)
        assert await ledger.submission("submissions/3") == Submission(article=made.name), "known content answers too"
        assert await ledger.submission("submissions/4") == Submission()

    # -------------------------------------------------------- the whole

    async def test_a_request_for_a_source_has_its_answer(self, ledger: Ledger) -> None:
        answer = SourceChecked(request="sourceRequests/a", source=Source(name="sources/a"), saved=True)
        answer.checks.add(kind="robots", ok=True)
        await ledger.record_source_check(answer)
        await ledger.record_source_check(answer)
        assert await ledger.source_check("sourceRequests/a") == answer
        assert await ledger.source_check("sourceRequests/b") is None

    async def test_replay_gives_everything_in_the_order_of_first_collection(self, ledger: Ledger) -> None:
        days = random.Random(3).sample(range(450), 450)
        for day in days:
            await ledger.record_collected(collected(article(f"a{day}"), day=day))
        await ledger.record_collected(collected(article("a0", "mới"), day=999))
        await ledger.record_withdrawn(withdrawn(article("a1").name, day=999))
        await ledger.correct(CorrectArticleRequest(name=article("a2").name, stance="critical"), "anh Nam")
        replayed = await state(ledger)
        assert [stored.name for stored in replayed] == [article(f"a{day}").name for day in range(450)]
        assert replayed[:3] == [await ledger.article(article(f"a{day}").name) for day in range(3)]
        since = [stored.name async for stored in ledger.replay(START + timedelta(days=447))]
        assert since == [article(f"a{day}").name for day in range(447, 450)]

    async def test_every_change_of_an_article_has_a_higher_number(self, ledger: Ledger) -> None:
        name = article("a").name
        numbers = [
            (await ledger.record_collected(collected(article("a", "một"), day=1))).article.change_number,
            _number(await ledger.record_analyzed(analyzed(name))),
            (await ledger.correct(CorrectArticleRequest(name=name, stance="none"), "anh Nam")).change_number,
            (await ledger.record_collected(collected(article("a", "hai"), day=2))).article.change_number,
            _number(await ledger.record_withdrawn(withdrawn(name, day=3))),
        ]
        assert numbers == sorted(set(numbers))

    async def test_all_of_it_is_there_for_another_user(self, ledger: Ledger, place: str) -> None:
        name = (await ledger.record_collected(collected(article("a")))).article.name
        await ledger.record_analyzed(analyzed(name))
        before = await state(ledger)
        await ledger.close()
        other = self.open(place)
        assert await state(other) == before
        await other.close()

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(4))
    async def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(self, place: str, seed: int) -> None:
        rng = random.Random(seed)
        acknowledged = run_and_kill(
            "tests.contracts.ledger_worker", self.factory, place, after=rng.randint(3, 25), rng=rng
        )
        ledger = self.open(place)
        stored = {kept.name: kept for kept in await state(ledger)}
        assert set(acknowledged) <= set(stored)
        assert len(stored) <= len(acknowledged) + 1, "at most the article in flight is stored besides"
        for name in acknowledged:
            assert stored[name].analysis.stance.label == "critical"
            assert stored[name].analysis.sentiment.label == "negative"
        for number in range(len(stored)):
            assert not (await ledger.record_collected(collected(article(f"c{number}")))).changed
        await ledger.close()


def _number(stored: Article | None) -> int:
    assert stored is not None
    return stored.change_number
