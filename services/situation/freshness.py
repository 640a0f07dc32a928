"""How fresh each half is, in words: read now, old, an earlier answer that stands in, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.situation.v1.situation_service_pb2 import Freshness
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core.clock import VIETNAM, to_datetime, to_timestamp

_MISSING: Mapping[str, tuple[str, str]] = {
    "media": (
        "Phần tin bài chưa trả lời; số liệu tin bài không có trong bảng này.",
        "The media half did not answer; its figures are missing.",
    ),
    "land": (
        "Phần đất đai chưa trả lời; số liệu thửa đất không có hoặc không đủ.",
        "The land half did not answer; its figures are missing or incomplete.",
    ),
}
_EMPTY: Mapping[str, tuple[str, str]] = {
    "media": ("Chưa thu thập được tin bài nào.", "Nothing was collected yet."),
    "land": ("Chưa nhập thửa đất nào của địa bàn này.", "No parcels of these communes were imported yet."),
}
_NAMES: Mapping[str, tuple[str, str]] = {
    "media": ("Phần tin bài", "The media half"),
    "land": ("Phần đất đai", "The land half"),
}


def missing(origin: str) -> Freshness:
    """A half without any answer."""
    return _told(Freshness(origin=origin, stale=True), *_MISSING[origin])


def current(
    origin: str, data_time: Timestamp | None, now: datetime, stale_after_hours: float | None = None
) -> Freshness:
    """A half that answered now.

    Args:
        origin: "media" or "land".
        data_time: of its newest datum.
        now: the present moment.
        stale_after_hours: age at which its data are old; None where they do not age.
    """
    freshness = Freshness(origin=origin, read_time=to_timestamp(now))
    if data_time is None:
        freshness.stale = stale_after_hours is not None
        return _told(freshness, *_EMPTY[origin])
    freshness.data_time.CopyFrom(data_time)
    hours = (now - to_datetime(data_time)).total_seconds() / 3600
    if stale_after_hours is None or hours <= stale_after_hours:
        return freshness
    freshness.stale = True
    return _told(
        freshness,
        f"Tin bài đã cũ: lần thu thập gần nhất cách đây {hours:.0f} giờ.",
        f"The articles are old: the last collection was {hours:.0f} hours ago.",
    )


def earlier(origin: str, data_time: Timestamp | None, read: datetime, now: datetime) -> Freshness:
    """A half that does not answer, with the figures of an earlier answer in its place."""
    freshness = Freshness(origin=origin, stale=True, read_time=to_timestamp(read))
    if data_time is not None:
        freshness.data_time.CopyFrom(data_time)
    vi, en = _NAMES[origin]
    at = read.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
    age_vi, age_en = age(read, now)
    return _told(
        freshness,
        f"{vi} không trả lời; đây là số liệu đọc lúc {at}, cách đây {age_vi}.",
        f"{en} does not answer; these figures were read at {at}, {age_en} ago.",
    )


def age(then: datetime, now: datetime) -> tuple[str, str]:
    """How long ago a moment was, in Vietnamese and English."""
    minutes = max(0, int((now - then).total_seconds() // 60))
    if minutes < 1:
        return "chưa đầy một phút", "less than a minute"
    if minutes < 120:
        return f"{minutes} phút", f"{minutes} minute{'s' if minutes > 1 else ''}"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} giờ", f"{hours} hours"
    return f"{hours // 24} ngày", f"{hours // 24} days"


def _told(freshness: Freshness, vi: str, en: str) -> Freshness:
    freshness.problem.CopyFrom(LocalizedText(vi=vi, en=en))
    return freshness
