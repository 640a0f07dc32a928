"""The description of the dashboards: sound as it stands, and told what is wrong where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kibana import kql
from services.kibana.boards import DASHBOARDS
from services.kibana.description import Dashboard, Days, Grid, Kind, Measure, Only, Panel, Terms, Words
from services.kibana.faults import faults
from services.kibana.views import views

VIEWS = views("ngoclinh-articles")
WORDS = Words("Tin", "News")
SOUND = Panel(
    "p",
    WORDS,
    Kind.BAR,
    "articles",
    Grid(0, 0, 24, 10),
    (Measure(WORDS),),
    (Days("when", WORDS), Terms("sentiment", WORDS)),
)


def told(*panels: Panel) -> list[str]:
    return faults([Dashboard("d", WORDS, WORDS, panels)], VIEWS)


def test_every_dashboard_asks_for_fields_of_the_mapping_and_fills_the_grid_without_overlap() -> None:
    assert faults(DASHBOARDS, VIEWS) == []


def test_the_six_dashboards_that_analysts_need_are_there() -> None:
    assert {dashboard.id for dashboard in DASHBOARDS} == {
        "overview",
        "sentiment",
        "places",
        "sources",
        "alerts",
        "land",
    }


def test_everything_that_people_read_is_there_in_both_languages() -> None:
    read = [words for dashboard in DASHBOARDS for words in (dashboard.title, dashboard.description)]
    panels = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]
    read += [panel.title for panel in panels]
    read += [part.title for panel in panels for part in (*panel.by, *panel.measures)]
    assert all(words.vi.strip() and words.en.strip() and words.vi != words.en for words in read)


def test_every_field_of_every_view_has_a_vietnamese_name_of_its_own() -> None:
    for view in VIEWS.values():
        labels = [field.label for field in view.fields]
        assert all(labels)
        assert len(set(labels)) == len(labels)


def test_the_time_of_a_view_is_one_of_its_fields() -> None:
    for view in VIEWS.values():
        assert not view.time_field or ("date" in {field.type for field in view.fields if field.name == view.time_field})


def test_codes_are_shown_by_what_they_are_called() -> None:
    values = {field.name: dict(field.values) for field in VIEWS["articles"].fields if field.values}
    assert values["sentiment"]["negative"] == "tiêu cực"
    assert values["stance"]["critical"] == "phê phán"
    assert {"kind", "complaint", "toxicity", "event_valence"} <= values.keys()


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (replace(SOUND, view="nothing"), "no view nothing"),
        (replace(SOUND, by=(Terms("tone", WORDS),)), "no field tone"),
        (replace(SOUND, by=(Terms("text", WORDS),)), "text is text: its values cannot be grouped"),
        (replace(SOUND, by=(Days("sentiment", WORDS),)), "sentiment is keyword: it has no days"),
        (replace(SOUND, by=()), "a bar has 1 to 2 groupings, not 0"),
        (replace(SOUND, kind=Kind.METRIC), "a metric has 0 to 0 groupings, not 2"),
        (replace(SOUND, measures=()), "it counts nothing"),
        (replace(SOUND, measures=(Measure(WORDS, "average", "sentiment"),)), "average of sentiment, which is keyword"),
        (replace(SOUND, measures=(Measure(WORDS, "sum"),)), "sum needs a field"),
        (replace(SOUND, measures=(Measure(WORDS, "count", "sentiment"),)), "count takes no field"),
        (replace(SOUND, measures=(Measure(WORDS, only=(Only("kind", ("news",)),)),)), "ranked by the first measure"),
        (replace(SOUND, only=(Only("nowhere"),)), "no field nowhere"),
        (replace(SOUND, grid=Grid(30, 0, 20, 5)), "beyond the 48 columns"),
        (replace(SOUND, grid=Grid(0, 0, 0, 5)), "beyond the 48 columns"),
    ],
)
def test_what_is_wrong_is_told(broken: Panel, says: str) -> None:
    assert told(SOUND) == []
    assert any(says in fault for fault in told(broken)), told(broken)


def test_panels_that_overlap_or_share_an_id_are_told() -> None:
    assert told(SOUND, replace(SOUND, id="q", grid=Grid(23, 9, 10, 5))) == ["d: q lies on p"]
    assert told(SOUND, replace(SOUND, grid=Grid(24, 0, 24, 5))) == ["d: the id p is there 2 times"]
    assert faults([Dashboard("d", WORDS, WORDS, ())] * 2, VIEWS) == ["the id d is there 2 times"]


@pytest.mark.parametrize(
    ("conditions", "expression"),
    [
        ((), ""),
        ((Only("parcels"),), "parcels: *"),
        (
            (Only("withdrawn", ("false",)), Only("stance", ("none", "critical"))),
            'withdrawn: false and stance: ("none" or "critical")',
        ),
        ((Only("headline", ('Ông "Ba" \\ xã',)),), 'headline: "Ông \\"Ba\\" \\\\ xã"'),
    ],
)
def test_conditions_are_written_in_kql(conditions: tuple[Only, ...], expression: str) -> None:
    assert kql.expression(conditions) == expression
