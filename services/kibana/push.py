"""Bring data views and dashboards into a Kibana: which version it is decides in which format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.core.errors import InputError
from services.core.sections.stores import KibanaSettings
from services.kibana import dashboards_api, data_views, saved_objects
from services.kibana.client import Kibana, told
from services.kibana.description import Dashboard, Language, View
from services.kibana.ids import Ids


@dataclass(frozen=True)
class Outcome:
    """What became of one object: `problem` is empty where it was taken."""

    kind: str
    title: str
    problem: str = ""


async def push(
    settings: KibanaSettings, dashboards: Sequence[Dashboard], views: Mapping[str, View], ids: Ids, lang: Language
) -> list[Outcome]:
    """Write every data view and dashboard, replacing those of the same identity; what became of each.

    Raises:
        Unavailable: Kibana does not answer, or is not ready yet.
        Forbidden: it wants a user, or refuses this one.
        InputError: it is older than 9.0, or its version cannot be read.
        InvalidField: the password or the certificates cannot be read.
    """
    async with Kibana(settings) as kibana:
        version = await kibana.version()
        if version >= dashboards_api.FIRST_VERSION:
            return await _one_by_one(kibana, dashboards, views, ids, lang)
        if version >= saved_objects.FIRST_VERSION:
            return await _import(kibana, saved_objects.ndjson(dashboards, views, ids, lang))
    number = ".".join(map(str, version))
    raise InputError(
        f"{kibana.address} là Kibana {number}; cần từ 9.0 trở lên",
        f"{kibana.address} is Kibana {number}; 9.0 or later is needed",
    )


async def _one_by_one(
    kibana: Kibana, dashboards: Sequence[Dashboard], views: Mapping[str, View], ids: Ids, lang: Language
) -> list[Outcome]:
    done = []
    for view in views.values():
        problem = await kibana.write("POST", "/api/data_views/data_view", data_views.body(view, ids, lang))
        done.append(Outcome("index-pattern", view.title.said(lang), problem))
    for dashboard in dashboards:
        path = f"/api/dashboards/{ids.of('dashboard', dashboard.id)}"
        problem = await kibana.write("PUT", path, dashboards_api.body(dashboard, views, ids, lang))
        done.append(Outcome("dashboard", dashboard.title.said(lang), problem))
    return done


async def _import(kibana: Kibana, lines: str) -> list[Outcome]:
    status, answer = await kibana.upload("/api/saved_objects/_import?overwrite=true", "ngoclinh.ndjson", lines)
    whole = "" if status < 300 else told(status, answer)
    refused = {(one.get("type"), one.get("id")): _why(one.get("error", {})) for one in answer.get("errors", [])}
    done = []
    for line in map(json.loads, lines.splitlines()):
        attributes = line["attributes"]
        title = attributes.get("name") or attributes["title"]
        done.append(Outcome(line["type"], title, whole or refused.get((line["type"], line["id"]), "")))
    return done


def _why(error: Mapping[str, Any]) -> str:
    """The reason of an import's error. Example: ``missing_references: index-pattern 4f…``."""
    missing = ", ".join(f"{one.get('type')} {one.get('id')}" for one in error.get("references", []))
    return ": ".join(part for part in (error.get("type", "unknown"), error.get("message", ""), missing) if part)
