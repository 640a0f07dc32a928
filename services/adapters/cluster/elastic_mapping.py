"""The one description of an article in Elasticsearch: every field with its type, its origin and its Vietnamese name.

The mapping, the documents, the fields that a search without a field looks in, and what analysts see in Kibana all come
from `FIELDS`. The mapping is strict: a document never adds a field. Empty values are left out of a document, so that
``exists`` asks whether something is known.

Only what every Elasticsearch 9 has is used: the standard tokenizer, the whitespace analyzer, no scripts, no pipelines.
Marks are dropped and words compared by `services.core.search`; its tokens stand in `words`, `title_folded` and
`text_folded`, separated by blanks, and are indexed as they are. What analysts type is cut by the standard tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ngoclinh.media.v1.article_pb2 import Article, ArticleKind, TimePrecision

from services.adapters.cluster import elastic_fields as of
from services.adapters.cluster.elastic_fields import Field, Parts

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
    Field("when", "date", "Thời điểm (đăng, hoặc thu thập lần đầu)", "publish_time | first_collect_time | collect_time", lambda p: p.micros // 1000),
    of.plain("title", "text", "Tiêu đề", **_TEXT),
    Field("headline", "keyword", "Tiêu đề nguyên văn (để lập bảng)", "title", lambda p: p.article.title, {"ignore_above": 1024}),
    of.plain("lead", "text", "Sapo", **_TEXT),
    of.plain("text", "text", "Nội dung", **_TEXT),
    Field("source_title", "keyword", "Nguồn tin", "source", lambda p: p.source_title),
    of.plain("source", "keyword", "Mã nguồn tin"),
    Field("kind", "keyword", "Loại văn bản", "kind", lambda p: of.enum(ArticleKind.Name(p.article.kind), "ARTICLE_KIND_")),
    of.plain("url", "keyword", "Địa chỉ", ignore_above=2048),
    Field("authors", "keyword", "Tác giả", "author_names", lambda p: list(p.article.author_names), _SHORT),
    Field("language", "keyword", "Ngôn ngữ", "language_code", lambda p: p.article.language_code),
    of.time("publish_time", "Ngày giờ đăng"),
    Field("publish_time_precision", "keyword", "Độ tin cậy của ngày giờ đăng", "publish_time_precision", lambda p: of.enum(TimePrecision.Name(p.article.publish_time_precision), "TIME_PRECISION_")),
    of.time("collect_time", "Thu thập bản này"),
    of.time("first_collect_time", "Thu thập lần đầu"),
    of.time("withdrawn_time", "Ngày giờ bị gỡ"),
    Field("withdrawn", "boolean", "Đã bị gỡ", "withdrawn_time", lambda p: p.article.HasField("withdrawn_time")),
    Field("topics", "keyword", "Mã chủ đề", "analysis.topics", lambda p: list(p.analysis.topics)),
    Field("topic_titles", "keyword", "Chủ đề", "analysis.topics", of.topic_titles),
    Field("topic_main", "keyword", "Mã chủ đề chính", "analysis.topics", lambda p: of.first(p.analysis.topics)),
    Field("topic_main_title", "keyword", "Chủ đề chính", "analysis.topics", lambda p: of.first(of.topic_titles(p))),
    *(part for head in HEADS for part in of.head(head)),
    of.balance("sentiment", "Cán cân sắc thái (−1 đến 1)"),
    of.balance("event_valence", "Cán cân sự việc (−1 đến 1)"),
    Field("corrected_heads", "keyword", "Nhãn do người sửa", "analysis.corrected_heads", lambda p: list(p.analysis.corrected_heads)),
    Field("models", "keyword", "Mô hình đã dùng", "analysis.models", lambda p: list(p.analysis.models)),
    of.analysed("truncated", "boolean", "Chỉ phân tích một phần"),
    of.analysed("coverage", "float", "Tỷ lệ nội dung đã phân tích"),
    of.time("analyze_time", "Ngày giờ phân tích", analysis=True),
    Field("areas", "keyword", "Tên tài nguyên của xã, phường", "current_areas", lambda p: list(dict.fromkeys(p.article.current_areas))),
    Field("area_codes", "keyword", "Mã xã, phường hiện nay", "current_areas", lambda p: p.communes.codes),
    Field("area_titles", "keyword", "Xã, phường hiện nay", "current_areas", lambda p: p.communes.titles),
    Field("area_main_code", "keyword", "Mã xã, phường chính", "current_areas", lambda p: of.first(p.communes.codes)),
    Field("area_main_title", "keyword", "Xã, phường chính", "current_areas", lambda p: of.first(p.communes.titles)),
    Field("province_titles", "keyword", "Tỉnh, thành phố", "current_areas", lambda p: p.communes.provinces),
    Field("location", "geo_point", "Vị trí xã, phường chính", "current_areas", lambda p: p.communes.point),
    Field("place_titles", "keyword", "Địa danh được nhắc", "places", lambda p: of.titles(place.area for place in p.article.places)),
    Field("parcels", "keyword", "Thửa đất được nhắc", "parcel_references", of.parcels),
    Field("documents", "keyword", "Văn bản được dẫn", "documents", lambda p: list(p.article.documents), _SHORT),
    of.plain("story", "keyword", "Nhóm tin"),
    of.plain("duplicate_of", "keyword", "Sao lại của bài"),
    Field("original", "boolean", "Là bài gốc", "duplicate_of", lambda p: not p.article.duplicate_of),
    of.plain("masked", "boolean", "Đã che số cá nhân"),
    of.plain("text_length", "integer", "Số ký tự"),
    of.plain("revision", "integer", "Phiên bản nội dung"),
    Field("evidence_count", "integer", "Số ảnh chụp, tệp minh chứng", "evidence", lambda p: len(p.article.evidence)),
    of.plain("name", "keyword", "Tên tài nguyên của bài"),
    of.plain("change_number", "long", "Số lần thay đổi"),
    Field("when_micros", "long", "", "publish_time | first_collect_time | collect_time", lambda p: p.micros),
    Field("record", "binary", "", "everything but text", lambda p: p.record),
    Field("words", "text", "", "title, lead, text", lambda p: p.said.exact, _TOKENS, in_source=False),
    Field("title_folded", "text", "Tiêu đề không dấu", "title", lambda p: p.said.folded[0], _TOKENS, in_source=False),
    Field("text_folded", "text", "Sapo và nội dung không dấu", "lead, text", lambda p: p.said.folded[1:], _TOKENS, in_source=False),
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


def document(article: Article, source_titles: Mapping[str, str]) -> dict[str, Any]:
    """The document of an article.

    Args:
        article: with its analysis, as the ledger gives it.
        source_titles: display name by resource name of a source; without one its id is shown.
    """
    parts = Parts(article, source_titles)
    values = [(one.name, one.take(parts)) for one in FIELDS]
    return {name: value for name, value in values if value or value == 0}
