"""Dashboards and data views as saved objects for Kibana 9.0 to 9.4: ``POST /api/saved_objects/_import`` takes NDJSON.

The versions that they name are those of their shapes, which every later Kibana brings up to date by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.kibana import data_views, lens
from services.kibana.description import Dashboard, Kind, Language, Panel, View
from services.kibana.ids import Ids

FIRST_VERSION = (9, 0)


class Reference(BaseModel):
    """One object names another."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["index-pattern"] = "index-pattern"
    id: str
    name: str


class SavedObject(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["index-pattern", "dashboard"]
    id: str
    attributes: dict[str, Any]
    references: list[Reference]
    coreMigrationVersion: Literal["8.8.0"] = "8.8.0"  # noqa: N815  (the name of the key)
    typeMigrationVersion: Literal["8.0.0", "8.9.0"]  # noqa: N815  (the name of the key)


def ndjson(dashboards: Sequence[Dashboard], views: Mapping[str, View], ids: Ids, lang: Language) -> str:
    """The file: data views first, then the dashboards that name them."""
    objects = [
        *(_data_view(view, ids, lang) for view in views.values()),
        *(_dashboard(dashboard, views, ids, lang) for dashboard in dashboards),
    ]
    return "".join(made.model_dump_json() + "\n" for made in objects)


def _data_view(view: View, ids: Ids, lang: Language) -> SavedObject:
    attributes: dict[str, Any] = {
        "title": view.index,
        "name": view.title.said(lang),
        "fieldAttrs": _text(data_views.field_attributes(view)),
        "fieldFormatMap": _text(data_views.field_formats(view)),
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
        "fields": "[]",
    }
    if view.time_field:
        attributes["timeFieldName"] = view.time_field
    return SavedObject(
        type="index-pattern",
        id=ids.of("view", view.id),
        attributes=attributes,
        references=[],
        typeMigrationVersion="8.0.0",
    )


def _dashboard(dashboard: Dashboard, views: Mapping[str, View], ids: Ids, lang: Language) -> SavedObject:
    panels = [_panel(dashboard, panel, views, ids, lang) for panel in dashboard.panels]
    return SavedObject(
        type="dashboard",
        id=ids.of("dashboard", dashboard.id),
        attributes={
            "title": dashboard.title.said(lang),
            "description": dashboard.description.said(lang),
            "panelsJSON": _text(panels),
            "optionsJSON": _text({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
            "timeRestore": True,
            "timeFrom": f"now-{dashboard.days}d",
            "timeTo": "now",
            "version": 1,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": _text({"query": {"query": "", "language": "kuery"}, "filter": []})
            },
        },
        references=[
            Reference(id=named["id"], name=f"{panel['panelIndex']}:{named['name']}")
            for panel in panels
            for named in panel["embeddableConfig"]["attributes"]["references"]
        ],
        typeMigrationVersion="8.9.0",
    )


def _panel(dashboard: Dashboard, panel: Panel, views: Mapping[str, View], ids: Ids, lang: Language) -> dict[str, Any]:
    index = ids.of("panel", dashboard.id, panel.id)
    grid = panel.grid
    view = views[panel.view]
    attributes = lens.attributes(panel, view, ids.of("layer", dashboard.id, panel.id), ids.of("view", view.id), lang)
    return {
        "type": "lens",
        "panelIndex": index,
        "gridData": {"x": grid.x, "y": grid.y, "w": grid.w, "h": grid.h, "i": index},
        "title": panel.title.said(lang),
        "embeddableConfig": {
            "attributes": attributes,
            "enhancements": {},
            "hidePanelTitles": panel.kind is Kind.METRIC,
        },
    }


def _text(value: Any) -> str:
    """JSON within JSON, as these attributes hold it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
