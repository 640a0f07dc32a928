"""The answer of `ArticleIndex.summarize`, put together from counts, the same for every store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ngoclinh.media.v1.media_service_pb2 import ArticleFacet, FacetBucket, FacetCounts, SummarizeArticlesResponse

from services.core.clock import to_timestamp

MAX_BUCKETS = 1000
"""Most values of a facet."""


def facet_counts(facet: int, counts: Iterable[tuple[str, int]]) -> FacetCounts:
    """The most frequent values of a facet."""
    return FacetCounts(facet=ArticleFacet.ValueType(facet), buckets=buckets(counts)[:MAX_BUCKETS])


def buckets(counts: Iterable[tuple[str, int]]) -> list[FacetBucket]:
    """The most frequent first, then by value."""
    ordered = sorted(counts, key=lambda row: (-row[1], row[0]))
    return [FacetBucket(value=value, count=number) for value, number in ordered]


def add_histogram(response: SummarizeArticlesResponse, steps: Mapping[datetime, Mapping[str, int]]) -> None:
    """Add the steps of time, in order; each has counts by sentiment."""
    for start in sorted(steps):
        response.histogram.add(
            start_time=to_timestamp(start),
            count=sum(steps[start].values()),
            sentiments=buckets(steps[start].items()),
        )
