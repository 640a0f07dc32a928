"""The words in which a dashboard is described: views of the data, panels on a grid, what they count and by what.

Nothing here knows a format of Kibana: `dashboards_api`, `saved_objects` and `queries` each write the same description.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

COLUMNS = 48
"""Columns of the grid; a panel takes whole ones."""

Language = Literal["vi", "en"]


class Kind(StrEnum):
    """What a panel draws, and what its `by` means for it."""

    METRIC = "metric"
    """One number; no `by`."""
    BAR = "bar"
    """Stacked columns: by the axis, then by the colour."""
    BAR_HORIZONTAL = "bar_horizontal"
    """Stacked bars: by the axis, then by the colour."""
    LINE = "line"
    """Lines: by the axis, then one for each value."""
    DONUT = "donut"
    """Shares: by the ring."""
    HEATMAP = "heatmap"
    """Coloured cells: by the column, then by the row."""
    TABLE = "table"
    """Rows: by each column of the key."""


DIMENSIONS: dict[Kind, tuple[int, int]] = {
    Kind.METRIC: (0, 0),
    Kind.BAR: (1, 2),
    Kind.BAR_HORIZONTAL: (1, 2),
    Kind.LINE: (1, 2),
    Kind.DONUT: (1, 1),
    Kind.HEATMAP: (2, 2),
    Kind.TABLE: (1, 4),
}
"""Least and most groupings of each kind."""


@dataclass(frozen=True)
class Words:
    """What people read, in both languages."""

    vi: str
    en: str

    def said(self, lang: Language) -> str:
        """The words in one language."""
        return self.vi if lang == "vi" else self.en


@dataclass(frozen=True)
class Only:
    """A condition: the field has one of the values, or any value at all where none is given."""

    field: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """Group by the values of a field, those with the highest first measure first."""

    field: str
    title: Words
    size: int = 10


@dataclass(frozen=True)
class Days:
    """Group by the days of a field of time."""

    field: str
    title: Words


Grouping = Terms | Days


@dataclass(frozen=True)
class Measure:
    """What is counted in each group."""

    title: Words
    operation: Literal["count", "unique_count", "average", "max", "sum"] = "count"
    field: str = ""
    only: tuple[Only, ...] = ()


@dataclass(frozen=True)
class Grid:
    """Place of a panel: left, top, width, height in cells."""

    x: int
    y: int
    w: int
    h: int

    def cells(self) -> Iterator[tuple[int, int]]:
        """The cells that it covers."""
        return ((x, y) for x in range(self.x, self.x + self.w) for y in range(self.y, self.y + self.h))


@dataclass(frozen=True)
class Panel:
    """One chart, number or table."""

    id: str
    title: Words
    kind: Kind
    view: str
    grid: Grid
    measures: tuple[Measure, ...]
    by: tuple[Grouping, ...] = ()
    only: tuple[Only, ...] = ()

    def fields(self) -> Iterator[str]:
        """Every field that it asks for."""
        yield from (grouping.field for grouping in self.by)
        for measure in self.measures:
            if measure.field:
                yield measure.field
            yield from (condition.field for condition in measure.only)
        yield from (condition.field for condition in self.only)


@dataclass(frozen=True)
class Dashboard:
    """Panels that are read together, over the last `days` days where nobody asks for another range."""

    id: str
    title: Words
    description: Words
    panels: tuple[Panel, ...]
    days: int = 30


@dataclass(frozen=True)
class Field:
    """A field of a view as people see it.

    Attributes:
        name: in the mapping.
        type: in the mapping. Example: "keyword".
        label: what analysts call it, in Vietnamese.
        values: what its codes are called; empty where its values speak for themselves.
    """

    name: str
    type: str
    label: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """Documents of one kind, as Kibana's data view shows them.

    Attributes:
        id: how panels name it.
        title: what people read.
        index: alias or index that it reads.
        time_field: what the range of time of a dashboard is held against; empty where every document always counts.
        fields: what can be asked for.
    """

    id: str
    title: Words
    index: str
    time_field: str
    fields: tuple[Field, ...]
