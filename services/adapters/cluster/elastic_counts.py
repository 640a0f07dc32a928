"""Counts over the articles that match a filter, from aggregations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ngoclinh.media.v1.article_pb2 import ArticleKind
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_AREA,
    ARTICLE_FACET_COMPLAINT,
    ARTICLE_FACET_EVENT_VALENCE,
    ARTICLE_FACET_KIND,
    ARTICLE_FACET_LANGUAGE,
    ARTICLE_FACET_SENTIMENT,
    ARTICLE_FACET_SOURCE,
    ARTICLE_FACET_STANCE,
    ARTICLE_FACET_TOPIC,
    TIME_INTERVAL_DAY,
    TIME_INTERVAL_HOUR,
    TIME_INTERVAL_MONTH,
    TIME_INTERVAL_WEEK,
    ArticleFilter,
    FacetCounts,
    SummarizeArticlesResponse,
)

from services.adapters.cluster.elastic_query import KIND_PREFIX, condition
from services.adapters.summaries import MAX_BUCKETS, add_histogram, facet_counts

FACETS: Mapping[int, str] = {
    ARTICLE_FACET_SOURCE: "source",
    ARTICLE_FACET_SENTIMENT: "sentiment",
    ARTICLE_FACET_EVENT_VALENCE: "event_valence",
    ARTICLE_FACET_STANCE: "stance",
    ARTICLE_FACET_COMPLAINT: "complaint",
    ARTICLE_FACET_KIND: "kind",
    ARTICLE_FACET_LANGUAGE: "language",
    ARTICLE_FACET_AREA: "areas",
    ARTICLE_FACET_TOPIC: "topics",
}
"""Field of each facet."""

_SEVERAL = frozenset({"areas", "topics"})
_SHARD_VALUES = 5000
"""Values that each index counts: all there are, so that sums over several indices are exact."""
_INTERVALS: Mapping[int, str] = {
    TIME_INTERVAL_HOUR: "hour",
    TIME_INTERVAL_DAY: "day",
    TIME_INTERVAL_WEEK: "week",
    TIME_INTERVAL_MONTH: "month",
}
_ZONE = "+07:00"
_INDOCHINA = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh as it is since 1975."""
_STEPS = 10_000
"""Pairs of a step of time and a label in one answer; what is more comes with further requests."""
_AREAS = 50
"""Areas in one request: the buckets of an answer are limited. The first ones are counted with the totals."""

Answer = Mapping[str, Any]
Ask = Callable[..., Awaitable[Answer]]
"""Runs a search with the given body."""


async def count(
    ask: Ask, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool
) -> SummarizeArticlesResponse:
    """The answer of `ArticleIndex.summarize`."""
    query = condition(filter_)
    areas = list(dict.fromkeys(filter_.areas)) if by_area else []
    aggregations = _facet_aggregations(facets)
    if interval in _INTERVALS:
        aggregations["time"] = _time_aggregation(interval)
    if areas:
        aggregations["area"] = _area_aggregation(areas[:_AREAS], facets)
    told = await ask(query=query, size=0, track_total_hits=True, aggregations=aggregations)
    found = told.get("aggregations", {})
    response = SummarizeArticlesResponse(
        total_count=told["hits"]["total"]["value"], facets=_facet_counts(found, facets)
    )
    if interval in _INTERVALS:
        add_histogram(response, await _steps(ask, query, interval, found["time"]))
    for start in range(0, len(areas), _AREAS):
        part = areas[start : start + _AREAS]
        if start:
            further = {"area": _area_aggregation(part, facets)}
            found = (await ask(query=query, size=0, aggregations=further))["aggregations"]
        _add_areas(response, found["area"]["buckets"], part, facets)
    return response


def _facet_aggregations(facets: Sequence[int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for facet in facets:
        field = FACETS[facet]
        terms: dict[str, Any] = {"field": field, "size": MAX_BUCKETS, "shard_size": _SHARD_VALUES}
        made[f"facet {facet}"] = {"terms": terms if field in _SEVERAL else {**terms, "missing": ""}}
    return made


def _facet_counts(found: Answer, facets: Sequence[int]) -> Iterator[FacetCounts]:
    for facet in facets:
        counts = [(bucket["key"], bucket["doc_count"]) for bucket in found[f"facet {facet}"]["buckets"]]
        if facet == ARTICLE_FACET_KIND:
            counts = [(_kind(value), number) for value, number in counts]
        yield facet_counts(facet, counts)


def _kind(value: str) -> str:
    return KIND_PREFIX + value.upper() if value else ArticleKind.Name(ArticleKind.ValueType(0))


def _time_aggregation(interval: int, after: Answer | None = None) -> dict[str, Any]:
    step = {"field": "when", "calendar_interval": _INTERVALS[interval], "time_zone": _ZONE}
    sources = [
        {"step": {"date_histogram": step}},
        {"sentiment": {"terms": {"field": "sentiment", "missing_bucket": True}}},
    ]
    return {"composite": {"size": _STEPS, "sources": sources, **({"after": after} if after else {})}}


async def _steps(ask: Ask, query: Any, interval: int, found: Answer) -> dict[datetime, dict[str, int]]:
    """Counts by sentiment of each step; the first page of them is at hand."""
    steps: dict[datetime, dict[str, int]] = defaultdict(dict)
    while True:
        for bucket in found["buckets"]:
            start = datetime.fromtimestamp(bucket["key"]["step"] / 1000, _INDOCHINA)
            steps[start][bucket["key"]["sentiment"] or ""] = bucket["doc_count"]
        if len(found["buckets"]) < _STEPS:
            return steps
        further = {"time": _time_aggregation(interval, found["after_key"])}
        found = (await ask(query=query, size=0, aggregations=further))["aggregations"]["time"]


def _area_aggregation(areas: Sequence[str], facets: Sequence[int]) -> dict[str, Any]:
    local = {
        "original": {"filter": {"term": {"original": True}}},
        "newest": {"max": {"field": "when_micros"}},
        **_facet_aggregations(facets),
    }
    return {"filters": {"filters": {area: {"term": {"areas": area}} for area in areas}}, "aggs": local}


def _add_areas(
    response: SummarizeArticlesResponse, buckets: Answer, areas: Sequence[str], facets: Sequence[int]
) -> None:
    for area in areas:
        found = buckets[area]
        added = response.areas.add(
            area=area,
            total_count=found["doc_count"],
            original_count=found["original"]["doc_count"],
            facets=_facet_counts(found, facets),
        )
        if found["newest"]["value"] is not None:
            added.newest_publish_time.FromMicroseconds(int(found["newest"]["value"]))
