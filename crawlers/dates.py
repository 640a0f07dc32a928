"""Times of publication as sites write them: ISO 8601, RFC 822 with its local habits, and Vietnamese.

A text without a zone means local time of Vietnam. What cannot be read is None, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from services.core.clock import VIETNAM

FUTURE_TOLERANCE = timedelta(hours=1)
"""A time further ahead of the clock than this is not believed."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""A time before this is not believed: no Vietnamese site is older."""

_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
)
_RFC822 = re.compile(
    r"(?P<day>\d{1,2})\s+(?P<monthname>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,?\s+(?P<year>\d{4}|\d{2})"
    r"(?:,?\s+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?\s*(?P<zone>[A-Z]{1,4}(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_CLOCK = r"(?P<hour>\d{1,2})\s*(?:[:h])\s*(?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[AP]M\b|SA\b|CH\b)?"
_DAY = r"(?P<day>\d{1,2})\s*[/.\-]\s*(?P<month>\d{1,2})\s*[/.\-]\s*(?P<year>\d{4})"
_LONG_DAY = r"(?P<day>\d{1,2})\s+tháng\s+(?P<month>\d{1,2})(?:\s+năm|,|\s)\s*(?P<year>\d{4})"
_ZONE = r"(?P<zone>(?:GMT|UTC)\s*[+-]\s*\d{1,2}(?::?\d{2})?|[+-]\d{2}:?\d{2})?"
_VIETNAMESE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for day in (_DAY, _LONG_DAY)
    for pattern in (
        rf"{day}[\s,|\-–lúc]*{_CLOCK}[\s,(]*{_ZONE}",
        rf"{_CLOCK}[\s,|\-–ngày]*{day}[\s,(]*{_ZONE}",
        day,
    )
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_NAMED_ZONES = {
    "Z": 0,
    "GMT": 0,
    "UTC": 0,
    "UT": 0,
    "ICT": 7,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "PST": -8,
    "PDT": -7,
}
_OFFSET = re.compile(r"([+-])\s*(\d{1,2}):?(\d{2})?$")


@dataclass(frozen=True)
class When:
    """A moment, and whether its text states the time of day or the day only."""

    moment: datetime
    exact: bool


def parse(text: str) -> When | None:
    """The first time that `text` states, or None.

    Month-first dates are read where the text says AM or PM; otherwise the day comes first, as in Vietnam.
    """
    text = text.strip()[:200]
    for pattern in (_ISO, _RFC822, *_VIETNAMESE):
        match = pattern.search(text)
        if match and (when := _when(match.groupdict())):
            return when
    return None


def believable(when: When | None, now: datetime) -> When | None:
    """The time where it is no more than an hour ahead of `now` and not before the Web, else None."""
    return when if when and EARLIEST <= when.moment <= now + FUTURE_TOLERANCE else None


def _when(parts: dict[str, str | None]) -> When | None:
    month_name = parts.get("monthname")
    day, month = int(parts["day"] or 0), _MONTHS[month_name[:3].lower()] if month_name else int(parts["month"] or 0)
    year = int(parts["year"] or 0)
    if year < 100:
        year += 2000 if year < 70 else 1900
    half = (parts.get("half") or "").upper()
    if half in ("AM", "PM"):
        day, month = month, day
    hour_text = parts.get("hour")
    hour = int(hour_text or 0)
    if half in ("PM", "CH") and hour < 12:
        hour += 12
    elif half in ("AM", "SA") and hour == 12:
        hour = 0
    try:
        moment = datetime(
            year,
            month,
            day,
            hour,
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            tzinfo=_zone(parts.get("zone") or ""),
        )
        return When(moment.astimezone(UTC), exact=hour_text is not None)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> tzinfo:
    text = text.upper().replace(" ", "")
    if match := _OFFSET.search(text):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    return timezone(timedelta(hours=_NAMED_ZONES[text])) if text in _NAMED_ZONES else VIETNAM
