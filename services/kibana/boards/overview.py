"""Overview: how much was written, how, about what, where from."""

from __future__ import annotations

from services.kibana.boards import parts
from services.kibana.boards.parts import articles, number
from services.kibana.description import Dashboard, Grid, Kind, Measure, Only, Panel, Words
from services.kibana.views import ALERTS

OVERVIEW = Dashboard(
    "overview",
    Words("Ngọc Linh · Tổng quan", "Ngọc Linh · Overview"),
    Words(
        "Tin bài, sắc thái, chủ đề và nguồn trong khoảng thời gian đã chọn; tin đã bị trang gỡ không tính.",
        "Articles, sentiment, topics and sources of the chosen range; what its site withdrew does not count.",
    ),
    (
        number("articles", parts.ARTICLE_COUNT, 0),
        number("stories", parts.STORY_COUNT, 8),
        number("negative", parts.NEGATIVE, 16),
        number("complaints", parts.COMPLAINTS, 24),
        number("unsure", parts.UNSURE, 32),
        Panel(
            "open_alerts",
            Words("Cảnh báo chưa tiếp nhận", "Open alerts"),
            Kind.METRIC,
            ALERTS,
            Grid(40, 0, 8, 6),
            (Measure(Words("Cảnh báo chưa tiếp nhận", "Open alerts")),),
            only=(Only("open", ("true",)),),
        ),
        articles(
            "by_day",
            Words("Tin bài mỗi ngày theo sắc thái", "Articles a day by sentiment"),
            Kind.BAR,
            Grid(0, 6, 32, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_DAY, parts.BY_SENTIMENT),
        ),
        articles(
            "by_topic",
            Words("Chủ đề", "Topics"),
            Kind.DONUT,
            Grid(32, 6, 16, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_TOPIC,),
        ),
        articles(
            "by_source",
            Words("Nguồn tin theo sắc thái", "Sources by sentiment"),
            Kind.BAR_HORIZONTAL,
            Grid(0, 18, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_SOURCE, parts.BY_SENTIMENT),
        ),
        articles(
            "topic_sentiment",
            Words("Sắc thái theo chủ đề", "Sentiment by topic"),
            Kind.HEATMAP,
            Grid(24, 18, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_SENTIMENT, parts.BY_TOPIC),
        ),
        articles(
            "negative_headlines",
            Words("Tin tiêu cực mới nhất", "Newest negative articles"),
            Kind.TABLE,
            Grid(0, 32, 48, 14),
            parts.NEWEST,
            by=(parts.BY_HEADLINE, parts.BY_SOURCE),
            only=(Only("sentiment", ("negative",)),),
        ),
    ),
)
