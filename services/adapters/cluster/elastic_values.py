"""The document of an article: the value of each field that `elastic_mapping` describes."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import Analysis, Article, ArticleKind, TimePrecision

from services.adapters.cluster.elastic_fields import enum
from services.adapters.cluster.elastic_mapping import HEADS
from services.core import search
from services.core.areas.register import register
from services.core.labels import labels
from services.core.names import parcel_name, parse_area_name

LONGEST_REMEMBERED = 10_000
"""Characters of a text whose words are remembered; so 1024 of them take some tens of megabytes."""

_KINDS = {value: enum(name, "ARTICLE_KIND_") for name, value in ArticleKind.items()}
_BALANCED = ("sentiment", "event_valence")
_JUDGED = [(head, f"{head}_score", f"{head}_unsure", f"{head}_balance" if head in _BALANCED else "") for head in HEADS]
"""Names of the fields of a judgement: label, its probability, whether it is unsure, and P(positive) − P(negative)."""
_PRECISIONS = {value: enum(name, "TIME_PRECISION_") for name, value in TimePrecision.items()}


def document(article: Article, source_titles: Mapping[str, str]) -> dict[str, Any]:
    """The document of an article, to be written by orjson: some values are bytes of JSON already.

    Empty values are left out.

    Args:
        article: with its analysis, as the ledger gives it.
        source_titles: display name by resource name of a source; without one its id is shown.
    """
    title, lead, text = article.title, article.lead, article.text
    told = said(title, lead, text)
    places = communes(tuple(article.current_areas))
    values: dict[str, Any] = {"title": title, "headline": title, "lead": lead, "text": text}
    values.update(_of_article(article, source_titles))
    values.update(_of_analysis(article.analysis))
    known = _known(values)
    known.update(_topics(tuple(article.analysis.topics)))
    known.update(places)
    known.update(told)
    known["record"] = _record(article, article.excerpt or search.excerpt([text, lead]))
    return known


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not empty; zero and false are values."""
    return {name: value for name, value in values.items() if value or value == 0}


def _of_article(article: Article, source_titles: Mapping[str, str]) -> dict[str, Any]:
    """What stands in the article itself, but its words."""
    micros = search.shown_time(article)
    source, duplicate_of = article.source, article.duplicate_of
    withdrawn_time = _millis(article, "withdrawn_time")
    return {
        "when": micros // 1000,
        "source_title": source_titles.get(source) or source.removeprefix("sources/"),
        "source": source,
        "kind": _KINDS.get(article.kind),
        "url": article.url,
        "authors": [*article.author_names],
        "language": article.language_code,
        "publish_time": _millis(article, "publish_time"),
        "publish_time_precision": _PRECISIONS.get(article.publish_time_precision),
        "collect_time": _millis(article, "collect_time"),
        "first_collect_time": _millis(article, "first_collect_time"),
        "withdrawn_time": withdrawn_time,
        "withdrawn": withdrawn_time is not None,
        "place_titles": titles(tuple([place.area for place in article.places])),
        "parcels": parcels(article),
        "documents": [*article.documents],
        "story": article.story,
        "duplicate_of": duplicate_of,
        "original": not duplicate_of,
        "masked": article.masked,
        "text_length": article.text_length,
        "revision": article.revision,
        "evidence_count": len(article.evidence),
        "name": article.name,
        "change_number": article.change_number,
        "when_micros": micros,
    }


def _of_analysis(analysis: Analysis) -> dict[str, Any]:
    """What the models and those who correct them say."""
    values: dict[str, Any] = {
        "corrected_heads": [*analysis.corrected_heads],
        "models": [*analysis.models],
    }
    for head, score, unsure, balance in _JUDGED:
        judgement = getattr(analysis, head)
        label, scores = judgement.label, judgement.scores
        if label:
            values[head] = label
            values[score] = scores.get(label)
            values[unsure] = judgement.unsure
        if balance and scores:
            values[balance] = scores.get("positive", 0.0) - scores.get("negative", 0.0)
    analyze_time = _millis(analysis, "analyze_time")
    if analyze_time is not None:
        values["analyze_time"] = analyze_time
        values["truncated"] = analysis.truncated
        values["coverage"] = analysis.coverage
    return values


def _millis(message: Article | Analysis, name: str) -> int | None:
    """A moment in milliseconds since 1970; None where it is not known."""
    if not message.HasField(name):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(message, name)
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def _record(article: Article, excerpt: str) -> orjson.Fragment:
    """The article as lists show it, without its text, as base64 of its serialized form."""
    shown = Article()
    shown.CopyFrom(article)
    shown.ClearField("text")
    shown.excerpt = excerpt
    return orjson.Fragment(b'"%b"' % base64.b64encode(shown.SerializeToString()))


# ------------------------------------------------------------ remembered


def said(title: str, lead: str, text: str) -> Mapping[str, Any]:
    """Tokens of the words: made once for an article that is put several times, as when it is collected and analysed.

    No token holds what JSON escapes.
    """
    make = _remembered if len(lead) + len(text) <= LONGEST_REMEMBERED else _say
    return make(title, lead, text)


def _say(title: str, lead: str, text: str) -> Mapping[str, Any]:
    exact, folded = zip(*map(search.exact_and_folded, (title, lead, text)), strict=True)
    tokens = {"words": _quoted(exact), "text_folded": _quoted(folded[1:])}
    if title:
        tokens["title_folded"] = _quoted(folded[:1])
    return tokens


def _quoted(tokens: Sequence[bytes]) -> orjson.Fragment:
    return orjson.Fragment(b'["%b"]' % b'","'.join(tokens))


_remembered = lru_cache(maxsize=1024)(_say)


@lru_cache(maxsize=10_000)
def communes(names: tuple[str, ...]) -> Mapping[str, Any]:
    """What is known of communes of today by their resource names, the one named first in front.

    The point is the longitude and latitude of one in that commune. Of unknown ones there is the name alone.
    """
    units = [unit for unit in map(register().get, names) if unit is not None]
    provinces = (register().province_of(unit.name) for unit in units)
    main = units[0] if units else None
    return _known(
        {
            "areas": list(dict.fromkeys(names)),
            "area_codes": [unit.code for unit in units],
            "area_titles": [unit.title for unit in units],
            "area_main_code": main and main.code,
            "area_main_title": main and main.title,
            "province_titles": list(dict.fromkeys(unit.title for unit in provinces if unit is not None)),
            "location": [main.lon, main.lat] if main and main.lon is not None and main.lat is not None else None,
        }
    )


@lru_cache(maxsize=10_000)
def _topics(codes: tuple[str, ...]) -> Mapping[str, Any]:
    """Topics and what they are called."""
    if not codes:
        return {}
    called = [labels()["topics"].get(code, code) for code in codes]
    return {"topics": codes, "topic_titles": called, "topic_main": codes[0], "topic_main_title": called[0]}


@lru_cache(maxsize=10_000)
def titles(names: tuple[str, ...]) -> Sequence[str]:
    """Titles of units, each once; unknown ones are left out."""
    return list(dict.fromkeys(unit.title for unit in map(register().get, names) if unit is not None))


def parcels(article: Article) -> Iterable[str]:
    """Resource names of the parcels, each once."""
    names = []
    for reference in article.parcel_references:
        edition, code = parse_area_name(reference.commune) if reference.commune else (None, "")
        names.append(parcel_name(edition, code, reference.sheet, reference.parcel))
    return list(dict.fromkeys(names))
