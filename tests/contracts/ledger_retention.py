"""Clauses of the port `Ledger` about forgetting and holding."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from services.core.errors import NotFound
from services.core.ports import Due, Extent, Ledger, Retained
from tests.contracts.articles import START, analyzed, article, collected
from tests.contracts.ledger import picture, with_files

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
LONG = "Đất ở Trà Leng sạt lở sau mưa. " * 40
EVERY = START + timedelta(days=1000)


def after(days: float) -> datetime:
    return START + timedelta(days=days)


class RetentionLedgerContract:
    """Every clause."""

    factory: ClassVar[str]
    """Import path of a callable (location, clock=utc_now) -> Ledger."""

    def location(self, tmp_path: Path) -> str:
        """Where the ledger of one test lies."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        options: dict[str, Any] = {"clock": lambda: NOW}
        ledger: Ledger = pkgutil.resolve_name(self.factory)(self.location(tmp_path), **options)
        yield ledger
        await ledger.close()

    async def test_due_are_those_collected_longest_ago_first(self, ledger: Ledger) -> None:
        made = [article(f"a{day}") for day in range(5)]
        for day in (3, 0, 4, 1, 2):
            await ledger.record_collected(collected(made[day], day=day))
        await ledger.record_collected(collected(made[0], day=10))
        for kind in (Retained.TEXT, Retained.ARTICLE):
            assert await ledger.due_for_retention(kind, after(4), 2) == Due([made[1].name, made[2].name], 3)
        assert await ledger.due_for_retention(Retained.EVIDENCE, EVERY, 9) == Due([], 0)

    async def test_a_shortened_article_keeps_everything_but_its_text(self, ledger: Ledger) -> None:
        first, second = article("a", LONG + "một", lead="Tóm tắt"), article("a", LONG + "hai", lead="Tóm tắt")
        await ledger.record_collected(collected(first, day=1))
        await ledger.record_collected(collected(second, day=2))
        before = await ledger.record_analyzed(analyzed(first.name, revision=2))
        assert before is not None
        assert before.analysis.sentiment.sentences
        short = await ledger.shorten(first.name)
        assert short == await ledger.article(first.name)
        assert short is not None
        assert 0 < len(short.text) <= 301
        assert LONG.startswith(short.text.rstrip("…").rstrip())
        assert not short.analysis.sentiment.sentences
        assert short.change_number > before.change_number
        for field in ("text", "text_length", "excerpt", "analysis", "change_number"):
            before.ClearField(field)  # type: ignore[arg-type]
            short.ClearField(field)  # type: ignore[arg-type]
        assert short == before
        assert all(len(version.text) <= 301 for version in await ledger.versions(first.name))
        assert (await ledger.due_for_retention(Retained.TEXT, EVERY, 9)).names == []

    async def test_after_shortening_the_same_content_is_known_and_a_new_one_is_whole_and_due_again(
        self, ledger: Ledger
    ) -> None:
        made = article("a", LONG)
        await ledger.record_collected(collected(made, day=1))
        await ledger.shorten(made.name)
        assert not (await ledger.record_collected(collected(made, day=3))).changed
        assert (await ledger.due_for_retention(Retained.TEXT, EVERY, 9)).names == []
        renewed = await ledger.record_collected(collected(article("a", LONG + "mới"), day=5))
        assert (renewed.changed, renewed.article.text) == (True, LONG + "mới")
        assert (await ledger.due_for_retention(Retained.TEXT, EVERY, 9)).names == [made.name]

    async def test_forgotten_evidence_is_erased_where_no_other_article_names_it(self, ledger: Ledger) -> None:
        one, two = with_files(article("a"), picture("x"), picture("y")), with_files(article("b"), picture("y"))
        for made in (one, two):
            await ledger.record_collected(collected(made))
        assert (await ledger.due_for_retention(Retained.EVIDENCE, EVERY, 9)).total == 2
        assert await ledger.forget_evidence(one.name) == [picture("x").sha256]
        stored = await ledger.article(one.name)
        assert stored is not None
        assert (list(stored.evidence), stored.text) == ([], one.text)
        assert await ledger.evidence(picture("y").sha256) == picture("y")
        assert (await ledger.due_for_retention(Retained.EVIDENCE, EVERY, 9)).names == [two.name]
        assert await ledger.forget_evidence("articles/unknown") == []

    async def test_an_expired_article_is_gone_for_good(self, ledger: Ledger) -> None:
        made = with_files(article("a"), picture("x"))
        await ledger.record_collected(collected(made))
        assert await ledger.expire(made.name) == [picture("x").sha256]
        assert await ledger.article(made.name) is None
        assert (await ledger.record_collected(collected(made, day=2))).article.revision == 0
        assert await ledger.expire(made.name) is None
        assert await ledger.shorten(made.name) is None
        for kind in Retained:
            assert await ledger.due_for_retention(kind, EVERY, 9) == Due([], 0)

    async def test_a_hold_stops_everything_until_it_ends(self, ledger: Ledger) -> None:
        made = with_files(article("a", LONG), picture("x"))
        await ledger.record_collected(collected(made))
        await ledger.hold(made.name, "Vụ việc 12/2026", "an")
        before = await ledger.article(made.name)
        assert await ledger.holds() == {made.name: "Vụ việc 12/2026"}
        for kind in Retained:
            assert await ledger.due_for_retention(kind, EVERY, 9) == Due([], 0)
        assert await ledger.shorten(made.name) is None
        assert await ledger.expire(made.name) is None
        assert await ledger.forget_evidence(made.name) == []
        assert await ledger.article(made.name) == before
        await ledger.release_hold(made.name, "bình")
        assert await ledger.holds() == {}
        for kind in Retained:
            assert (await ledger.due_for_retention(kind, EVERY, 9)).names == [made.name]
        assert await ledger.expire(made.name) == [picture("x").sha256]
        with pytest.raises(NotFound):
            await ledger.hold("articles/unknown", "x", "an")

    async def test_the_extent_knows_number_and_latest_moment(self, ledger: Ledger) -> None:
        assert await ledger.extent() == Extent(0, None)
        made = article("a")
        await ledger.record_collected(collected(made, day=2))
        await ledger.record_collected(collected(article("b"), day=1))
        assert await ledger.extent() == Extent(2, after(2))
        await ledger.record_analyzed(analyzed(made.name, day=3))
        assert await ledger.extent() == Extent(2, after(3))
        await ledger.expire(made.name)
        assert (await ledger.extent()).articles == 1
