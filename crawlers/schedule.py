"""When to ask again: the interval of a discovery follows its rate of change; failures and retries back off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawlers.catalogue import Poll
from services.core.clock import VIETNAM

UNCONDITIONAL_EVERY = 4
"""Every so many-th request for a resource goes without validators."""
RETRY_S = (15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Pauses before further tries of a page or discovery that failed for a reason that may pass."""
SUBMITTED_RETRY_S = (2.0, 6.0)
"""The same for a page that a person waits for."""
CHECKS_S = (3600.0, 6 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Ages at which a recent article is looked at again."""
MANY_FAILURES = 30
"""Failures in a row after which a discovery is no longer asked."""

_MINUTE = 60.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Outcome:
    """What a poll brought.

    Args:
        items: entries of the answer.
        new: pages that were not known.
        unchanged: the answer was the same as before.
        failed: there was no usable answer.
        moved: the permanent new address, where it moved.
        problem_vi: what was wrong, in Vietnamese.
        problem_en: the same in English.
    """

    items: int = 0
    new: int = 0
    unchanged: bool = False
    failed: bool = False
    moved: str = ""
    problem_vi: str = ""
    problem_en: str = ""


@dataclass(frozen=True)
class Timing:
    """How a discovery has gone so far, and when it is due (wall-clock seconds)."""

    interval_s: float
    on_time: int = 0
    last_new: float | None = None
    empty_streak: int = 0
    failure_streak: int = 0
    due: float = 0.0


def next_timing(before: Timing, outcome: Outcome, poll: Poll, now: float) -> Timing:
    """The timing after a poll.

    At least two thirds known entries lengthen the interval by 10 minutes (an hour more after a month without anything
    new), fewer than one third shorten it by an hour; only after two good polls in a row. Failures add half an interval
    each.
    """
    if outcome.failed:
        streak = before.failure_streak + 1
        wait = RETRY_S[streak - 1] if streak <= 2 else before.interval_s * (1 + streak / 2)
        wait = min(wait, poll.max_minutes * _MINUTE) if streak < MANY_FAILURES else 30 * _DAY
        return Timing(before.interval_s, 0, before.last_new, before.empty_streak, streak, _loud(now + wait, poll))
    known = 1.0 if outcome.unchanged else 1 - outcome.new / outcome.items if outcome.items else 1.0
    interval_s = before.interval_s
    last_new = now if outcome.new else before.last_new
    if before.on_time >= 2 and known >= 2 / 3:
        stale = last_new is not None and now - last_new > 31 * _DAY
        interval_s += (70 if stale else 10) * _MINUTE
    elif before.on_time >= 2 and known < 1 / 3:
        interval_s -= 60 * _MINUTE
    interval_s = min(max(interval_s, poll.min_minutes * _MINUTE), poll.max_minutes * _MINUTE)
    empty = before.empty_streak + 1 if not outcome.items and not outcome.unchanged else 0
    return Timing(interval_s, before.on_time + 1, last_new, empty, 0, _loud(now + interval_s, poll))


def next_check(found: float, published: float | None, now: float) -> float | None:
    """When to look at an article again: an hour, six, a day and three days after it was found; None afterwards.

    An article that was old when it was found is not looked at again.
    """
    if published is not None and found - published > CHECKS_S[-1]:
        return None
    return next((found + age for age in CHECKS_S if found + age > now), None)


def _loud(due: float, poll: Poll) -> float:
    """The first moment from `due` on that is outside the quiet hours of a source."""
    if poll.quiet_hours is None:
        return due
    start, end = poll.quiet_hours
    local = datetime.fromtimestamp(due, UTC).astimezone(VIETNAM)
    inside = start <= local.hour < end if start <= end else local.hour >= start or local.hour < end
    if not inside:
        return due
    opening = local.replace(hour=end % 24, minute=0, second=0, microsecond=0)
    return (opening if opening > local else opening + timedelta(days=1)).timestamp()
