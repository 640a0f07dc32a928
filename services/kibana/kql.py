"""Conditions in KQL, the language of Kibana's search bar."""

from __future__ import annotations

from collections.abc import Sequence

from services.kibana.description import Only


def expression(conditions: Sequence[Only]) -> str:
    """All conditions at once. Example: ``topics: "dat_dai" and sentiment: ("negative" or "neutral")``."""
    return " and ".join(_one(condition) for condition in conditions)


def quoted(value: str) -> str:
    """A value as a phrase; true and false are words of the language."""
    if value in ("true", "false"):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _one(condition: Only) -> str:
    match [quoted(value) for value in condition.values]:
        case []:
            return f"{condition.field}: *"
        case [value]:
            return f"{condition.field}: {value}"
        case values:
            return f"{condition.field}: ({' or '.join(values)})"
