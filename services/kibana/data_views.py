"""Data views: the documents of one kind with what their fields are called, for ``POST /api/data_views/data_view``."""

from __future__ import annotations

from typing import Any

from services.kibana.description import Field, Language, View
from services.kibana.ids import Ids


def body(view: View, ids: Ids, lang: Language) -> dict[str, Any]:
    """The body of the request; a data view of the same identity is replaced."""
    made: dict[str, Any] = {
        "id": ids.of("view", view.id),
        "title": view.index,
        "name": view.title.said(lang),
        "fieldAttrs": field_attributes(view),
        "fieldFormats": field_formats(view),
        "allowNoIndex": True,
    }
    if view.time_field:
        made["timeFieldName"] = view.time_field
    return {"data_view": made, "override": True}


def field_attributes(view: View) -> dict[str, Any]:
    """What every field is called, by its name."""
    return {field.name: {"customLabel": field.label} for field in view.fields}


def field_formats(view: View) -> dict[str, Any]:
    """How the codes of a field are shown: by what they are called."""
    return {field.name: _lookup(field) for field in view.fields if field.values}


def _lookup(field: Field) -> dict[str, Any]:
    entries = [{"key": code, "value": called} for code, called in field.values]
    return {"id": "static_lookup", "params": {"lookupEntries": entries}}
