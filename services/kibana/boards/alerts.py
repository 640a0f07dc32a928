"""Alerts: what was raised, what waits, how long people take."""

from __future__ import annotations

from services.kibana.description import Dashboard, Days, Grid, Grouping, Kind, Measure, Only, Panel, Terms, Words
from services.kibana.views import ALERTS as VIEW

_COUNT = Measure(Words("Cảnh báo", "Alerts"))
_WAITED = Measure(Words("Số giờ chờ tiếp nhận", "Hours until taken care of"), "average", "waited_hours")
_RAISED = Measure(Words("Lúc cảnh báo", "Raised"), "max", "raise_time")
_OPEN = Only("open", ("true",))
_BY_SEVERITY = Terms("severity", Words("Mức độ", "Severity"), 3)
_BY_RULE = Terms("rule_title", Words("Quy tắc", "Rule"), 20)
_BY_COMMUNE = Terms("area_titles", Words("Xã, phường hiện nay", "Commune of today"), 20)


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


ALERTS = Dashboard(
    "alerts",
    Words("Ngọc Linh · Cảnh báo", "Ngọc Linh · Alerts"),
    Words(
        "Cảnh báo đã phát, cảnh báo còn chờ và thời gian chờ. Tiếp nhận trên trang của Ngọc Linh, không phải ở đây.",
        "Alerts raised, those that wait, and for how long. They are taken care of on the pages of Ngọc Linh, not here.",
    ),
    (
        _panel("alerts", _COUNT.title, Kind.METRIC, Grid(0, 0, 16, 6), _COUNT),
        _panel(
            "open",
            Words("Chưa tiếp nhận", "Open"),
            Kind.METRIC,
            Grid(16, 0, 16, 6),
            Measure(Words("Chưa tiếp nhận", "Open")),
            only=(_OPEN,),
        ),
        _panel("waited", _WAITED.title, Kind.METRIC, Grid(32, 0, 16, 6), _WAITED),
        _panel(
            "by_day",
            Words("Cảnh báo mỗi ngày theo mức độ", "Alerts a day by severity"),
            Kind.BAR,
            Grid(0, 6, 32, 12),
            _COUNT,
            by=(Days("raise_time", Words("Ngày", "Day")), _BY_SEVERITY),
        ),
        _panel("by_rule", Words("Quy tắc", "Rules"), Kind.DONUT, Grid(32, 6, 16, 12), _COUNT, by=(_BY_RULE,)),
        _panel(
            "inbox",
            Words("Chưa tiếp nhận, mới nhất trước", "Open, newest first"),
            Kind.TABLE,
            Grid(0, 18, 48, 16),
            _RAISED,
            by=(
                Terms("title", Words("Tiêu đề tin", "Headline"), 50),
                _BY_RULE,
                _BY_SEVERITY,
                Terms("source_title", Words("Nguồn tin", "Source"), 5),
            ),
            only=(_OPEN,),
        ),
        _panel(
            "by_commune",
            Words("Xã, phường và mức độ", "Communes and severity"),
            Kind.HEATMAP,
            Grid(0, 34, 24, 14),
            _COUNT,
            by=(_BY_SEVERITY, _BY_COMMUNE),
        ),
        _panel(
            "by_user",
            Words("Ai tiếp nhận", "Who takes care"),
            Kind.TABLE,
            Grid(24, 34, 24, 14),
            _COUNT,
            _WAITED,
            by=(Terms("acknowledge_user", Words("Người tiếp nhận", "User"), 20),),
        ),
    ),
)
