"""Answers that are kept, and how their age is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.situation import kept
from services.situation.freshness import age
from services.situation.kept import LastGood

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def test_of_many_questions_the_last_ones_are_kept() -> None:
    answers = LastGood[int]()
    for number in range(kept.MOST + 1):
        answers.keep(number, number, NOW)
    assert answers.get(0) is None
    last = answers.get(kept.MOST)
    assert last is not None
    assert last.value == kept.MOST


@pytest.mark.parametrize(
    ("passed", "vi", "en"),
    [
        (timedelta(seconds=20), "chưa đầy một phút", "less than a minute"),
        (timedelta(minutes=1), "1 phút", "1 minute"),
        (timedelta(minutes=119), "119 phút", "119 minutes"),
        (timedelta(hours=47), "47 giờ", "47 hours"),
        (timedelta(days=9), "9 ngày", "9 days"),
        (timedelta(minutes=-3), "chưa đầy một phút", "less than a minute"),
    ],
)
def test_an_age_is_said_in_the_unit_that_fits(passed: timedelta, vi: str, en: str) -> None:
    assert age(NOW - passed, NOW) == (vi, en)
