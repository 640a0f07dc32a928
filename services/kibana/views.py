"""The views that dashboards read: articles, sources and alerts, with the fields that their mappings have."""

from __future__ import annotations

from collections.abc import Mapping

from services.adapters.cluster import elastic_companion_fields, elastic_mapping
from services.core.labels import labels
from services.kibana.description import Field, View, Words

ARTICLES = "articles"
SOURCES = "sources"
ALERTS = "alerts"

Called = Mapping[str, str]

KINDS: Called = {
    "news": "tin báo chí",
    "notice": "thông báo",
    "post": "bài đăng",
    "comment": "bình luận",
    "clipping": "văn bản dán vào",
}
PRECISIONS: Called = {
    "exact": "trang ghi rõ giờ",
    "day": "trang chỉ ghi ngày",
    "feed": "theo bảng tin",
    "first_seen": "lúc thấy lần đầu",
}
STATES: Called = {
    "active": "đang theo dõi",
    "paused": "tạm dừng",
    "disabled": "ngừng vì lỗi",
    "blocked": "trang từ chối",
}
TIERS: Called = {
    "local": "địa phương",
    "provincial": "cấp tỉnh",
    "national": "toàn quốc",
    "social": "mạng xã hội",
    "office": "cơ quan",
}
SEVERITIES: Called = {"critical": "khẩn", "warning": "cần xem", "info": "để biết"}


def views(alias: str) -> dict[str, View]:
    """The views over the indices of an alias, by their ids."""
    heads = {head: labels()[head] for head in elastic_mapping.HEADS}
    fields = [(one.name, one.type, one.label) for one in elastic_mapping.FIELDS if one.label]
    sources = [(one.name, one.type, one.label) for one in elastic_companion_fields.SOURCES]
    alerts = [(one.name, one.type, one.label) for one in elastic_companion_fields.ALERTS]
    made = (
        View(
            ARTICLES,
            Words("Tin bài", "Articles"),
            alias,
            "when",
            _fields(fields, heads | {"kind": KINDS, "publish_time_precision": PRECISIONS}),
        ),
        View(
            SOURCES,
            Words("Nguồn tin", "Sources"),
            elastic_companion_fields.index_name(alias, "sources"),
            "",
            _fields(sources, {"state": STATES, "tier": TIERS}),
        ),
        View(
            ALERTS,
            Words("Cảnh báo", "Alerts"),
            elastic_companion_fields.index_name(alias, "alerts"),
            "raise_time",
            _fields(alerts, {"severity": SEVERITIES}),
        ),
    )
    return {view.id: view for view in made}


def _fields(given: list[tuple[str, str, str]], called: Mapping[str, Called]) -> tuple[Field, ...]:
    return tuple(
        Field(name, type_, label, tuple((code, text) for code, text in called.get(name, {}).items() if code))
        for name, type_, label in given
    )
