"""Both formats of Kibana: built from the one description, complete, closed, stable."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from pydantic import ValidationError

from services.kibana import dashboards_api, data_views, saved_objects
from services.kibana.boards import DASHBOARDS
from services.kibana.dashboards_api import DashboardBody
from services.kibana.description import Dashboard, Days, Kind, Panel, Terms
from services.kibana.files import files
from services.kibana.ids import Ids
from services.kibana.views import views

ALIAS = "ngoclinh-articles"
VIEWS = views(ALIAS)
IDS = Ids(ALIAS)
LINES = saved_objects.ndjson(DASHBOARDS, VIEWS, IDS, "vi")
OBJECTS: list[dict[str, Any]] = [json.loads(line) for line in LINES.splitlines()]
PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]


def body(dashboard: Dashboard) -> dict[str, Any]:
    return dashboards_api.body(dashboard, VIEWS, IDS, "vi")


def config(dashboard: Dashboard, panel: Panel) -> dict[str, Any]:
    (found,) = [one for one in body(dashboard)["panels"] if one["id"] == IDS.of("panel", dashboard.id, panel.id)]
    return dict(found["config"])


def lens(dashboard: Dashboard, panel: Panel) -> dict[str, Any]:
    (line,) = [one for one in OBJECTS if one["id"] == IDS.of("dashboard", dashboard.id)]
    index = IDS.of("panel", dashboard.id, panel.id)
    (found,) = [one for one in json.loads(line["attributes"]["panelsJSON"]) if one["panelIndex"] == index]
    return dict(found["embeddableConfig"]["attributes"])


def named(value: Any, keys: tuple[str, ...]) -> list[str]:
    """All texts under some keys anywhere in JSON, lists of texts too."""
    if isinstance(value, list):
        return [text for one in value for text in named(one, keys)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        if key in keys and isinstance(inner, str):
            found.append(inner)
        elif key in keys and isinstance(inner, list) and all(isinstance(one, str) for one in inner):
            found += inner
        else:
            found += named(inner, keys)
    return found


# ------------------------------------------------------------ Dashboards API


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.id)
def test_a_body_reads_back_as_itself_and_its_panels_stand_where_they_are_described(dashboard: Dashboard) -> None:
    made = body(dashboard)
    assert DashboardBody.model_validate(made).model_dump(by_alias=True, exclude_none=True) == made
    assert made["time_range"] == {"from": "now-30d", "to": "now"}
    assert [panel["grid"] for panel in made["panels"]] == [vars(panel.grid) for panel in dashboard.panels]
    assert {panel["type"] for panel in made["panels"]} == {"vis"}


def test_a_key_that_the_api_does_not_know_is_refused() -> None:
    made = body(DASHBOARDS[0])
    made["panels"][0]["uid"] = "9.4 called it so"
    with pytest.raises(ValidationError):
        DashboardBody.model_validate(made)


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda one: one.id)
def test_a_chart_reads_its_data_view_and_asks_for_exactly_the_described_fields(
    dashboard: Dashboard, panel: Panel
) -> None:
    made = config(dashboard, panel)
    assert named(made, ("ref_id",)) == [IDS.of("view", panel.view)]
    asked = named(made, ("field", "fields"))
    assert sorted(asked) == sorted([one.field for one in panel.by] + [one.field for one in panel.measures if one.field])
    conditions = " ".join(named(made, ("expression",)))
    assert all(f"{only.field}: " in conditions for only in panel.only)
    types = {
        Kind.METRIC: "metric",
        Kind.DONUT: "pie",
        Kind.HEATMAP: "heatmap",
        Kind.TABLE: "data_table",
    }
    assert made["type"] == types.get(panel.kind, "xy")


def test_a_number_is_the_primary_one_and_has_no_second_title() -> None:
    made = config(DASHBOARDS[0], DASHBOARDS[0].panels[2])
    assert made == {
        "type": "metric",
        "query": {"language": "kql", "expression": "withdrawn: false"},
        "data_source": {"type": "data_view_reference", "ref_id": IDS.of("view", "articles")},
        "metrics": [
            {
                "type": "primary",
                "operation": "count",
                "label": "Tiêu cực",
                "filter": {"language": "kql", "expression": 'sentiment: "negative"'},
            }
        ],
    }


# ------------------------------------------------------------ saved objects


def test_saved_objects_carry_both_versions_that_an_import_wants() -> None:
    assert {one["coreMigrationVersion"] for one in OBJECTS} == {"8.8.0"}
    assert {(one["type"], one["typeMigrationVersion"]) for one in OBJECTS} == {
        ("index-pattern", "8.0.0"),
        ("dashboard", "8.9.0"),
    }
    assert [one["type"] for one in OBJECTS] == ["index-pattern"] * len(VIEWS) + ["dashboard"] * len(DASHBOARDS)


def test_every_reference_leads_to_an_object_of_the_file() -> None:
    there = {(one["type"], one["id"]) for one in OBJECTS}
    named_ = [(one["type"], one["id"]) for line in OBJECTS for one in line["references"]]
    assert named_
    assert set(named_) <= there
    assert {kind for kind, _ in named_} == {"index-pattern"}
    assert {id_ for _, id_ in named_} == {IDS.of("view", view) for view in VIEWS}


@pytest.mark.parametrize("line", [one for one in OBJECTS if one["type"] == "dashboard"], ids=lambda one: one["id"][:8])
def test_a_dashboard_holds_its_panels_as_text_and_names_what_each_refers_to(line: dict[str, Any]) -> None:
    attributes = line["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    assert json.loads(attributes["optionsJSON"])["useMargins"] is True
    assert json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["language"] == "kuery"
    assert attributes["timeRestore"]
    inner = [
        (f"{panel['panelIndex']}:{one['name']}", one["id"])
        for panel in panels
        for one in panel["embeddableConfig"]["attributes"]["references"]
    ]
    assert [(one["name"], one["id"]) for one in line["references"]] == inner
    assert all(panel["gridData"]["i"] == panel["panelIndex"] for panel in panels)
    assert all(panel["gridData"]["x"] + panel["gridData"]["w"] <= 48 for panel in panels)


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda one: one.id)
def test_a_lens_state_has_a_column_for_everything_that_it_draws(dashboard: Dashboard, panel: Panel) -> None:
    made = lens(dashboard, panel)
    (layer, content), *others = made["state"]["datasourceStates"]["formBased"]["layers"].items()
    assert not others
    columns = content["columns"]
    assert content["columnOrder"] == list(columns)
    shown = made["state"]["visualization"]
    accessors = named(
        shown,
        (
            "accessors",
            "metricAccessor",
            "valueAccessor",
            "xAccessor",
            "yAccessor",
            "splitAccessor",
            "primaryGroups",
            "metrics",
        ),
    ) or [one["columnId"] for one in shown["columns"]]
    assert sorted(accessors) == sorted(columns)
    assert set(named(shown, ("layerId",))) == {layer}
    assert {one["sourceField"] for one in columns.values()} <= {
        "___records___",
        *(field.name for field in VIEWS[panel.view].fields),
    }
    for number, grouping in enumerate(panel.by):
        column = columns[f"by{number}"]
        assert column["isBucketed"]
        assert column["operationType"] == ("terms" if isinstance(grouping, Terms) else "date_histogram")
        if isinstance(grouping, Terms):
            assert columns[column["params"]["orderBy"]["columnId"]]["isBucketed"] is False
        assert isinstance(grouping, Days) == (column["dataType"] == "date")


def test_the_layer_of_every_panel_is_its_own() -> None:
    layers = [
        next(iter(lens(dashboard, panel)["state"]["datasourceStates"]["formBased"]["layers"]))
        for dashboard, panel in PANELS
    ]
    assert len(set(layers)) == len(PANELS)


# ------------------------------------------------------------ both


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda one: one.id)
def test_both_formats_say_the_same_conditions_and_labels(dashboard: Dashboard, panel: Panel) -> None:
    new, old = config(dashboard, panel), lens(dashboard, panel)
    columns = old["state"]["datasourceStates"]["formBased"]["layers"].popitem()[1]["columns"].values()
    assert sorted(named(new, ("label",))) == sorted(column["label"] for column in columns)
    assert new.get("query", {}).get("expression", "") == old["state"]["query"]["query"]
    filters = [column["filter"]["query"] for column in columns if "filter" in column]
    assert sorted(named({**new, "query": None}, ("expression",))) == sorted(filters)


def test_a_data_view_is_the_same_in_both_formats() -> None:
    for view, line in zip(VIEWS.values(), OBJECTS, strict=False):
        new = data_views.body(view, IDS, "vi")
        assert new["override"] is True
        made, old = new["data_view"], line["attributes"]
        assert (made["id"], made["title"], made["name"]) == (line["id"], old["title"], old["name"])
        assert made["fieldAttrs"] == json.loads(old["fieldAttrs"])
        assert made["fieldFormats"] == json.loads(old["fieldFormatMap"])
        assert made.get("timeFieldName") == old.get("timeFieldName")
    assert data_views.body(VIEWS["articles"], IDS, "vi")["data_view"]["fieldAttrs"]["stance"]["customLabel"].startswith(
        "Thái độ"
    )


def test_identities_are_stable_and_differ_between_offices_and_spaces() -> None:
    assert IDS.of("dashboard", "overview") == "8a639f7b-450e-51b9-928e-2e62f946c04c"
    assert uuid.UUID(IDS.of("dashboard", "overview")).version == 5
    others = {Ids(ALIAS, "kinh-te").of("dashboard", "overview"), Ids("xa-khac").of("dashboard", "overview")}
    assert len(others | {IDS.of("dashboard", "overview")}) == 3
    every = [one["id"] for one in OBJECTS] + [IDS.of("panel", dashboard.id, panel.id) for dashboard, panel in PANELS]
    assert len(set(every)) == len(every)


def test_titles_come_in_the_language_that_is_asked_for() -> None:
    assert dashboards_api.body(DASHBOARDS[0], VIEWS, IDS, "en")["title"] == "Ngọc Linh · Overview"
    assert saved_objects.ndjson(DASHBOARDS, VIEWS, IDS, "en") != LINES
    assert files("ndjson", DASHBOARDS, VIEWS, IDS, "vi") == {"ngoclinh.ndjson": LINES}
