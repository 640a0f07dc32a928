"""Counts over the articles that match a filter: one statement, so that all counts are of one state and one reading."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, timezone

from ngoclinh.media.v1.article_pb2 import ArticleKind
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_AREA,
    ARTICLE_FACET_KIND,
    ARTICLE_FACET_TOPIC,
    TIME_INTERVAL_HOUR,
    TIME_INTERVAL_MONTH,
    TIME_INTERVAL_UNSPECIFIED,
    TIME_INTERVAL_WEEK,
    ArticleFilter,
    FacetCounts,
    SummarizeArticlesResponse,
)

from services.adapters.embedded import article_sql
from services.adapters.summaries import add_histogram, facet_counts

_SEVERAL: dict[int, str] = {ARTICLE_FACET_AREA: "area", ARTICLE_FACET_TOPIC: "topic"}
_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_INDOCHINA = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh as it is since 1975."""
_YEAR_1 = date(1970, 1, 1).toordinal() * _DAY + 7 * _HOUR
"""Added to a time, gives microseconds since the day before 0001-01-01 in Vietnam."""

Counts = dict[tuple[str, str | int], list[tuple[str, int]]]
"""(value, count) by (part, scope): the scope is "" for all hits, an area, or a step of time."""


def count(
    connection: sqlite3.Connection, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool
) -> SummarizeArticlesResponse:
    """The answer of `ArticleIndex.summarize`."""
    where, values = article_sql.condition(filter_)
    fields = ", ".join(article_sql.SINGLE_FACETS.values())
    hits = f"hit AS MATERIALIZED (SELECT id, time, original, {fields} FROM article WHERE {where})"
    parts = ["SELECT 'total', '', '', count(*) FROM hit", *_facet_parts("hit", "''", facets)]
    if interval != TIME_INTERVAL_UNSPECIFIED:
        step = _HOUR if interval == TIME_INTERVAL_HOUR else _DAY
        parts.append(f"SELECT 'time', (time + {_YEAR_1}) / {step} AS step, sentiment, count(*) FROM hit GROUP BY 2, 3")
    areas = list(dict.fromkeys(filter_.areas)) if by_area else []
    if areas:
        hits += (
            ", local AS MATERIALIZED (SELECT area.area AS scope, hit.* FROM hit JOIN area USING (id) "
            f"WHERE area.area IN ({', '.join('?' * len(areas))}))"
        )
        values += areas
        parts += [
            "SELECT 'area', scope, 'total', count(*) FROM local GROUP BY scope",
            "SELECT 'area', scope, 'original', sum(original) FROM local GROUP BY scope",
            "SELECT 'area', scope, 'newest', max(time) FROM local GROUP BY scope",
            *_facet_parts("local", "scope", facets),
        ]
    counts: Counts = defaultdict(list)
    for part, scope, value, number in connection.execute(f"WITH {hits} {' UNION ALL '.join(parts)}", values):
        counts[part, scope].append((value, number))
    response = SummarizeArticlesResponse(total_count=counts["total", ""][0][1], facets=_facets(counts, "", facets))
    _add_histogram(response, counts, interval)
    for area in areas:
        _add_area(response, counts, area, facets)
    return response


def _facet_parts(table: str, scope: str, facets: Sequence[int]) -> Iterator[str]:
    for facet in facets:
        if several := _SEVERAL.get(facet):
            yield (
                f"SELECT 'facet {facet}', {scope}, value.{several}, count(*) "
                f"FROM {table} JOIN {several} AS value USING (id) GROUP BY 2, 3"
            )
        else:
            column = article_sql.SINGLE_FACETS[facet]
            yield f"SELECT 'facet {facet}', {scope}, {column}, count(*) FROM {table} GROUP BY 2, 3"


def _facets(counts: Counts, scope: str, facets: Sequence[int]) -> Iterator[FacetCounts]:
    for facet in facets:
        rows = counts.get((f"facet {facet}", scope), [])
        if facet == ARTICLE_FACET_KIND:
            rows = [(ArticleKind.Name(ArticleKind.ValueType(int(value))), number) for value, number in rows]
        yield facet_counts(facet, rows)


def _add_histogram(response: SummarizeArticlesResponse, counts: Counts, interval: int) -> None:
    steps: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (part, step), rows in counts.items():
        if part == "time":
            for sentiment, number in rows:
                steps[_step_start(int(step), interval)][sentiment] += number
    add_histogram(response, steps)


def _step_start(step: int, interval: int) -> datetime:
    """First moment of the step of time that hour or day number `step` of year 1 lies in."""
    if interval == TIME_INTERVAL_HOUR:
        day, hour = divmod(step, 24)
        midnight = date.fromordinal(day)
        return datetime(midnight.year, midnight.month, midnight.day, hour, tzinfo=_INDOCHINA)
    day_ = date.fromordinal(step)
    if interval == TIME_INTERVAL_WEEK:
        day_ -= timedelta(days=day_.weekday())
    if interval == TIME_INTERVAL_MONTH:
        day_ = day_.replace(day=1)
    return datetime(day_.year, day_.month, day_.day, tzinfo=_INDOCHINA)


def _add_area(response: SummarizeArticlesResponse, counts: Counts, area: str, facets: Sequence[int]) -> None:
    numbers = dict(counts.get(("area", area), []))
    added = response.areas.add(
        area=area,
        total_count=numbers.get("total", 0),
        original_count=numbers.get("original", 0),
        facets=_facets(counts, area, facets),
    )
    if "newest" in numbers:
        added.newest_publish_time.FromMicroseconds(numbers["newest"])
