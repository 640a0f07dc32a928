"""An article as one row of a table that may leave the office.

Shown are title, source, time, link and an excerpt of at most 300 characters, never the whole text (Nghị định
147/2024/NĐ-CP on aggregated information). Every cell is text: a code such as 06978 keeps its zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement

from services.core.areas import register
from services.core.clock import VIETNAM, to_datetime
from services.core.labels import labels
from services.core.vietnamese import strip_controls

EXCERPT = 300
"""Most characters of a text that are shown."""
MOST_CHARACTERS = 32_000
"""Most characters of a cell; spreadsheets take 32,767."""

Row = tuple[str, ...]
Titles = Mapping[str, str]

_COLUMNS: Mapping[str, Callable[[Article, Titles], str]] = {
    "Thời điểm đăng": lambda article, _: _time(article.publish_time) if article.HasField("publish_time") else "",
    "Nguồn": lambda article, titles: titles.get(article.source) or article.source.removeprefix("sources/"),
    "Tiêu đề": lambda article, _: article.title,
    "Trích đoạn": lambda article, _: article.excerpt[:EXCERPT],
    "Đường dẫn": lambda article, _: article.url,
    "Sắc thái": lambda article, _: _label("sentiment", article.analysis.sentiment),
    "Tính chất sự việc": lambda article, _: _label("sentiment", article.analysis.event_valence),
    "Thái độ với chính quyền": lambda article, _: _label("stance", article.analysis.stance),
    "Phản ánh, kiến nghị": lambda article, _: {"yes": "có", "no": "không"}.get(article.analysis.complaint.label, ""),
    "Nhãn do": lambda article, _: _author(article),
    "Chủ đề": lambda article, _: "; ".join(labels()["topics"].get(code, code) for code in article.analysis.topics),
    "Mã xã": lambda article, _: "; ".join(area.rpartition("-")[2] for area in article.current_areas),
    "Xã": lambda article, _: "; ".join(_title(area) for area in article.current_areas),
    "Văn bản được dẫn": lambda article, _: "; ".join(article.documents),
    "Đăng lại": lambda article, _: "có" if article.duplicate_of else "",
    "Thu thập lúc": lambda article, _: _time(article.collect_time),
    "Mã bài": lambda article, _: article.name.removeprefix("articles/"),
}
"""Value of an article by the heading of its column."""

HEADINGS: Row = tuple(_COLUMNS)


def row(article: Article, titles: Titles) -> Row:
    """The cells of an article, under `HEADINGS`.

    Args:
        article: as lists have it.
        titles: display name by name of a source.
    """
    return tuple(_plain(value(article, titles)) for value in _COLUMNS.values())


def _plain(text: str) -> str:
    return " ".join(strip_controls(text).split())[:MOST_CHARACTERS]


def _time(stamp: Timestamp) -> str:
    return f"{to_datetime(stamp).astimezone(VIETNAM):%Y-%m-%d %H:%M}"


def _label(head: str, judgement: Judgement) -> str:
    told = labels()[head].get(judgement.label, judgement.label)
    return f"{told} (không chắc)" if judgement.unsure else told


def _author(article: Article) -> str:
    if not article.HasField("analysis"):
        return ""
    return "cán bộ sửa" if article.analysis.corrected_heads else "máy gợi ý"


def _title(name: str) -> str:
    unit = register().get(name)
    return unit.title if unit is not None else name
