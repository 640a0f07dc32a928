"""Lists of corner points: one row a vertex, with sheet and parcel number, as surveyors hand them in as XLSX and CSV.

Columns come in any order and under the names that offices use, with or without marks. Which coordinate is the easting is
told from the numbers, since forms print X for north and programs write X for east.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from gis import columns, xlsx
from gis.cells import EMPTY, Cell, CellKind, Row, read_csv, reference
from gis.damage import Damages
from gis.encoding import spellings
from gis.kinds import Kind
from gis.layer import Layer
from gis.numbers import Axes, axes, decimal_sign, to_number
from services.core.errors import UnreadableFile

HEADER_ROWS = 60
"""Rows in which the names of the columns are looked for."""

_FIRST = "x toadox toadoxm xm tdx bac toadobac north northing vido lat latitude"
_SECOND = "y toadoy toadoym ym tdy dong toadodong east easting kinhdo lon lng longitude"
_NAMES = {
    "first": _FIRST.split(),
    "second": _SECOND.split(),
    "order": ["stt", "tt", "thutu", "diem", "tendiem", "sohieudiem", "dinh", "sohieudinh", "dinhthua", "sttdinh"],
    "sheet": ["to", "sototbd", "tobd", "sohieutobd", "toso", "sohieuto", "sotobando", "mabando"],
    "number": ["thua", "thuaso", "sohieuthua", "sttthua", "sothuatt"],
}
"""Folded names of columns of such lists, beyond those of `gis.columns.ALIASES`."""

_KNOWN = frozenset(name for names in _NAMES.values() for name in names)
_EXPLICIT_NORTH = frozenset(_FIRST.split()[5:])
_NOT_ATTRIBUTES = ("first", "second", "order")
_CODES = ("commune", "sheet", "number", "old_sheet", "old_number", "identifier")
_LABELLED = ("sheet", "number", "old_sheet", "old_number")
_LABEL = re.compile(r"(?i)^(?:tờ|to|thửa|thua)(?: số| so)?[ :]*")


@dataclass
class _Parcel:
    """What the rows of a parcel said."""

    values: dict[str, str]
    points: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class _Table:
    """A table whose header was found."""

    name: str
    places: dict[str, int]
    titles: dict[str, str]
    north_first: bool
    rows: Iterator[Row]


def read(path: Path, kind: Kind, max_rows: int) -> Layer:
    """The parcels of a list of corner points.

    Rings that are not closed are closed. A row without sheet and parcel number belongs to the parcel of the row before;
    in a list without such numbers a parcel ends where its ring closes, at an empty row, and where the numbers of the
    points begin anew.

    Args:
        path: the file.
        kind: XLSX or CSV.
        max_rows: most rows.

    Raises:
        UnreadableFile: no columns of coordinates, no corner, damaged.
        TooLarge: more than `max_rows` rows.
    """
    if kind is Kind.CSV:
        return _layer(_found([(path.stem, read_csv(path, max_rows))]))
    with xlsx.opened(path) as book:
        return _layer(_found((name, book.rows(part, max_rows)) for name, part in book.sheets()))


def _found(tables: Iterable[tuple[str, Iterator[Row]]]) -> _Table:
    """The first table with columns of coordinates."""
    seen: list[str] = []
    for name, rows in tables:
        above: list[Cell] = []
        for _, (_, row) in zip(range(HEADER_ROWS), rows, strict=False):
            table = _header(name, row, above, rows)
            if table is not None:
                return table
            words = [cell.text for cell in row if cell.text and not _is_number(cell.text)]
            seen = seen if len(seen) > 1 else words or seen  # one row, most likely the header: others may name persons
            above = row
    shown = ", ".join(dict.fromkeys(text[:40] for text in seen[:12])) or "—"
    raise UnreadableFile(
        "Không tìm thấy cột toạ độ X, Y trong bảng; dòng tiêu đề cần có: Tờ, Thửa, X, Y (mỗi đỉnh thửa một dòng)."
        f" Các chữ đọc được: {shown}.",
        "The table has no columns of coordinates X, Y; its header must name: Tờ, Thửa, X, Y (one row a corner)."
        f" Words that were read: {shown}.",
        {"kind": "XLSX/CSV"},
    )


def _header(name: str, row: Sequence[Cell], above: Sequence[Cell], rows: Iterator[Row]) -> _Table | None:
    """The table under a row with the names of the columns; names may stand one row higher too, in merged cells."""
    titles = [cell.text for cell in row]
    titles += [""] * (len(above) - len(titles))
    titles = [_spelled(title or _at(above, place).text) for place, title in enumerate(titles)]
    folded = [columns.folded(title) for title in titles]
    places: dict[str, int] = {}
    for key, names in _NAMES.items():
        found = [place for place, text in enumerate(folded) if text in names]
        if found:
            places[key] = found[0]
    if not {"first", "second"} <= places.keys():
        return None
    taken = set(places.values())
    free = {title: place for place, title in enumerate(titles) if title and place not in taken}
    for key, title in columns.recognise(free).items():
        places.setdefault(key, free[title])
    if "order" in places and places["order"] == places.get("identifier"):
        del places["identifier"]
    for title, place in free.items():
        if columns.is_personal(title):
            places.setdefault(title, place)
    used = {key: titles[place] for key, place in places.items()}
    return _Table(name, places, used, folded[places["first"]] in _EXPLICIT_NORTH, rows)


def _layer(table: _Table) -> Layer:
    rows = list(table.rows)
    damages = Damages(table.titles)
    sign = decimal_sign(_texts(rows, table))
    gathered = _Parcels(table, sign, damages)
    for number, row in rows:
        gathered.add(number, row)
    parcels = gathered.found
    points = np.array([point for parcel in parcels for point in parcel.points])
    if not len(points):
        raise UnreadableFile("Bảng không có đỉnh thửa nào.", "The table holds no corner.", {"kind": "XLSX/CSV"})
    swap = axes(points, Axes.NORTH_FIRST if table.north_first else Axes.EAST_FIRST) is Axes.NORTH_FIRST
    shapes = [_shape([point[::-1] if swap else point for point in parcel.points]) for parcel in parcels]
    keys = [key for key in table.places if key not in _NOT_ATTRIBUTES]
    return Layer(
        name=table.name,
        wkb=[bytes(shapely.to_wkb(shape)) for shape in shapes],
        fields={_field(key): [parcel.values.get(key, "") for parcel in parcels] for key in keys},
        crs="",
        notes=damages.notes(),
    )


def _field(key: str) -> str:
    """A name that `gis.columns` knows for a column, whatever the list called it; one about a person keeps its title."""
    return columns.ALIASES[key][0] if key in columns.ALIASES else key


def _texts(rows: list[Row], table: _Table) -> list[str]:
    wanted = (table.places["first"], table.places["second"])
    cells = (_at(row, place) for _, row in rows for place in wanted)
    return [cell.text for cell in cells if cell.text and cell.kind is CellKind.TEXT]


class _Parcels:
    """Gathers the corners of the parcels, row by row.

    Args:
        table: the table.
        sign: decimal sign of its coordinates.
        damages: what is told of its cells.
    """

    def __init__(self, table: _Table, sign: str, damages: Damages) -> None:
        self.found: list[_Parcel] = []
        self._table = table
        self._sign = sign
        self._damages = damages
        self._attributes = {key: place for key, place in table.places.items() if key not in _NOT_ATTRIBUTES}
        self._named = bool({"sheet", "number"} & self._attributes.keys())
        self._records: dict[tuple[str, ...], int] = {}
        self._values: dict[str, str] = {}
        self._order, self._row = -math.inf, 0

    def add(self, number: int, row: list[Cell]) -> None:
        """Take a row; one without coordinates is no corner."""
        cells = {key: _at(row, self._table.places[key]) for key in ("first", "second")}
        x, y = (to_number(cell.text, self._sign) for cell in cells.values())
        formula = next((key for key, cell in cells.items() if cell.kind is CellKind.FORMULA), "")
        if x is None and y is None and not formula:
            return
        said = {key: _at(row, place) for key, place in self._attributes.items()}
        record = self._record_of(number, row, {key: _plain(key, cell) for key, cell in said.items()})
        self._damages.look(record, number, {key: (self._attributes[key], said[key]) for key in _CODES if key in said})
        if x is not None and y is not None:
            self.found[record].points.append((x, y))
        else:
            key = formula or ("first" if x is None else "second")
            self._damages.lost(record, reference(number, self._table.places[key]), key, cells[key])

    def _record_of(self, number: int, row: list[Cell], texts: dict[str, str]) -> int:
        """The record that a row belongs to."""
        begins = self._begins(number, row)
        if self._named and (texts.get("sheet") or texts.get("number")):
            self._values = texts | {"sheet": texts.get("sheet") or self._values.get("sheet", "")}
        key = tuple(self._values.get(name, "") for name in ("commune", "sheet", "number"))
        record = self._records.get(key) if self._named else None if begins else len(self.found) - 1
        if record is None:
            record = self._records[key] = len(self.found)
            self.found.append(_Parcel({}))
        values = self.found[record].values
        for name, text in texts.items():
            values[name] = values.get(name) or text or self._values.get(name, "")
        return record

    def _begins(self, number: int, row: list[Cell]) -> bool:
        """Whether a parcel without a number begins with this row."""
        order = to_number(_at(row, self._table.places["order"]).text, ".") if "order" in self._table.places else None
        points = self.found[-1].points if self.found else []
        begins = not self.found or number > self._row + 1 or (len(points) > 3 and points[0] == points[-1])
        begins = begins or (order is not None and order <= self._order)
        self._order, self._row = -math.inf if order is None else order, number
        return begins


def _shape(points: list[tuple[float, float]]) -> shapely.Geometry:
    """The rings of a parcel: a corner that equals the first of its ring ends the ring."""
    rings: list[list[tuple[float, float]]] = [[]]
    for point in points:
        rings[-1].append(point)
        if len(rings[-1]) > 3 and point == rings[-1][0]:
            rings.append([])
    polygons = [shapely.Polygon(ring) for ring in rings if len(set(ring)) > 2]
    if not points:
        return shapely.Polygon()
    if not polygons:
        line = points if len(points) > 1 else points * 2
        return shapely.LineString(line)
    shell, *others = polygons
    holes = [other for other in others if shapely.contains_properly(shell, other)] if shapely.is_valid(shell) else []
    parts = [shapely.Polygon(shell.exterior, [hole.exterior for hole in holes])]
    parts += [other for other in others if other not in holes]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _plain(key: str, cell: Cell) -> str:
    """What a cell says, a number of sheet or parcel without the word before it. Example: ``Thửa số 12`` is ``12``."""
    return _LABEL.sub("", cell.text) if key in _LABELLED else cell.text


def _at(row: Sequence[Cell], place: int) -> Cell:
    return row[place] if place < len(row) else EMPTY


def _spelled(title: str) -> str:
    """A title in the spelling that is the name of a known column, else as it stands."""
    known = (
        one
        for one in spellings(title)
        if columns.folded(one) in _KNOWN or columns.recognise([one]) or columns.is_personal(one)
    )
    return title if title.isascii() else next(known, title)


def _is_number(text: str) -> bool:
    return to_number(text, ".") is not None or to_number(text, ",") is not None
