"""The one description of a source and of an alert in Elasticsearch: every field with its type and its Vietnamese name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.alert_pb2 import Alert, AlertSeverity
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, Source, SourceState

from services.core.areas import register
from services.core.labels import labels

M = TypeVar("M")


@dataclass(frozen=True)
class Column(Generic[M]):
    """One field of a mirror.

    Attributes:
        name: of the field.
        type: of Elasticsearch.
        label: Vietnamese name for analysts.
        take: its value; an empty one is left out.
        options: further parameters of the mapping.
    """

    name: str
    type: str
    label: str
    take: Callable[[M], Any]
    options: Mapping[str, Any] = field(default_factory=dict)


def _millis(stamp: Timestamp) -> int | None:
    return stamp.ToMicroseconds() // 1000 if stamp.ByteSize() else None


def _problem(source: Source) -> str:
    """What is wrong with a source, or with the first of its discoveries that does not work."""
    told = [source.problem.vi, *(one.problem.vi for one in source.discoveries)]
    return next(filter(None, told), "")


def _code(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("unspecified", "")


SOURCES: tuple[Column[Source], ...] = (
    Column("title", "keyword", "Nguồn tin", lambda s: s.title or s.name.removeprefix("sources/")),
    Column("state", "keyword", "Trạng thái", lambda s: _code(SourceState.Name(s.state), "SOURCE_STATE_")),
    Column("healthy", "boolean", "Hoạt động tốt", lambda s: s.state == SOURCE_STATE_ACTIVE and not _problem(s)),
    Column("problem", "keyword", "Vấn đề", _problem, {"ignore_above": 2048}),
    Column("tier", "keyword", "Cấp", lambda s: s.tier),
    Column("home_url", "keyword", "Trang chủ", lambda s: s.home_url, {"ignore_above": 2048}),
    Column("poll_time", "date", "Hỏi lần cuối", lambda s: _millis(s.poll_time)),
    Column("next_poll_time", "date", "Hỏi lần tới", lambda s: _millis(s.next_poll_time)),
    Column("newest_article_time", "date", "Bài mới nhất", lambda s: _millis(s.newest_article_time)),
    Column("article_count", "long", "Số bài đã thu thập", lambda s: s.article_count),
    Column("failure_count", "long", "Số lần lỗi tải", lambda s: s.failure_count),
    Column("refused_count", "long", "Số lần bị từ chối", lambda s: s.refused_count),
    Column("empty_share", "float", "Tỷ lệ trang rỗng trong 100 trang gần nhất", lambda s: s.empty_share),
    Column("discovery_count", "integer", "Số kênh tin", lambda s: len(s.discoveries)),
    Column("broken_discovery_count", "integer", "Số kênh tin đang lỗi", lambda s: sum(bool(d.problem.vi) for d in s.discoveries)),
    Column("name", "keyword", "Mã nguồn tin", lambda s: s.name),
)  # fmt: skip
"""Every field of a source."""


@dataclass(frozen=True)
class Raised:
    """An alert and what its source is called."""

    alert: Alert
    source_title: str


def _area_titles(raised: Raised) -> list[str]:
    return [unit.title for unit in map(register().get, raised.alert.areas) if unit is not None]


def _waited_hours(raised: Raised) -> float | None:
    """Hours from the alert until a person took care of it."""
    alert = raised.alert
    if not alert.HasField("acknowledge_time"):
        return None
    return (alert.acknowledge_time.ToMicroseconds() - alert.raise_time.ToMicroseconds()) / 3.6e9


ALERTS: tuple[Column[Raised], ...] = (
    Column("raise_time", "date", "Lúc cảnh báo", lambda r: _millis(r.alert.raise_time)),
    Column("title", "keyword", "Tiêu đề tin", lambda r: r.alert.title, {"ignore_above": 2048}),
    Column("rule_title", "keyword", "Quy tắc", lambda r: r.alert.rule_title),
    Column("severity", "keyword", "Mức độ", lambda r: _code(AlertSeverity.Name(r.alert.severity), "ALERT_SEVERITY_") or "warning"),
    Column("open", "boolean", "Chưa tiếp nhận", lambda r: not r.alert.HasField("acknowledge_time")),
    Column("acknowledge_time", "date", "Lúc tiếp nhận", lambda r: _millis(r.alert.acknowledge_time)),
    Column("acknowledge_user", "keyword", "Người tiếp nhận", lambda r: r.alert.acknowledge_user),
    Column("waited_hours", "float", "Số giờ chờ tiếp nhận", _waited_hours),
    Column("note", "text", "Ghi chú khi tiếp nhận", lambda r: r.alert.note),
    Column("source_title", "keyword", "Nguồn tin", lambda r: r.source_title),
    Column("area_titles", "keyword", "Xã, phường hiện nay", _area_titles),
    Column("topic_titles", "keyword", "Chủ đề", lambda r: [labels()["topics"].get(code, code) for code in r.alert.topics]),
    Column("story_count", "integer", "Số nhóm tin đã đếm", lambda r: r.alert.count),
    Column("publish_time", "date", "Ngày giờ đăng", lambda r: _millis(r.alert.publish_time)),
    Column("url", "keyword", "Địa chỉ", lambda r: r.alert.url, {"ignore_above": 2048}),
    Column("source", "keyword", "Mã nguồn tin", lambda r: r.alert.source),
    Column("topics", "keyword", "Mã chủ đề", lambda r: list(r.alert.topics)),
    Column("areas", "keyword", "Tên tài nguyên của xã, phường", lambda r: list(r.alert.areas)),
    Column("article", "keyword", "Tên tài nguyên của bài", lambda r: r.alert.article),
    Column("story", "keyword", "Nhóm tin", lambda r: r.alert.story),
    Column("rule", "keyword", "Tên tài nguyên của quy tắc", lambda r: r.alert.rule),
    Column("name", "keyword", "Tên tài nguyên của cảnh báo", lambda r: r.alert.name),
)  # fmt: skip
"""Every field of an alert."""


def index_name(alias: str, kind: str) -> str:
    """The index of "sources" or "alerts" beside the articles of an alias."""
    return f"{alias}-{kind}"


def mapping(columns: Sequence[Column[Any]]) -> dict[str, Any]:
    """The mapping of a mirror: strict, so that a document never adds a field."""
    return {
        "dynamic": "strict",
        "properties": {column.name: {"type": column.type, **column.options} for column in columns},
    }


def document(columns: Sequence[Column[M]], record: M) -> dict[str, Any]:
    """A record as a document; empty values are left out, so that ``exists`` asks whether something is known."""
    made = {column.name: column.take(record) for column in columns}
    return {name: value for name, value in made.items() if value is not None and value not in ("", [])}
