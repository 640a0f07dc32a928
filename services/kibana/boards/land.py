"""Articles about land: where, from whom, which parcels and documents they name."""

from __future__ import annotations

from services.kibana.boards import parts
from services.kibana.boards.parts import articles, number
from services.kibana.description import Dashboard, Grid, Kind, Only, Terms, Words

_LAND = Only("topics", ("dat_dai",))

LAND = Dashboard(
    "land",
    Words("Ngọc Linh · Tin về đất đai", "Ngọc Linh · Articles about land"),
    Words(
        "Tin có chủ đề đất đai: xã nào, nguồn nào, phản ánh gì, nhắc thửa đất và văn bản nào.",
        "Articles about land: which commune, which source, what people complain of, which parcels and documents are named.",
    ),
    (
        number("articles", parts.ARTICLE_COUNT, 0, _LAND, w=12),
        number("negative", parts.NEGATIVE, 12, _LAND, w=12),
        number("complaints", parts.COMPLAINTS, 24, _LAND, w=12),
        number(
            "parcels",
            parts.ARTICLE_COUNT,
            36,
            Only("parcels"),
            w=12,
            title=Words("Tin nhắc thửa đất", "Naming a parcel"),
        ),
        articles(
            "by_day",
            Words("Tin đất đai mỗi ngày theo sắc thái", "Articles about land a day by sentiment"),
            Kind.BAR,
            Grid(0, 6, 28, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_DAY, parts.BY_SENTIMENT),
            only=(_LAND,),
        ),
        articles(
            "stance",
            Words("Thái độ với chính quyền", "Stance towards the administration"),
            Kind.DONUT,
            Grid(28, 6, 20, 12),
            parts.ARTICLE_COUNT,
            by=(parts.BY_STANCE,),
            only=(_LAND,),
        ),
        articles(
            "by_commune",
            Words("Xã, phường theo sắc thái", "Communes by sentiment"),
            Kind.BAR_HORIZONTAL,
            Grid(0, 18, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_COMMUNE, parts.BY_SENTIMENT),
            only=(_LAND,),
        ),
        articles(
            "by_source",
            Words("Nguồn tin theo sắc thái", "Sources by sentiment"),
            Kind.BAR_HORIZONTAL,
            Grid(24, 18, 24, 14),
            parts.ARTICLE_COUNT,
            by=(parts.BY_SOURCE, parts.BY_SENTIMENT),
            only=(_LAND,),
        ),
        articles(
            "headlines",
            Words("Tin đất đai mới nhất", "Newest articles about land"),
            Kind.TABLE,
            Grid(0, 32, 48, 14),
            parts.NEWEST,
            by=(parts.BY_HEADLINE, parts.BY_SOURCE, parts.BY_SENTIMENT),
            only=(_LAND,),
        ),
        articles(
            "parcels_table",
            Words("Thửa đất được nhắc", "Parcels named"),
            Kind.TABLE,
            Grid(0, 46, 24, 14),
            parts.ARTICLE_COUNT,
            parts.NEGATIVE,
            parts.NEWEST,
            by=(Terms("parcels", Words("Thửa đất", "Parcel"), 50),),
        ),
        articles(
            "documents_table",
            Words("Văn bản được dẫn", "Documents cited"),
            Kind.TABLE,
            Grid(24, 46, 24, 14),
            parts.ARTICLE_COUNT,
            parts.NEWEST,
            by=(Terms("documents", Words("Văn bản", "Document"), 50),),
        ),
    ),
)
