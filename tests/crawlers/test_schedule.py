"""Intervals follow the rate of change; failures and checks back off."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.catalogue import Poll
from crawlers.schedule import CHECKS_S, MANY_FAILURES, RETRY_S, Outcome, Timing, next_check, next_timing
from services.core.clock import VIETNAM

NOW = 1_800_000_000.0
HOUR = 3600.0
POLL = Poll()


def after(outcome: Outcome, interval_s: float = HOUR * 2, on_time: int = 2, **more: float) -> Timing:
    return next_timing(Timing(interval_s, on_time, **more), outcome, POLL, NOW)  # type: ignore[arg-type]


def test_nothing_new_asks_less_often() -> None:
    assert after(Outcome(items=40)).interval_s == 2 * HOUR + 600
    assert after(Outcome(unchanged=True)).interval_s == 2 * HOUR + 600
    assert after(Outcome(items=40), last_new=NOW - 40 * 24 * HOUR).interval_s == 2 * HOUR + 4200


def test_much_new_asks_more_often_within_the_bounds() -> None:
    assert after(Outcome(items=40, new=30)).interval_s == HOUR
    assert after(Outcome(items=40, new=30), interval_s=HOUR).interval_s == POLL.min_minutes * 60
    assert after(Outcome(items=40), interval_s=24 * HOUR).interval_s == 24 * HOUR


def test_some_new_changes_nothing() -> None:
    assert after(Outcome(items=40, new=20)).interval_s == 2 * HOUR


def test_the_first_two_polls_change_nothing() -> None:
    assert after(Outcome(items=40, new=40), on_time=1).interval_s == 2 * HOUR


def test_an_empty_answer_is_counted_and_a_full_one_ends_the_streak() -> None:
    assert after(Outcome(), empty_streak=3).empty_streak == 4
    assert after(Outcome(unchanged=True), empty_streak=3).empty_streak == 0
    assert after(Outcome(items=1), empty_streak=3).empty_streak == 0


def test_failures_back_off_and_stop_in_the_end() -> None:
    waits = [after(Outcome(failed=True), failure_streak=streak).due - NOW for streak in range(MANY_FAILURES)]
    assert waits[:2] == list(RETRY_S[:2])
    assert waits[2:] == sorted(waits[2:])
    assert waits[-2] <= 24 * HOUR
    assert waits[-1] > 7 * 24 * HOUR
    assert after(Outcome(failed=True)).on_time == 0
    assert after(Outcome(items=1), failure_streak=5).failure_streak == 0


@given(
    st.floats(900, 86_400),
    st.integers(0, 5),
    st.builds(Outcome, items=st.integers(0, 50), new=st.integers(0, 50), failed=st.booleans(), unchanged=st.booleans()),
)
def test_the_interval_stays_within_its_bounds(interval_s: float, on_time: int, outcome: Outcome) -> None:
    timing = next_timing(Timing(interval_s, on_time), outcome, POLL, NOW)
    assert POLL.min_minutes * 60 <= timing.interval_s <= POLL.max_minutes * 60
    assert timing.due > NOW


@pytest.mark.parametrize(
    ("quiet", "hour", "expected"), [((22, 5), 23, 5), ((22, 5), 3, 5), ((12, 14), 13, 14), ((22, 5), 10, 10)]
)
def test_quiet_hours_are_quiet(quiet: tuple[int, int], hour: int, expected: int) -> None:
    start = datetime(2026, 11, 25, hour, 0, tzinfo=VIETNAM).timestamp()
    poll = Poll(quiet_hours=quiet, min_minutes=2, start_minutes=2)
    due = next_timing(Timing(120.0), Outcome(items=1), poll, start - 120).due
    local = datetime.fromtimestamp(due, VIETNAM)
    assert (local.hour, due >= start - 120) == (expected, True)


def test_recent_articles_are_looked_at_again() -> None:
    ages = []
    now = NOW
    while (due := next_check(NOW, NOW - HOUR, now)) is not None:
        ages.append(due - NOW)
        now = due
    assert tuple(ages) == CHECKS_S
    assert next_check(NOW, NOW - 30 * 24 * HOUR, NOW) is None
    assert next_check(NOW, None, NOW) == NOW + CHECKS_S[0]
