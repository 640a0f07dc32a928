"""Health of the sources: who is polled, what fails, what came in."""

from __future__ import annotations

from services.kibana.boards import parts
from services.kibana.boards.parts import articles
from services.kibana.description import Dashboard, Days, Grid, Grouping, Kind, Measure, Only, Panel, Terms, Words
from services.kibana.views import SOURCES as VIEW

_COUNT = Measure(Words("Nguồn tin", "Sources"))
_BY_TITLE = Terms("title", Words("Nguồn tin", "Source"), 100)
_BY_STATE = Terms("state", Words("Trạng thái", "State"), 5)


def _panel(
    id_: str,
    title: Words,
    kind: Kind,
    grid: Grid,
    *measures: Measure,
    by: tuple[Grouping, ...] = (),
    only: tuple[Only, ...] = (),
) -> Panel:
    return Panel(id_, title, kind, VIEW, grid, measures, by, only)


def _number(id_: str, title: Words, x: int, measure: Measure, *only: Only) -> Panel:
    shown = Measure(title, measure.operation, measure.field)
    return _panel(id_, title, Kind.METRIC, Grid(x, 0, 12, 6), shown, only=only)


SOURCES = Dashboard(
    "sources",
    Words("Ngọc Linh · Tình trạng nguồn tin", "Ngọc Linh · Health of the sources"),
    Words(
        "Nguồn nào đang được theo dõi, nguồn nào im hay lỗi. Bảng là tình trạng lúc này, không theo khoảng thời gian.",
        "Which sources are followed, which are silent or fail. The table is the state of now, whatever the range of time.",
    ),
    (
        _number("sources", Words("Nguồn tin", "Sources"), 0, _COUNT),
        _number("healthy", Words("Hoạt động tốt", "Healthy"), 12, _COUNT, Only("healthy", ("true",))),
        _number("ill", Words("Cần xem", "To look at"), 24, _COUNT, Only("healthy", ("false",))),
        _number(
            "newest", Words("Bài mới nhất", "Newest article"), 36, Measure(_COUNT.title, "max", "newest_article_time")
        ),
        _panel("states", Words("Trạng thái", "State"), Kind.DONUT, Grid(0, 6, 16, 12), _COUNT, by=(_BY_STATE,)),
        articles(
            "collected",
            Words("Tin bài thu thập lần đầu mỗi ngày", "Articles first collected a day"),
            Kind.BAR,
            Grid(16, 6, 32, 12),
            parts.ARTICLE_COUNT,
            by=(Days("first_collect_time", Words("Ngày thu thập", "Day collected")), parts.BY_SOURCE),
        ),
        _panel(
            "health",
            Words("Từng nguồn", "Each source"),
            Kind.TABLE,
            Grid(0, 18, 48, 18),
            Measure(Words("Bài đã thu thập", "Articles"), "max", "article_count"),
            Measure(Words("Bài mới nhất", "Newest article"), "max", "newest_article_time"),
            Measure(Words("Hỏi lần cuối", "Last poll"), "max", "poll_time"),
            Measure(Words("Kênh tin đang lỗi", "Broken discoveries"), "max", "broken_discovery_count"),
            Measure(Words("Lỗi tải", "Failures"), "max", "failure_count"),
            Measure(Words("Bị từ chối", "Refused"), "max", "refused_count"),
            Measure(Words("Tỷ lệ trang rỗng", "Share of empty pages"), "max", "empty_share"),
            by=(_BY_TITLE, _BY_STATE),
        ),
        _panel(
            "problems",
            Words("Vấn đề", "Problems"),
            Kind.TABLE,
            Grid(0, 36, 48, 12),
            _COUNT,
            by=(Terms("problem", Words("Vấn đề", "Problem"), 50), _BY_TITLE),
        ),
    ),
)
