"""Places: which communes are written about, how and about what.

The Dashboards API cannot write maps, nor has Elastic's map service the communes of 2025: places are tables and heat maps.
"""

from __future__ import annotations

from services.kibana.boards import parts
from services.kibana.boards.parts import articles, number
from services.kibana.description import Dashboard, Grid, Kind, Measure, Only, Terms, Words

PLACES = Dashboard(
    "places",
    Words("Ngọc Linh · Nơi chốn", "Ngọc Linh · Places"),
    Words(
        "Xã, phường hiện nay mà tin bài nhắc đến, kể cả khi bài dùng tên cũ. Một bài nhắc ba xã được tính cho cả ba. "
        "Bản đồ có sẵn trên trang của Ngọc Linh; ở đây nơi chốn là bảng và lưới màu.",
        "Communes of today that articles name, also by their former names. An article that names three counts for each. "
        "The map is on the pages of Ngọc Linh; here places are tables and heat maps.",
    ),
    (
        number(
            "located", parts.ARTICLE_COUNT, 0, Only("area_titles"), w=16, title=Words("Tin có nơi chốn", "With a place")
        ),
        number(
            "communes",
            Measure(Words("Xã, phường được nhắc", "Communes named"), "unique_count", "area_codes"),
            16,
            w=16,
        ),
        number("negative", parts.NEGATIVE, 32, Only("area_titles"), w=16),
        articles(
            "communes_table",
            Words("Xã, phường", "Communes"),
            Kind.TABLE,
            Grid(0, 6, 28, 18),
            parts.ARTICLE_COUNT,
            parts.STORY_COUNT,
            parts.NEGATIVE,
            parts.CRITICAL,
            parts.COMPLAINTS,
            parts.NEWEST,
            by=(parts.BY_COMMUNE,),
        ),
        articles(
            "commune_sentiment",
            Words("Sắc thái theo xã, phường", "Sentiment by commune"),
            Kind.HEATMAP,
            Grid(28, 6, 20, 18),
            parts.ARTICLE_COUNT,
            by=(parts.BY_SENTIMENT, parts.BY_COMMUNE),
        ),
        articles(
            "commune_topic",
            Words("Chủ đề theo xã, phường", "Topics by commune"),
            Kind.HEATMAP,
            Grid(0, 24, 28, 16),
            parts.ARTICLE_COUNT,
            by=(parts.BY_TOPIC, parts.BY_COMMUNE),
        ),
        articles(
            "as_written",
            Words("Đơn vị theo tên trong bài", "Units as the texts name them"),
            Kind.TABLE,
            Grid(28, 24, 20, 16),
            parts.ARTICLE_COUNT,
            by=(Terms("place_titles", Words("Địa danh được nhắc", "Place named"), 50),),
        ),
        articles(
            "by_day",
            Words("Tin bài mỗi ngày theo xã, phường chính", "Articles a day by main commune"),
            Kind.BAR,
            Grid(0, 40, 48, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_DAY, Terms("area_main_title", Words("Xã, phường chính", "Main commune"), 10)),
        ),
    ),
)
