"""An `ArticleFilter` as a condition in SQL, and the columns that it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_COMPLAINT,
    ARTICLE_FACET_EVENT_VALENCE,
    ARTICLE_FACET_KIND,
    ARTICLE_FACET_LANGUAGE,
    ARTICLE_FACET_SENTIMENT,
    ARTICLE_FACET_SOURCE,
    ARTICLE_FACET_STANCE,
    ArticleFilter,
)

from services.core import search

SINGLE_FACETS: dict[int, str] = {
    ARTICLE_FACET_SOURCE: "source",
    ARTICLE_FACET_SENTIMENT: "sentiment",
    ARTICLE_FACET_EVENT_VALENCE: "event_valence",
    ARTICLE_FACET_STANCE: "stance",
    ARTICLE_FACET_COMPLAINT: "complaint",
    ARTICLE_FACET_KIND: "kind",
    ARTICLE_FACET_LANGUAGE: "language",
}
"""Column of each facet of which an article has one value."""


def columns(article: Article) -> dict[str, str | int]:
    """The columns of table `article` besides its id."""
    analysis = article.analysis
    return {
        "name": article.name,
        "change_number": article.change_number,
        "time": search.shown_time(article),
        "source": article.source,
        "kind": article.kind,
        "language": article.language_code,
        "sentiment": analysis.sentiment.label,
        "event_valence": analysis.event_valence.label,
        "stance": analysis.stance.label,
        "complaint": analysis.complaint.label,
        "story": article.story,
        "original": int(not article.duplicate_of),
        "withdrawn": int(article.HasField("withdrawn_time")),
        "with_parcels": int(bool(article.parcel_references)),
    }


def condition(filter_: ArticleFilter) -> tuple[str, list[object]]:
    """A condition on table `article` and its parameters; `watch_area` must already be spelled out in `areas`."""
    terms: list[str] = ["TRUE"]
    values: list[object] = []

    def add(term: str, *parameters: object) -> None:
        terms.append(term)
        values.extend(parameters)

    query = search.parse(filter_.query)
    if query is not None:
        add("id IN (SELECT rowid FROM words WHERE words MATCH ?)" if query.phrases else "FALSE", *_match(query))
    if filter_.time_range.HasField("start_time"):
        add("time >= ?", filter_.time_range.start_time.ToMicroseconds())
    if filter_.time_range.HasField("end_time"):
        add("time < ?", filter_.time_range.end_time.ToMicroseconds())
    for column, wanted in (
        ("source", filter_.sources),
        ("sentiment", filter_.sentiments),
        ("event_valence", filter_.event_valences),
        ("stance", filter_.stances),
        ("kind", [kind for kind in filter_.kinds if kind]),
        ("story", [filter_.story] if filter_.story else []),
        ("complaint", ["yes"] if filter_.only_complaints else []),
    ):
        if wanted:
            add(f"{column} IN (SELECT value FROM json_each(?))", _json(wanted))
    for table, wanted in (("area", filter_.areas), ("topic", filter_.topics)):
        if wanted:
            add(f"id IN (SELECT id FROM {table} WHERE {table} IN (SELECT value FROM json_each(?)))", _json(wanted))
    for flag, term in (
        (filter_.only_originals, "original"),
        (filter_.only_with_parcels, "with_parcels"),
        (not filter_.include_withdrawn, "NOT withdrawn"),
    ):
        if flag:
            add(term)
    return " AND ".join(terms), values


def _match(query: search.Query) -> list[str]:
    """The FTS5 expression; every token is quoted, so that none is read as an operator."""
    if not query.phrases:
        return []
    column = "exact" if query.exact else "folded"
    phrases = " AND ".join('"' + " ".join(phrase) + '"' for phrase in query.phrases)
    return [f"{column} : ({phrases})"]


def _json(values: Sequence[object]) -> str:
    return json.dumps(list(values), ensure_ascii=False)
