"""Does an article meet an `ArticleFilter`? The same answer as a search in the index gives, for one article in hand.

Alert rules are held against each article as it is analysed, in this code and in both modes, so that no search engine
has to be asked once a rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core import clock, search


def matches(condition: ArticleFilter, article: Article) -> bool:
    """Does the article meet every field of the condition? `watch_area` must already be spelled out in `areas`."""
    analysis = article.analysis
    singles: Sequence[tuple[Sequence[object], object]] = (
        (condition.sources, article.source),
        (condition.sentiments, analysis.sentiment.label),
        (condition.event_valences, analysis.event_valence.label),
        (condition.stances, analysis.stance.label),
        ([kind for kind in condition.kinds if kind], article.kind),
        ([condition.story] if condition.story else [], article.story),
        (["yes"] if condition.only_complaints else [], analysis.complaint.label),
    )
    several: Sequence[tuple[Sequence[str], Sequence[str]]] = (
        (condition.areas, article.current_areas),
        (condition.topics, analysis.topics),
    )
    return (
        all(not wanted or value in wanted for wanted, value in singles)
        and all(not wanted or not set(wanted).isdisjoint(values) for wanted, values in several)
        and not (condition.only_originals and article.duplicate_of)
        and not (condition.only_with_parcels and not article.parcel_references)
        and (condition.include_withdrawn or not article.HasField("withdrawn_time"))
        and _in_time(condition, article)
        and _has_words(condition.query, article)
    )


def _in_time(condition: ArticleFilter, article: Article) -> bool:
    limits = condition.time_range
    stamp = next(
        (
            getattr(article, field)
            for field in ("publish_time", "first_collect_time", "collect_time")
            if article.HasField(field)
        ),
        None,
    )
    moment = clock.to_datetime(stamp) if stamp is not None else None
    if moment is None:
        return not limits.HasField("start_time")
    return (not limits.HasField("start_time") or moment >= clock.to_datetime(limits.start_time)) and (
        not limits.HasField("end_time") or moment < clock.to_datetime(limits.end_time)
    )


def _has_words(text: str, article: Article) -> bool:
    query = search.parse(text)
    if query is None:
        return True
    if not query.phrases:
        return False
    index = search.exact_tokens if query.exact else search.folded_tokens
    fields = [index(field) for field in (article.title, article.lead, article.text)]
    return all(any(_contains(field, phrase) for field in fields) for phrase in query.phrases)


def _contains(tokens: list[str], phrase: tuple[str, ...]) -> bool:
    """Do the tokens of the phrase follow each other somewhere?"""
    size = len(phrase)
    return any(
        tokens[at] == phrase[0] and tuple(tokens[at : at + size]) == phrase for at in range(len(tokens) - size + 1)
    )
