"""What is forgotten, and what is not while the clock may be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngoclinh.media.v1.article_pb2 import Source
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.clock import to_timestamp
from services.core.errors import NotFound
from services.core.ports import ArticleIndex, Ledger, Retained
from services.core.sections.upkeep import RetentionSettings
from services.media.evidence import EvidenceStore
from services.media.retention import Janitor, months_before
from tests.contracts.articles import START, article, collected
from tests.services.backup.office import picture

TEXT, EVIDENCE, ARTICLE = Retained.TEXT, Retained.EVIDENCE, Retained.ARTICLE
LONG = "Bờ sông Leng sạt lở. " * 50
NOW = START + timedelta(days=1000)
SETTINGS = RetentionSettings(text_months=6, evidence_months=12, article_months=24, max_share=1)


class Office:
    """Stores with articles of every age, and a clock that can be turned."""

    def __init__(self, folder: Path, ledger: Ledger | None = None, index: ArticleIndex | None = None) -> None:
        self.folder = folder
        self.ledger: Ledger = ledger or SqliteLedger(folder / "ledger.sqlite")
        self.index: ArticleIndex = index or SqliteArticleIndex(folder / "index.sqlite")
        self.evidence = EvidenceStore(folder / "evidence")
        self.now = NOW

    def janitor(self, **settings: Any) -> Janitor:
        chosen = SETTINGS.model_copy(update=settings)
        return Janitor(self.ledger, self.index, self.evidence, chosen, self.folder / "retention.json", lambda: self.now)

    async def add(self, key: str, age_days: float) -> str:
        file = await self.evidence.receive(picture(len(key) * 1000 + sum(map(ord, key))))
        made = article(key, LONG + key, evidence=[file])
        event = collected(made)
        event.article.collect_time.CopyFrom(to_timestamp(NOW - timedelta(days=age_days)))
        recorded = await self.ledger.record_collected(event)
        await self.index.put([recorded.article])
        return recorded.article.name

    async def source(self, ahead: timedelta, polled: datetime, name: str = "sources/bao-nui") -> None:
        source = Source(name=name, poll_time=to_timestamp(polled))
        source.clock_offset.FromTimedelta(ahead)
        await self.ledger.record_source(source)

    async def found(self) -> set[str]:
        page = await self.index.search(ArticleFilter(include_withdrawn=True), 100)
        return {each.name for each in page.articles}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path)
    yield made
    await made.ledger.close()
    await made.index.close()


async def test_each_part_goes_when_its_time_is_over_in_ledger_index_and_folder(office: Office) -> None:
    names = {age: await office.add(f"a{age}", age) for age in (1, 100, 200, 400, 800)}
    report = await office.janitor().run()
    assert report.refused is None
    assert report.done == {ARTICLE: 1, EVIDENCE: 1, TEXT: 2}
    assert not any(report.left.values())
    stored = {age: await office.ledger.article(name) for age, name in names.items()}
    assert stored[800] is None
    lengths = {age: (len(found.text) > 300, len(found.evidence)) for age, found in stored.items() if found}
    assert lengths == {1: (True, 1), 100: (True, 1), 200: (False, 1), 400: (False, 0)}
    assert await office.found() == {name for age, name in names.items() if age != 800}
    assert (await office.index.search(ArticleFilter(query="a200"), 9)).total == 1, "the title stays"
    assert len(list((office.folder / "evidence").glob("*/*"))) == 3
    assert (await office.janitor().run()).done == {ARTICLE: 0, EVIDENCE: 0, TEXT: 0}


async def test_a_dry_run_says_the_same_and_changes_nothing(office: Office) -> None:
    for age in (1, 200, 400, 800):
        await office.add(f"a{age}", age)
    before = [found async for found in office.ledger.replay()]
    dry = await office.janitor().run(dry_run=True)
    assert [found async for found in office.ledger.replay()] == before
    assert not (office.folder / "retention.json").exists()
    assert dry.done[ARTICLE] == (await office.janitor().run()).done[ARTICLE] == 1


async def test_one_run_touches_no_more_than_its_share_and_the_oldest_first(office: Office) -> None:
    names = [await office.add(f"a{number}", 900 - number) for number in range(20)]
    await office.add("fresh", 0)
    report = await office.janitor(max_share=0.25).run()
    assert (report.done[ARTICLE], report.left[ARTICLE]) == (5, 15)
    assert (report.done[TEXT], report.left[TEXT]) == (0, 15)
    assert [await office.ledger.article(name) is None for name in names] == [True] * 5 + [False] * 15


async def test_a_hold_keeps_an_article_whole(office: Office) -> None:
    name = await office.add("held", 900)
    await office.add("fresh", 0)
    await office.ledger.hold(name, "Vụ việc", "an")
    await office.janitor().run()
    stored = await office.ledger.article(name)
    assert stored is not None
    assert len(stored.text) > 300
    assert len(stored.evidence) == 1


@pytest.mark.parametrize("years", [-30, -10, -2, 2, 10, 30])
async def test_a_clock_that_is_years_off_forgets_nothing(office: Office, years: int) -> None:
    for age in (0, 30, 200):
        await office.add(f"a{age}", age)
    before = [found async for found in office.ledger.replay()]
    office.now = NOW + timedelta(days=365 * years)
    assert (await office.janitor().run()).refused is not None
    await office.source(timedelta(days=-365 * years), office.now)
    assert (await office.janitor().run()).refused is not None
    if years > 0:  # the crawler went on under the wrong clock
        event = collected(article("later"))
        event.article.collect_time.CopyFrom(to_timestamp(office.now))
        await office.ledger.record_collected(event)
        before = [found async for found in office.ledger.replay()]
        assert (await office.janitor().run()).refused is not None
    assert [found async for found in office.ledger.replay()] == before


async def test_without_sites_a_jump_after_the_last_run_is_seen_although_new_articles_came(office: Office) -> None:
    await office.add("a", 0)
    assert (await office.janitor().run()).refused is None
    office.now = NOW + timedelta(days=3650)
    event = collected(article("pasted"))
    event.article.collect_time.CopyFrom(to_timestamp(office.now))
    await office.ledger.record_collected(event)
    report = await office.janitor().run()
    assert report.refused is not None
    assert "--confirm-clock" in report.refused.en
    assert "--confirm-clock" in report.refused.vi
    assert (await office.janitor().run(confirmed=True)).refused is None


async def test_a_person_cannot_confirm_a_clock_behind_the_ledger(office: Office) -> None:
    await office.add("a", 0)
    office.now = NOW - timedelta(days=1)
    assert (await office.janitor().run(confirmed=True)).refused is not None


async def test_sites_confirm_a_clock_after_a_long_silence_and_one_wrong_site_does_not_matter(office: Office) -> None:
    name = await office.add("a", 200)
    assert (await office.janitor().run()).refused is not None
    for number in range(3):
        await office.source(timedelta(seconds=40 * number), NOW, f"sources/s{number}")
    await office.source(timedelta(days=9000), NOW, "sources/wrong")
    assert (await office.janitor().run()).refused is None
    stored = await office.ledger.article(name)
    assert stored is not None
    assert len(stored.text) <= 301


async def test_a_run_that_died_between_ledger_and_index_is_ended_by_the_next(office: Office) -> None:
    one, two = await office.add("one", 900), await office.add("two", 300)
    await office.add("fresh", 0)
    put, delete = office.index.put, office.index.delete

    async def dies(_: Any) -> None:
        raise NotFound("index")

    office.index.put, office.index.delete = dies, dies  # type: ignore[assignment,method-assign]
    with pytest.raises(NotFound):
        await office.janitor().run()
    office.index.put, office.index.delete = put, delete  # type: ignore[method-assign]
    assert one in await office.found()
    await office.janitor().run()
    assert one not in await office.found()
    assert two in await office.found()


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(0, 200))
def test_months_before_lie_in_that_month_and_never_later(moment: datetime, months: int) -> None:
    moment = moment.replace(tzinfo=UTC)
    before = months_before(moment, months)
    assert (moment.year * 12 + moment.month) - (before.year * 12 + before.month) == months
    assert before.day <= moment.day
    assert timedelta(days=28 * months) <= moment - before <= timedelta(days=31 * months)
