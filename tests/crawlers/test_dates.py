"""Times as sites write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.dates import When, believable, parse
from services.core.clock import VIETNAM

MOMENT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T08:15:00+07:00",
        "2026-11-23T08:15:00+0700",
        "2026-11-23T08:15:00",
        "2026-11-23 08:15",
        "2026-11-23T01:15:00Z",
        "2026-11-23T01:15:00.000Z",
        "Mon, 23 Nov 2026 08:15:00 +0700",
        "Mon, 23 Nov 2026 08:15:00 GMT+7",
        "Mon, 23 Nov 2026 01:15:00 GMT",
        "23 Nov 26 01:15 UT",
        "Thứ Hai, 23/11/2026, 08:15 (GMT+7)",
        "Thứ hai, 23/11/2026 - 08:15",
        "Ngày đăng: 23/11/2026 08:15",
        "23/11/2026 08:15 GMT+7",
        "08:15 | 23/11/2026",
        "08:15 ngày 23/11/2026",
        "23-11-2026 08h15",
        "23.11.2026, 8:15 SA",
        "23 tháng 11, 2026 lúc 8:15",
        "11/23/2026 8:15:00 AM",
    ],
)
def test_the_same_moment_in_many_forms(text: str) -> None:
    assert parse(text) == When(MOMENT, exact=True)


@pytest.mark.parametrize("text", ["23/11/2026", "Thứ Hai, ngày 23 tháng 11 năm 2026", "2026-11-23"])
def test_a_day_is_no_exact_time(text: str) -> None:
    assert parse(text) == When(datetime(2026, 11, 23, tzinfo=VIETNAM).astimezone(UTC), exact=False)


@pytest.mark.parametrize("text", ["32/13/2026", "hôm qua", " ", "", "20 phút trước", "số 15/2026", "99/99/9999 25:61"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse(text) is None


def test_afternoon() -> None:
    found = parse("23/11/2026 8:15 CH")
    assert found is not None
    assert found.moment == MOMENT + timedelta(hours=12)


@given(st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1), timezones=st.just(VIETNAM)))
def test_vietnamese_times_come_back(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    for form in ("%d/%m/%Y %H:%M", "%d/%m/%Y, %H:%M (GMT+7)", "%Y-%m-%dT%H:%M:00+07:00", "%H:%M %d/%m/%Y"):
        found = parse(moment.strftime(form))
        assert found is not None
        assert found.moment == moment


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    parse(text)


def test_only_believable_times_are_kept() -> None:
    assert believable(When(MOMENT, True), MOMENT) is not None
    assert believable(When(MOMENT + timedelta(minutes=59), True), MOMENT) is not None
    assert believable(When(MOMENT + timedelta(hours=2), True), MOMENT) is None
    assert believable(When(datetime(1970, 1, 1, tzinfo=UTC), True), MOMENT) is None
    assert believable(None, MOMENT) is None
