"""How a field of a document in Elasticsearch is described, and how its value is taken from an article."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement

from services.core import search
from services.core.areas.register import Unit, register
from services.core.labels import labels
from services.core.names import parcel_name, parse_area_name


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
        self.words = [search.exact_and_folded(text) for text in (article.title, article.lead, article.text)]
        self.source_title = source_titles.get(article.source) or article.source.removeprefix("sources/")

    @cached_property
    def communes(self) -> list[Unit]:
        """Communes of today that the article names, the one named first in front; unknown ones are left out."""
        return [unit for unit in map(register().get, self.article.current_areas) if unit is not None]

    @cached_property
    def record(self) -> str:
        """The article as lists show it, without its text, as base64 of its serialized form."""
        shown = Article()
        shown.CopyFrom(self.article)
        shown.ClearField("text")
        shown.excerpt = search.excerpt([self.article.text, self.article.lead])
        return base64.b64encode(shown.SerializeToString()).decode()


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
        return stamp.ToMicroseconds() // 1000

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


def provinces(parts: Parts) -> list[str]:
    """Titles of the provinces of today that the communes lie in, each once."""
    found = (register().province_of(unit.name) for unit in parts.communes)
    return list(dict.fromkeys(unit.title for unit in found if unit is not None))


def point(parts: Parts) -> list[float] | None:
    """Longitude and latitude of a point in the commune that is named first."""
    main: Unit | None = first(parts.communes)
    return [main.lon, main.lat] if main is not None and main.lon is not None and main.lat is not None else None


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
