"""Dashboards for the Dashboards API, generally available since Kibana 9.5: ``PUT /api/dashboards/{id}``.

The models are the subset of its shapes that is written here; an unknown key would be refused by Kibana and is by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.kibana import kql
from services.kibana.description import (
    COLUMNS,
    Dashboard,
    Grouping,
    Kind,
    Language,
    Measure,
    Only,
    Panel,
    Terms,
    View,
)
from services.kibana.ids import Ids

FIRST_VERSION = (9, 5)
"""The first version with this API for production."""


class _Shape(BaseModel):
    """Base of all shapes: unknown keys are errors, absent ones are not written."""

    model_config = ConfigDict(extra="forbid")


class Query(_Shape):
    """A condition in KQL."""

    language: Literal["kql"] = "kql"
    expression: str


class DataViewReference(_Shape):
    """The data view that a chart reads."""

    type: Literal["data_view_reference"] = "data_view_reference"
    ref_id: str


class RankBy(_Shape):
    """Order of the values of a field: by a measure of the chart."""

    type: Literal["metric"] = "metric"
    metric_index: int = 0
    direction: Literal["asc", "desc"] = "desc"


class TermsOperation(_Shape):
    """Group by the values of fields."""

    operation: Literal["terms"] = "terms"
    label: str
    fields: list[str] = Field(min_length=1, max_length=4)
    limit: int
    rank_by: RankBy = RankBy()


class DateHistogramOperation(_Shape):
    """Group by steps of time."""

    operation: Literal["date_histogram"] = "date_histogram"
    label: str
    field: str
    suggested_interval: str = "1d"
    include_empty_rows: bool = True


class MetricOperation(_Shape):
    """A number; the `type` is written for the numbers of a metric only."""

    type: Literal["primary"] | None = None
    operation: Literal["count", "unique_count", "average", "max", "sum"]
    label: str
    field: str | None = None
    filter: Query | None = None


GroupOperation = TermsOperation | DateHistogramOperation


class _Chart(_Shape):
    title: str | None = None
    query: Query | None = None


class MetricChart(_Chart):
    """One number; its label is its title."""

    type: Literal["metric"] = "metric"
    data_source: DataViewReference
    metrics: list[MetricOperation] = Field(min_length=1, max_length=2)


class XyLayer(_Shape):
    """What an xy chart draws."""

    type: Literal["bar_stacked", "bar_horizontal_stacked", "line"]
    data_source: DataViewReference
    x: GroupOperation
    y: list[MetricOperation] = Field(min_length=1)
    breakdown_by: GroupOperation | None = None


class XyChart(_Chart):
    """Columns, bars or lines."""

    type: Literal["xy"] = "xy"
    layers: list[XyLayer] = Field(min_length=1)


class PieStyling(_Shape):
    """A ring rather than a disc."""

    donut_hole: Literal["s", "m", "l"] = "m"


class PieChart(_Chart):
    """Shares."""

    type: Literal["pie"] = "pie"
    data_source: DataViewReference
    metrics: list[MetricOperation] = Field(min_length=1)
    group_by: list[GroupOperation] = Field(min_length=1)
    styling: PieStyling = PieStyling()


class HeatmapChart(_Chart):
    """Coloured cells."""

    type: Literal["heatmap"] = "heatmap"
    data_source: DataViewReference
    x: GroupOperation
    y: GroupOperation
    metric: MetricOperation


class DataTable(_Chart):
    """Rows."""

    type: Literal["data_table"] = "data_table"
    data_source: DataViewReference
    metrics: list[MetricOperation] = Field(min_length=1)
    rows: list[GroupOperation] = Field(min_length=1)


Chart = MetricChart | XyChart | PieChart | HeatmapChart | DataTable


class PanelGrid(_Shape):
    """Place of a panel."""

    x: int = Field(ge=0, lt=COLUMNS)
    y: int = Field(ge=0)
    w: int = Field(ge=1, le=COLUMNS)
    h: int = Field(ge=1)


class VisPanel(_Shape):
    """A chart on a dashboard."""

    id: str
    type: Literal["vis"] = "vis"
    grid: PanelGrid
    config: Chart


class TimeRange(_Shape):
    """The range of time that a dashboard opens with."""

    from_: str = Field(alias="from")
    to: str = "now"


class DashboardBody(_Shape):
    """The body of the request."""

    title: str
    description: str
    time_range: TimeRange
    panels: list[VisPanel] = Field(max_length=100)


def body(dashboard: Dashboard, views: Mapping[str, View], ids: Ids, lang: Language) -> dict[str, Any]:
    """The body of ``PUT /api/dashboards/{id}``; `views` by their ids."""
    made = DashboardBody(
        title=dashboard.title.said(lang),
        description=dashboard.description.said(lang),
        time_range=TimeRange.model_validate({"from": f"now-{dashboard.days}d"}),
        panels=[
            VisPanel(
                id=ids.of("panel", dashboard.id, panel.id),
                grid=PanelGrid(x=panel.grid.x, y=panel.grid.y, w=panel.grid.w, h=panel.grid.h),
                config=_chart(panel, ids.of("view", views[panel.view].id), lang),
            )
            for panel in dashboard.panels
        ],
    )
    return made.model_dump(by_alias=True, exclude_none=True)


def _chart(panel: Panel, view: str, lang: Language) -> Chart:
    head: dict[str, Any] = {"title": panel.title.said(lang), "query": _query(panel.only)}
    source = DataViewReference(ref_id=view)
    by = [_group(grouping, lang) for grouping in panel.by]
    numbers = [_metric(measure, lang) for measure in panel.measures]
    match panel.kind:
        case Kind.METRIC:
            primary = numbers[0].model_copy(update={"type": "primary"})
            return MetricChart(query=head["query"], data_source=source, metrics=[primary])
        case Kind.DONUT:
            return PieChart(**head, data_source=source, metrics=numbers, group_by=by)
        case Kind.HEATMAP:
            return HeatmapChart(**head, data_source=source, x=by[0], y=by[1], metric=numbers[0])
        case Kind.TABLE:
            return DataTable(**head, data_source=source, metrics=numbers, rows=by)
        case Kind.BAR | Kind.BAR_HORIZONTAL | Kind.LINE:
            layer = XyLayer(
                type=_SERIES[panel.kind],
                data_source=source,
                x=by[0],
                y=numbers,
                breakdown_by=by[1] if len(by) > 1 else None,
            )
            return XyChart(**head, layers=[layer])


_SERIES: dict[Kind, Literal["bar_stacked", "bar_horizontal_stacked", "line"]] = {
    Kind.BAR: "bar_stacked",
    Kind.BAR_HORIZONTAL: "bar_horizontal_stacked",
    Kind.LINE: "line",
}


def _group(grouping: Grouping, lang: Language) -> GroupOperation:
    label = grouping.title.said(lang)
    if isinstance(grouping, Terms):
        return TermsOperation(label=label, fields=[grouping.field], limit=grouping.size)
    return DateHistogramOperation(label=label, field=grouping.field)


def _metric(measure: Measure, lang: Language) -> MetricOperation:
    return MetricOperation(
        operation=measure.operation,
        label=measure.title.said(lang),
        field=measure.field or None,
        filter=_query(measure.only),
    )


def _query(conditions: tuple[Only, ...]) -> Query | None:
    return Query(expression=kql.expression(conditions)) if conditions else None
