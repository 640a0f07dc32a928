"""The words of a brief, the same in every format."""

from __future__ import annotations

from datetime import datetime

from ngoclinh.land.v1.parcel_pb2 import Finding, Import
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.situation.v1.situation_service_pb2 import AreaSituation

from services.core.clock import VIETNAM, to_datetime
from services.core.labels import labels
from services.core.vietnamese import strip_controls
from services.gateway.brief.collect import Brief, Story

NOTE = (
    "Nhãn sắc thái, thái độ và chủ đề do máy gợi ý; cán bộ kiểm tra trước khi sử dụng. "
    "Tin báo chí đầy đủ theo các nguồn đã khai báo; mạng xã hội không đầy đủ."
)
HEADLINE = 90
"""Characters of a comment that stand for its headline."""
COMMUNE_COLUMNS = ("Xã", "Tin bài", "Tiêu cực", "Phê phán", "Phản ánh", "Thửa đất", "Lỗi", "Cảnh báo")


def heading(brief: Brief) -> str:
    """Title of the brief."""
    return f"Điểm báo {brief.title} ngày {brief.day:%d/%m/%Y}"


def prepared(brief: Brief) -> str:
    """When it was put together."""
    return f"Lập lúc {clock(brief.prepared)}"


def summary(brief: Brief) -> list[tuple[str, int]]:
    """The day's numbers with their names."""
    stories = sum(map(len, brief.topics.values()))
    return [
        ("Tin bài", brief.total),
        ("Nhóm tin", stories),
        ("Tiêu cực", brief.counts.get("sentiment.negative", 0)),
        ("Phê phán chính quyền", brief.counts.get("stance.critical", 0)),
        ("Phản ánh, kiến nghị", brief.counts.get("complaint.yes", 0)),
        ("Cảnh báo", len(brief.alerts)),
    ]


def topic(code: str) -> str:
    """What a topic is called."""
    return labels()["topics"].get(code, code)


def headline(article: Article) -> str:
    """Headline of an article; a comment has none and is told by how it begins."""
    start = article.excerpt or article.text
    return article.title or (start if len(start) <= HEADLINE else start[:HEADLINE].rsplit(" ", 1)[0] + "…")


def story(brief: Brief, told: Story) -> str:
    """Source, time, stance, tone and copies of a story."""
    article = told.article
    parts = [brief.sources.get(article.source) or article.source.removeprefix("sources/")]
    if article.HasField("publish_time"):
        parts.append(clock(to_datetime(article.publish_time)))
    for head, judgement in (("stance", article.analysis.stance), ("sentiment", article.analysis.sentiment)):
        parts.append(
            labels()[head].get(judgement.label, judgement.label) + (" (không chắc)" if judgement.unsure else "")
        )
    if article.analysis.complaint.label == "yes":
        parts.append("phản ánh")
    if told.copies:
        parts.append(f"{told.copies} bài đăng lại")
    return " · ".join(parts)


def commune(row: AreaSituation) -> tuple[str, ...]:
    """One row of the table of communes, as `COMMUNE_COLUMNS`; "?" where a half did not answer."""
    media, land = row.media, row.land
    news = [media.article_count, media.negative_count, media.critical_count, media.complaint_count]
    parcels = [land.parcel_count, land.error_count, land.warning_count]
    return (
        row.area.title,
        *(map(number, news) if row.HasField("media") else ["?"] * 4),
        *(map(number, parcels) if row.HasField("land") else ["?"] * 3),
    )


def imported(import_: Import) -> str:
    """One import of the day."""
    counts = f"{number(import_.error_count)} lỗi, {number(import_.warning_count)} cảnh báo"
    return f"{strip_controls(import_.file_name)}: {number(import_.parcel_count)} thửa, {counts}"


def found(finding: Finding) -> str:
    """One finding."""
    return f"{finding.rule_code} {finding.message.vi}"


def alert(raised: Alert) -> str:
    """One alert."""
    taken = f"đã tiếp nhận ({raised.acknowledge_user})" if raised.HasField("acknowledge_time") else "chưa tiếp nhận"
    return f"{clock(to_datetime(raised.raise_time))} · {strip_controls(raised.rule_title)}: {raised.title} · {taken}"


def clock(moment: datetime) -> str:
    """A moment as it is read in Vietnam."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def number(value: int) -> str:
    """A number with dots between thousands."""
    return f"{value:,}".replace(",", ".")
