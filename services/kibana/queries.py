"""The search that a panel makes, as plain Elasticsearch JSON: what Kibana asks, without Kibana."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.kibana.description import Dashboard, Grouping, Measure, Only, Panel, Terms, View

TIME_ZONE = "Asia/Ho_Chi_Minh"

_METRICS = {"unique_count": "cardinality", "average": "avg", "max": "max", "sum": "sum"}


def search(dashboard: Dashboard, panel: Panel, view: View) -> dict[str, Any]:
    """The body of the `_search` that answers a panel over the range of time of its dashboard.

    Groups are nested as ``by0`` › ``by1`` …, measures are ``m0``, ``m1`` …; a plain count is the `doc_count` of its group.
    """
    conditions = [_condition(condition) for condition in panel.only]
    if view.time_field:
        conditions.append({"range": {view.time_field: {"gte": f"now-{dashboard.days}d", "lte": "now"}}})
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": conditions}},
        "aggs": _groups(panel.by, panel.measures),
    }


def rows(answer: Mapping[str, Any], panel: Panel) -> list[tuple[list[Any], list[float | None]]]:
    """The keys and the measures of every innermost group in an answer to `search`."""
    return _rows(answer.get("aggregations", {}), answer["hits"]["total"]["value"], len(panel.by), panel.measures)


def _rows(
    found: Mapping[str, Any], count: int, depth: int, measures: Sequence[Measure], level: int = 0
) -> list[tuple[list[Any], list[float | None]]]:
    if level == depth:
        return [([], [_value(found, f"m{number}", count, measure) for number, measure in enumerate(measures)])]
    return [
        ([bucket["key"], *keys], values)
        for bucket in found[f"by{level}"]["buckets"]
        for keys, values in _rows(bucket, bucket["doc_count"], depth, measures, level + 1)
    ]


def _value(found: Mapping[str, Any], name: str, count: int, measure: Measure) -> float | None:
    if measure.only:
        inner = found[name]
        return float(inner["doc_count"]) if measure.operation == "count" else inner["value"]["value"]
    return float(count) if measure.operation == "count" else found[name]["value"]


def _groups(by: Sequence[Grouping], measures: Sequence[Measure], level: int = 0) -> dict[str, Any]:
    numbers = _measures(measures)
    if not by:
        return numbers
    first, *rest = by
    inner = _groups(rest, measures, level + 1)
    ranked = {name: made for name, made in numbers.items() if name == "m0"} if rest else {}
    return {f"by{level}": _group(first, measures[0]) | {"aggs": ranked | inner}}


def _group(grouping: Grouping, ranking: Measure) -> dict[str, Any]:
    if isinstance(grouping, Terms):
        order = "_count" if ranking.operation == "count" else "m0"
        return {"terms": {"field": grouping.field, "size": grouping.size, "order": {order: "desc"}}}
    return {"date_histogram": {"field": grouping.field, "calendar_interval": "day", "time_zone": TIME_ZONE}}


def _measures(measures: Sequence[Measure]) -> dict[str, Any]:
    made = {f"m{number}": _measure(measure) for number, measure in enumerate(measures)}
    return {name: aggregation for name, aggregation in made.items() if aggregation}


def _measure(measure: Measure) -> dict[str, Any]:
    metric = {} if measure.operation == "count" else {_METRICS[measure.operation]: {"field": measure.field}}
    if not measure.only:
        return metric
    within: dict[str, Any] = {"filter": {"bool": {"filter": [_condition(condition) for condition in measure.only]}}}
    return within | ({"aggs": {"value": metric}} if metric else {})


def _condition(condition: Only) -> dict[str, Any]:
    if not condition.values:
        return {"exists": {"field": condition.field}}
    return {"terms": {condition.field: list(condition.values)}}
