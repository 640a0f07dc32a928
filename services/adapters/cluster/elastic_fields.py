"""How a field of a document in Elasticsearch is described, and how its value is taken from an article."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement

from services.core import search
from services.core.areas.register import register
from services.core.labels import labels
from services.core.names import parcel_name, parse_area_name


@dataclass(frozen=True)
class Communes:
    """The communes of today that an article names, the one named first in front; unknown ones are left out."""

    codes: Sequence[str]
    titles: Sequence[str]
    provinces: Sequence[str]
    """Titles of the provinces, each once."""
    point: Sequence[float] | None
    """Longitude and latitude of a point in the commune that is named first."""


@lru_cache(maxsize=10_000)
def communes(names: tuple[str, ...]) -> Communes:
    """What is known of communes, by their resource names."""
    units = [unit for unit in map(register().get, names) if unit is not None]
    provinces = (register().province_of(unit.name) for unit in units)
    main = units[0] if units else None
    return Communes(
        [unit.code for unit in units],
        [unit.title for unit in units],
        list(dict.fromkeys(unit.title for unit in provinces if unit is not None)),
        [main.lon, main.lat] if main is not None and main.lon is not None and main.lat is not None else None,
    )


@dataclass(frozen=True)
class Said:
    """What is made of the words of an article."""

    exact: Sequence[str]
    """Exact tokens of title, lead and text, each separated by blanks."""
    folded: Sequence[str]
    excerpt: str


def said(title: str, lead: str, text: str) -> Said:
    """What is made of the words: once for an article that is put several times, as when it is collected and analysed."""
    make = _remembered if len(lead) + len(text) <= LONGEST_REMEMBERED else _say
    return make(title, lead, text)


def _say(title: str, lead: str, text: str) -> Said:
    exact, folded = zip(*map(search.exact_and_folded, (title, lead, text)), strict=True)
    return Said(exact, folded, search.excerpt([text, lead]))


_remembered = lru_cache(maxsize=1024)(_say)


class Parts:
    """An article and what several fields take from it.

    Args:
        article: with its analysis.
        source_titles: display name by resource name of a source.
    """

    def __init__(self, article: Article, source_titles: Mapping[str, str]) -> None:
        self.article = article
        self.analysis = article.analysis
        self.micros = search.shown_time(article)
        self.said = said(article.title, article.lead, article.text)
        self.communes = communes(tuple(article.current_areas))
        self.source_title = source_titles.get(article.source) or article.source.removeprefix("sources/")

    @cached_property
    def record(self) -> str:
        """The article as lists show it, without its text, as base64 of its serialized form."""
        shown = Article()
        shown.CopyFrom(self.article)
        shown.ClearField("text")
        shown.excerpt = self.said.excerpt
        return base64.b64encode(shown.SerializeToString()).decode()


LONGEST_REMEMBERED = 10_000
"""Characters of a text whose words are remembered; so 1024 of them take some tens of megabytes."""

Take = Callable[[Parts], Any]
"""The value of a field; None, an empty text and an empty list are left out of the document."""


@dataclass(frozen=True)
class Field:
    """One field of a document.

    Args:
        name: of the field.
        type: of Elasticsearch.
        label: Vietnamese name for analysts; empty where they have no use for the field.
        origin: where in `Article` it comes from.
        take: its value; an empty one is left out.
        options: further parameters of the mapping.
        in_source: False where only the index needs it.
    """

    name: str
    type: str
    label: str
    origin: str
    take: Take
    options: Mapping[str, Any] = field(default_factory=dict)
    in_source: bool = True


def plain(name: str, type_: str, label: str, **options: Any) -> Field:
    """A field that is a field of `Article` as it stands."""
    return Field(name, type_, label, name, lambda parts: getattr(parts.article, name), options)


def analysed(name: str, type_: str, label: str) -> Field:
    """A field that is a field of `Analysis` as it stands, once there is an analysis."""

    def take(parts: Parts) -> Any:
        return getattr(parts.analysis, name) if parts.analysis.HasField("analyze_time") else None

    return Field(name, type_, label, f"analysis.{name}", take)


def time(name: str, label: str, analysis: bool = False) -> Field:
    """A moment, in milliseconds since 1970."""

    def take(parts: Parts) -> Any:
        message: Any = parts.analysis if analysis else parts.article
        if not message.HasField(name):
            return None
        stamp: Timestamp = getattr(message, name)
        return stamp.seconds * 1000 + stamp.nanos // 1_000_000

    return Field(name, "date", label, f"analysis.{name}" if analysis else name, take)


def head(name: str) -> list[Field]:
    """Label, its probability, and whether it is unsure."""
    title = labels()["heads"][name].capitalize()

    def judged(take: Callable[[Judgement], Any]) -> Take:
        def of(parts: Parts) -> Any:
            judgement = getattr(parts.analysis, name)
            return take(judgement) if judgement.label else None

        return of

    origin = f"analysis.{name}"
    return [
        Field(name, "keyword", title, f"{origin}.label", judged(lambda j: j.label)),
        Field(
            f"{name}_score",
            "float",
            f"{title}: xác suất của nhãn",
            f"{origin}.scores",
            judged(lambda j: j.scores.get(j.label)),
        ),
        Field(f"{name}_unsure", "boolean", f"{title}: không chắc", f"{origin}.unsure", judged(lambda j: j.unsure)),
    ]


def balance(name: str, label: str) -> Field:
    """P(positive) − P(negative), −1 to 1, of which averages make sense."""

    def take(parts: Parts) -> Any:
        scores = getattr(parts.analysis, name).scores
        return scores.get("positive", 0.0) - scores.get("negative", 0.0) if scores else None

    return Field(f"{name}_balance", "float", label, f"analysis.{name}.scores", take)


def first(values: Sequence[Any]) -> Any:
    """The first of several values; None where there is none."""
    return values[0] if len(values) else None


def titles(names: Iterable[str]) -> list[str]:
    """Titles of units, each once; unknown ones are left out."""
    return list(dict.fromkeys(unit.title for unit in map(register().get, names) if unit is not None))


def parcels(parts: Parts) -> list[str]:
    """Resource names of the parcels, each once."""
    names = []
    for reference in parts.article.parcel_references:
        edition, code = parse_area_name(reference.commune) if reference.commune else (None, "")
        names.append(parcel_name(edition, code, reference.sheet, reference.parcel))
    return list(dict.fromkeys(names))


def topic_titles(parts: Parts) -> list[str]:
    """What the topics are called."""
    return [labels()["topics"].get(code, code) for code in parts.analysis.topics]


def enum(name: str, prefix: str) -> str:
    """The name of a value of an enum without its prefix, in lower case; empty for the unspecified one."""
    value = name.removeprefix(prefix)
    return "" if value == "UNSPECIFIED" else value.lower()
