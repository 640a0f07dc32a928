"""What is wrong with a description, in words: fields that are not in the mapping, panels that overlap, sums of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from services.kibana.description import COLUMNS, DIMENSIONS, Dashboard, Days, Measure, Panel, Terms, View

NUMBERS = frozenset({"integer", "long", "short", "float", "double", "half_float"})
EXACT = frozenset({"keyword", "boolean", "date", *NUMBERS})
"""Types whose values can be grouped and counted."""


def faults(dashboards: Sequence[Dashboard], views: Mapping[str, View]) -> list[str]:
    """Everything that is wrong; empty where the dashboards can be written."""
    found = [
        f"the id {name} is there {count} times"
        for name, count in Counter(d.id for d in dashboards).items()
        if count > 1
    ]
    for dashboard in dashboards:
        found += [f"{dashboard.id}: {fault}" for fault in _grid(dashboard)]
        found += [
            f"{dashboard.id}/{panel.id}: {fault}"
            for panel in dashboard.panels
            for fault in _panel(panel, views.get(panel.view))
        ]
    return found


def _grid(dashboard: Dashboard) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for name, count in Counter(panel.id for panel in dashboard.panels).items():
        if count > 1:
            yield f"the id {name} is there {count} times"
    for panel in dashboard.panels:
        grid = panel.grid
        if min(grid.x, grid.y) < 0 or min(grid.w, grid.h) < 1 or grid.x + grid.w > COLUMNS:
            yield f"{panel.id} reaches beyond the {COLUMNS} columns"
        if others := sorted({taken[cell] for cell in grid.cells() if cell in taken}):
            yield f"{panel.id} lies on {', '.join(others)}"
        taken |= dict.fromkeys(grid.cells(), panel.id)


def _panel(panel: Panel, view: View | None) -> Iterator[str]:
    if view is None:
        yield f"there is no view {panel.view}"
        return
    types = {field.name: field.type for field in view.fields}
    for name in dict.fromkeys(panel.fields()):
        if name not in types:
            yield f"the view {view.id} has no field {name}"
    least, most = DIMENSIONS[panel.kind]
    if not least <= len(panel.by) <= most:
        yield f"a {panel.kind} has {least} to {most} groupings, not {len(panel.by)}"
    if not panel.measures:
        yield "it counts nothing"
    for grouping in panel.by:
        type_ = types.get(grouping.field, "keyword")
        if type_ not in EXACT:
            yield f"{grouping.field} is {type_}: its values cannot be grouped"
        if isinstance(grouping, Days) and type_ != "date":
            yield f"{grouping.field} is {type_}: it has no days"
    if any(isinstance(grouping, Terms) for grouping in panel.by) and panel.measures and panel.measures[0].only:
        yield "groups are ranked by the first measure, which must not have conditions of its own"
    for measure in panel.measures:
        yield from _measure(measure, types)


def _measure(measure: Measure, types: Mapping[str, str]) -> Iterator[str]:
    if (measure.operation == "count") != (not measure.field):
        yield f"{measure.operation} {'needs a' if not measure.field else 'takes no'} field"
        return
    type_ = types.get(measure.field, "long")
    allowed = {"average": NUMBERS, "sum": NUMBERS, "max": NUMBERS | {"date"}, "unique_count": EXACT}
    if measure.field and type_ not in allowed[measure.operation]:
        yield f"{measure.operation} of {measure.field}, which is {type_}"
