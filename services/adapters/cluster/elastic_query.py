"""An `ArticleFilter` as a query of Elasticsearch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ngoclinh.media.v1.article_pb2 import ArticleKind
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.cluster.elastic_fields import enum
from services.core import search

KIND_PREFIX = "ARTICLE_KIND_"

Query = dict[str, Any]


def condition(filter_: ArticleFilter) -> Query:
    """A query that scores nothing; `watch_area` must already be spelled out in `areas`."""
    terms = [_words(filter_.query), _time(filter_)]
    terms += [
        _one_of(field, wanted)
        for field, wanted in (
            ("source", filter_.sources),
            ("sentiment", filter_.sentiments),
            ("event_valence", filter_.event_valences),
            ("stance", filter_.stances),
            ("kind", [enum(ArticleKind.Name(kind), KIND_PREFIX) for kind in filter_.kinds if kind]),
            ("story", [filter_.story] if filter_.story else []),
            ("complaint", ["yes"] if filter_.only_complaints else []),
        )
    ]
    terms += [{"terms": {"areas": list(filter_.areas)}} if filter_.areas else None]
    terms += [{"terms": {"topics": list(filter_.topics)}} if filter_.topics else None]
    terms += [
        query if wanted else None
        for wanted, query in (
            (filter_.only_originals, {"term": {"original": True}}),
            (filter_.only_with_parcels, {"exists": {"field": "parcels"}}),
            (not filter_.include_withdrawn, {"term": {"withdrawn": False}}),
        )
    ]
    return {"bool": {"filter": [term for term in terms if term is not None]}}


def _one_of(field: str, wanted: Sequence[str]) -> Query | None:
    """One of several values; an empty one asks for articles without a value."""
    if not wanted:
        return None
    known: Query = {"terms": {field: [value for value in wanted if value]}}
    if "" not in wanted:
        return known
    unknown = {"bool": {"must_not": {"exists": {"field": field}}}}
    return {"bool": {"should": [known, unknown], "minimum_should_match": 1}}


def _time(filter_: ArticleFilter) -> Query | None:
    limits = {}
    if filter_.time_range.HasField("start_time"):
        limits["gte"] = filter_.time_range.start_time.ToMicroseconds()
    if filter_.time_range.HasField("end_time"):
        limits["lt"] = filter_.time_range.end_time.ToMicroseconds()
    return {"range": {"when_micros": limits}} if limits else None


def _words(text: str) -> Query | None:
    """All phrases of a query, each somewhere in title, lead or text."""
    query = search.parse(text)
    if query is None:
        return None
    if not query.phrases:
        return {"match_none": {}}
    fields = ["words"] if query.exact else ["title_folded", "text_folded"]
    phrases = [" ".join(phrase) for phrase in query.phrases]
    return {"bool": {"filter": [_phrase(fields, phrase) for phrase in phrases]}}


def _phrase(fields: Sequence[str], phrase: str) -> Query:
    found = [{"match_phrase": {field: {"query": phrase, "analyzer": "whitespace"}}} for field in fields]
    return {"bool": {"should": found, "minimum_should_match": 1}}
