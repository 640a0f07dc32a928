"""A panel as the state of a Lens chart, as saved objects hold it (Kibana 8.6 to 9.4: data source ``formBased``)."""

from __future__ import annotations

from typing import Any

from services.kibana import kql
from services.kibana.description import Grouping, Kind, Language, Measure, Only, Panel, Terms, View

RECORDS = "___records___"
"""The field that a count of documents names."""

_TYPES = {
    Kind.METRIC: "lnsMetric",
    Kind.BAR: "lnsXY",
    Kind.BAR_HORIZONTAL: "lnsXY",
    Kind.LINE: "lnsXY",
    Kind.DONUT: "lnsPie",
    Kind.HEATMAP: "lnsHeatmap",
    Kind.TABLE: "lnsDatatable",
}
_SERIES = {Kind.BAR: "bar_stacked", Kind.BAR_HORIZONTAL: "bar_horizontal_stacked", Kind.LINE: "line"}


def attributes(panel: Panel, view: View, layer: str, view_id: str, lang: Language) -> dict[str, Any]:
    """The attributes of the chart.

    Args:
        panel: what it shows.
        view: the documents that it reads.
        layer: identity of its layer.
        view_id: identity of the data view.
        lang: of titles and labels.
    """
    return {
        "title": panel.title.said(lang),
        "type": "lens",
        "visualizationType": _TYPES[panel.kind],
        "references": [{"type": "index-pattern", "id": view_id, "name": reference(layer)}],
        "state": {
            "datasourceStates": {"formBased": {"layers": {layer: _layer(panel, view, lang)}}},
            "visualization": _visualization(panel, layer),
            "query": _query(panel.only),
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }


def reference(layer: str) -> str:
    """The name by which a layer refers to its data view."""
    return f"indexpattern-datasource-layer-{layer}"


def _layer(panel: Panel, view: View, lang: Language) -> dict[str, Any]:
    types = {field.name: field.type for field in view.fields}
    columns = {f"by{number}": _group(grouping, lang, types) for number, grouping in enumerate(panel.by)}
    columns |= {f"m{number}": _measure(measure, lang, types) for number, measure in enumerate(panel.measures)}
    return {"columnOrder": list(columns), "columns": columns, "incompleteColumns": {}, "sampling": 1}


def _group(grouping: Grouping, lang: Language, types: dict[str, str]) -> dict[str, Any]:
    column: dict[str, Any] = {
        "label": grouping.title.said(lang),
        "customLabel": True,
        "sourceField": grouping.field,
        "isBucketed": True,
    }
    if not isinstance(grouping, Terms):
        params = {"interval": "1d", "includeEmptyRows": True, "dropPartials": False}
        return column | {"dataType": "date", "operationType": "date_histogram", "scale": "interval", "params": params}
    params = {
        "size": grouping.size,
        "orderBy": {"type": "column", "columnId": "m0"},
        "orderDirection": "desc",
        "otherBucket": False,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
        "include": [],
        "exclude": [],
        "includeIsRegex": False,
        "excludeIsRegex": False,
    }
    data_type = {"boolean": "boolean", "date": "date", "keyword": "string"}.get(types[grouping.field], "number")
    return column | {"dataType": data_type, "operationType": "terms", "scale": "ordinal", "params": params}


def _measure(measure: Measure, lang: Language, types: dict[str, str]) -> dict[str, Any]:
    is_date = measure.operation == "max" and types[measure.field] == "date"
    column: dict[str, Any] = {
        "label": measure.title.said(lang),
        "customLabel": True,
        "dataType": "date" if is_date else "number",
        "operationType": measure.operation,
        "sourceField": measure.field or RECORDS,
        "isBucketed": False,
        "scale": "ratio",
        "params": {"emptyAsNull": False} if measure.operation in ("count", "unique_count", "sum") else {},
    }
    return column | ({"filter": _query(measure.only)} if measure.only else {})


def _visualization(panel: Panel, layer: str) -> dict[str, Any]:
    head = {"layerId": layer, "layerType": "data"}
    numbers = [f"m{number}" for number in range(len(panel.measures))]
    groups = [f"by{number}" for number in range(len(panel.by))]
    match panel.kind:
        case Kind.METRIC:
            return head | {"metricAccessor": numbers[0]}
        case Kind.DONUT:
            ring = {"primaryGroups": groups, "metrics": numbers, "numberDisplay": "percent", "nestedLegend": False}
            labels = {"categoryDisplay": "default", "legendDisplay": "default"}
            return {"shape": "donut", "layers": [head | ring | labels]}
        case Kind.HEATMAP:
            grid = {"type": "heatmap_grid", "isCellLabelVisible": True}
            axes = {f"is{axis}Axis{part}Visible": part == "Label" for axis in "XY" for part in ("Label", "Title")}
            legend = {"type": "heatmap_legend", "isVisible": True, "position": "right"}
            accessors = {"valueAccessor": numbers[0], "xAccessor": groups[0], "yAccessor": groups[1]}
            return head | {"shape": "heatmap", "legend": legend, "gridConfig": grid | axes} | accessors
        case Kind.TABLE:
            columns = [{"columnId": column} for column in [*groups, *numbers]]
            sorting = {"columnId": numbers[0], "direction": "desc"}
            return head | {"columns": columns, "sorting": sorting, "paging": {"enabled": True, "size": 10}}
        case Kind.BAR | Kind.BAR_HORIZONTAL | Kind.LINE:
            series = _SERIES[panel.kind]
            drawn = head | {"accessors": numbers, "seriesType": series, "position": "top", "xAccessor": groups[0]}
            split = {"splitAccessor": groups[1]} if len(groups) > 1 else {}
            return {
                "preferredSeriesType": series,
                "valueLabels": "hide",
                "legend": {"isVisible": True, "position": "right"},
                "layers": [drawn | split | {"showGridlines": False}],
            }


def _query(conditions: tuple[Only, ...]) -> dict[str, str]:
    return {"query": kql.expression(conditions), "language": "kuery"}
