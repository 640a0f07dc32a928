"""Sentiment by source and time."""

from __future__ import annotations

from services.kibana.boards import parts
from services.kibana.boards.parts import articles, number
from services.kibana.description import Dashboard, Grid, Kind, Only, Terms, Words

SENTIMENT = Dashboard(
    "sentiment",
    Words("Ngọc Linh · Sắc thái theo nguồn và thời gian", "Ngọc Linh · Sentiment by source and time"),
    Words(
        "Nguồn nào viết thế nào, và thay đổi ra sao qua từng ngày. Nhãn chưa chắc vẫn được tính; xem số ở góc phải.",
        "Which source writes how, and how that changes by day. Labels that are unsure count too; see the number at the right.",
    ),
    (
        number("balance", parts.BALANCE, 0, w=12),
        number("negative", parts.NEGATIVE, 12, w=12),
        number("critical", parts.CRITICAL, 24, w=12),
        number("unsure", parts.UNSURE, 36, w=12),
        articles(
            "source_sentiment",
            Words("Nguồn và sắc thái", "Source and sentiment"),
            Kind.HEATMAP,
            Grid(0, 6, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_SENTIMENT, parts.BY_SOURCE),
        ),
        articles(
            "source_stance",
            Words("Nguồn và thái độ với chính quyền", "Source and stance towards the administration"),
            Kind.HEATMAP,
            Grid(24, 6, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_STANCE, parts.BY_SOURCE),
        ),
        articles(
            "balance_by_day",
            Words("Cán cân sắc thái mỗi ngày", "Balance of sentiment a day"),
            Kind.LINE,
            Grid(0, 20, 24, 12),
            parts.BALANCE,
            by=(parts.BY_DAY,),
        ),
        articles(
            "negative_by_day",
            Words("Tin tiêu cực mỗi ngày theo nguồn", "Negative articles a day by source"),
            Kind.BAR,
            Grid(24, 20, 24, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_DAY, parts.BY_SOURCE),
            only=(Only("sentiment", ("negative",)),),
        ),
        articles(
            "sources",
            Words("Nguồn tin", "Sources"),
            Kind.TABLE,
            Grid(0, 32, 32, 14),
            parts.ARTICLE_COUNT,
            parts.NEGATIVE,
            parts.CRITICAL,
            parts.COMPLAINTS,
            parts.BALANCE,
            parts.NEWEST,
            by=(parts.BY_SOURCE,),
        ),
        articles(
            "valence",
            Words("Sự việc tốt hay xấu cho người dân", "Is the event good or bad for people"),
            Kind.DONUT,
            Grid(32, 32, 16, 14),
            parts.ARTICLE_COUNT,
            by=(Terms("event_valence", Words("Sự việc", "Event"), 3),),
        ),
    ),
)
