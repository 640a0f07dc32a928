"""The one description of an article in Elasticsearch: every field with its type, its origin and its Vietnamese name.

The mapping, the fields that a search without a field looks in, and what analysts see in Kibana come from `FIELDS`; the
values are made in `elastic_values`. The mapping is strict: a document never adds a field. Empty values are left out of a
document, so that ``exists`` asks whether something is known.

Only what every Elasticsearch 9 has is used: the standard tokenizer, the whitespace analyzer, no scripts, no pipelines.
Marks are dropped and words compared by `services.core.search`; its tokens stand in `words`, `title_folded` and
`text_folded`, separated by blanks, and are indexed as they are. What analysts type is cut by the standard tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.adapters.cluster.elastic_fields import Field, head

HEADS = ("sentiment", "event_valence", "stance", "complaint", "toxicity")
"""Fields of `Analysis` that hold a judgement."""

DEFAULT_FIELDS = ("title", "lead", "text", "title_folded", "text_folded")
"""Where a query of an analyst that names no field looks (`index.query.default_field`)."""

ANALYSIS: Mapping[str, Any] = {"analyzer": {"vi": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase"]}}}
"""`index.analysis`: what is typed and what is read is cut into words and put into lower case."""

_TEXT: Mapping[str, Any] = {"analyzer": "vi", "index_phrases": True}
_TOKENS: Mapping[str, Any] = {
    "analyzer": "whitespace",
    "search_analyzer": "vi",
    "index_phrases": True,
    "norms": False,
}
"""Tokens made by `services.core.search`; pairs of neighbours are indexed too (`index_phrases`), for phrases."""
_SHORT: Mapping[str, Any] = {"ignore_above": 1024}

FIELDS: tuple[Field, ...] = (
    Field("when", "date", "Thời điểm (đăng, hoặc thu thập lần đầu)", "publish_time | first_collect_time | collect_time"),
    Field("title", "text", "Tiêu đề", options=_TEXT),
    Field("headline", "keyword", "Tiêu đề nguyên văn (để lập bảng)", "title", {"ignore_above": 1024}),
    Field("lead", "text", "Sapo", options=_TEXT),
    Field("text", "text", "Nội dung", options=_TEXT),
    Field("source_title", "keyword", "Nguồn tin", "source"),
    Field("source", "keyword", "Mã nguồn tin"),
    Field("kind", "keyword", "Loại văn bản", "kind"),
    Field("url", "keyword", "Địa chỉ", options={"ignore_above": 2048}),
    Field("authors", "keyword", "Tác giả", "author_names", _SHORT),
    Field("language", "keyword", "Ngôn ngữ", "language_code"),
    Field("publish_time", "date", "Ngày giờ đăng"),
    Field("publish_time_precision", "keyword", "Độ tin cậy của ngày giờ đăng", "publish_time_precision"),
    Field("collect_time", "date", "Thu thập bản này"),
    Field("first_collect_time", "date", "Thu thập lần đầu"),
    Field("withdrawn_time", "date", "Ngày giờ bị gỡ"),
    Field("withdrawn", "boolean", "Đã bị gỡ", "withdrawn_time"),
    Field("topics", "keyword", "Mã chủ đề", "analysis.topics"),
    Field("topic_titles", "keyword", "Chủ đề", "analysis.topics"),
    Field("topic_main", "keyword", "Mã chủ đề chính", "analysis.topics"),
    Field("topic_main_title", "keyword", "Chủ đề chính", "analysis.topics"),
    *(part for name in HEADS for part in head(name)),
    Field("sentiment_balance", "float", "Cán cân sắc thái (−1 đến 1)", "analysis.sentiment.scores"),
    Field("event_valence_balance", "float", "Cán cân sự việc (−1 đến 1)", "analysis.event_valence.scores"),
    Field("corrected_heads", "keyword", "Nhãn do người sửa", "analysis.corrected_heads"),
    Field("models", "keyword", "Mô hình đã dùng", "analysis.models"),
    Field("truncated", "boolean", "Chỉ phân tích một phần", "analysis.truncated"),
    Field("coverage", "float", "Tỷ lệ nội dung đã phân tích", "analysis.coverage"),
    Field("analyze_time", "date", "Ngày giờ phân tích", "analysis.analyze_time"),
    Field("areas", "keyword", "Tên tài nguyên của xã, phường", "current_areas"),
    Field("area_codes", "keyword", "Mã xã, phường hiện nay", "current_areas"),
    Field("area_titles", "keyword", "Xã, phường hiện nay", "current_areas"),
    Field("area_main_code", "keyword", "Mã xã, phường chính", "current_areas"),
    Field("area_main_title", "keyword", "Xã, phường chính", "current_areas"),
    Field("province_titles", "keyword", "Tỉnh, thành phố", "current_areas"),
    Field("location", "geo_point", "Vị trí xã, phường chính", "current_areas"),
    Field("place_titles", "keyword", "Địa danh được nhắc", "places"),
    Field("parcels", "keyword", "Thửa đất được nhắc", "parcel_references"),
    Field("documents", "keyword", "Văn bản được dẫn", "documents", _SHORT),
    Field("story", "keyword", "Nhóm tin"),
    Field("duplicate_of", "keyword", "Sao lại của bài"),
    Field("original", "boolean", "Là bài gốc", "duplicate_of"),
    Field("masked", "boolean", "Đã che số cá nhân"),
    Field("text_length", "integer", "Số ký tự"),
    Field("revision", "integer", "Phiên bản nội dung"),
    Field("evidence_count", "integer", "Số ảnh chụp, tệp minh chứng", "evidence"),
    Field("name", "keyword", "Tên tài nguyên của bài"),
    Field("change_number", "long", "Số lần thay đổi"),
    Field("when_micros", "long", "", "publish_time | first_collect_time | collect_time"),
    Field("record", "binary", "", "everything but text"),
    Field("words", "text", "", "title, lead, text", _TOKENS, in_source=False),
    Field("title_folded", "text", "Tiêu đề không dấu", "title", _TOKENS, in_source=False),
    Field("text_folded", "text", "Sapo và nội dung không dấu", "lead, text", _TOKENS, in_source=False),
)  # fmt: skip
"""Every field of a document, in the order in which analysts see them."""


def mapping() -> dict[str, Any]:
    """The body of the mapping: strict, from `FIELDS`; `removed` marks what stands for an article that was taken down."""
    return {
        "dynamic": "strict",
        "_source": {"excludes": [field.name for field in FIELDS if not field.in_source]},
        "properties": {field.name: {"type": field.type, **field.options} for field in FIELDS}
        | {"removed": {"type": "boolean"}},
    }
