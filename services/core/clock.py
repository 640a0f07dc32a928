"""Time: always aware, UTC inside, Asia/Ho_Chi_Minh at the edges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
REFORM_DATE = date(2025, 7, 1)
"""First day of the two-tier administration (Nghị quyết 202/2025/QH15, Quyết định 19/2025/QĐ-TTg)."""

Clock = Callable[[], datetime]
"""Gives the present moment, aware; `utc_now` outside tests."""


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def to_timestamp(moment: datetime) -> Timestamp:
    """An aware moment as a protobuf timestamp."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line")
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp


def to_datetime(stamp: Timestamp) -> datetime:
    """A protobuf timestamp as an aware moment in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def vietnam_date(moment: datetime) -> date:
    """The day in Vietnam at an aware moment."""
    return moment.astimezone(VIETNAM).date()


def edition_on(day: date) -> int:
    """The edition of the administrative register that is valid on a day."""
    return 2025 if day >= REFORM_DATE else 2004
