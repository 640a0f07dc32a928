"""How a field of a document in Elasticsearch is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.core.labels import labels


@dataclass(frozen=True)
class Field:
    """One field of a document.

    Args:
        name: of the field.
        type: of Elasticsearch.
        label: Vietnamese name for analysts; empty where they have no use for the field.
        origin: where in `Article` it comes from; by default the field of the same name.
        options: further parameters of the mapping.
        in_source: False where only the index needs it.
    """

    name: str
    type: str
    label: str
    origin: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    in_source: bool = True


def head(name: str) -> list[Field]:
    """Label, its probability, and whether it is unsure."""
    title = labels()["heads"][name].capitalize()
    origin = f"analysis.{name}"
    return [
        Field(name, "keyword", title, f"{origin}.label"),
        Field(f"{name}_score", "float", f"{title}: xác suất của nhãn", f"{origin}.scores"),
        Field(f"{name}_unsure", "boolean", f"{title}: không chắc", f"{origin}.unsure"),
    ]


def enum(name: str, prefix: str) -> str:
    """The name of a value of an enum without its prefix, in lower case; empty for the unspecified one."""
    value = name.removeprefix(prefix)
    return "" if value == "UNSPECIFIED" else value.lower()
