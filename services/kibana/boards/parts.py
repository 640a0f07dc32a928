"""What several dashboards count and group by, and how a panel over the articles is made."""

from __future__ import annotations

from services.kibana.description import Days, Grid, Grouping, Kind, Measure, Only, Panel, Terms, Words
from services.kibana.views import ARTICLES

ARTICLE_COUNT = Measure(Words("Tin bài", "Articles"))
STORY_COUNT = Measure(Words("Nhóm tin (bài trùng tính một)", "Stories (copies count once)"), "unique_count", "story")
NEGATIVE = Measure(Words("Tiêu cực", "Negative"), only=(Only("sentiment", ("negative",)),))
CRITICAL = Measure(Words("Phê phán", "Critical"), only=(Only("stance", ("critical",)),))
COMPLAINTS = Measure(Words("Phản ánh, kiến nghị", "Complaints"), only=(Only("complaint", ("yes",)),))
UNSURE = Measure(Words("Sắc thái chưa chắc", "Sentiment unsure"), only=(Only("sentiment_unsure", ("true",)),))
BALANCE = Measure(
    Words("Cán cân sắc thái (−1 đến 1)", "Balance of sentiment (−1 to 1)"), "average", "sentiment_balance"
)
NEWEST = Measure(Words("Mới nhất", "Newest"), "max", "when")

BY_DAY = Days("when", Words("Ngày", "Day"))
BY_SENTIMENT = Terms("sentiment", Words("Sắc thái", "Sentiment"), 3)
BY_STANCE = Terms("stance", Words("Thái độ với chính quyền", "Stance towards the administration"), 3)
BY_TOPIC = Terms("topic_titles", Words("Chủ đề", "Topic"), 14)
BY_SOURCE = Terms("source_title", Words("Nguồn tin", "Source"), 20)
BY_COMMUNE = Terms("area_titles", Words("Xã, phường hiện nay", "Commune of today"), 30)
BY_HEADLINE = Terms("headline", Words("Tiêu đề", "Headline"), 50)

STANDING = Only("withdrawn", ("false",))
"""Articles that their sites did not withdraw, as on the dashboard of the product."""


def articles(
    id_: str,
    title: Words,
    kind: Kind,
    grid: Grid,
    *measures: Measure,
    by: tuple[Grouping, ...] = (),
    only: tuple[Only, ...] = (),
) -> Panel:
    """A panel over the articles that stand."""
    return Panel(id_, title, kind, ARTICLES, grid, measures, by, (STANDING, *only))


def number(id_: str, measure: Measure, x: int, *only: Only, w: int = 8, title: Words | None = None) -> Panel:
    """One number over the articles, in the first row."""
    shown = Measure(title or measure.title, measure.operation, measure.field, measure.only)
    return articles(id_, shown.title, Kind.METRIC, Grid(x, 0, w, 6), shown, only=only)
