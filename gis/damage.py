"""What spreadsheets do to codes: lost zeros, dates, powers of ten; and corners without a coordinate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gis.cells import Cell, CellKind, reference
from gis.columns import to_commune_code
from gis.model import Note, Severity

_POWER = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMED_MONTH = re.compile(r"(?i)(\d{1,2})[- ](?:thg ?(\d{1,2})|([a-z]{3}))|([a-z]{3})[- ](\d{1,2})")


@dataclass
class _Damage:
    cell: str
    after: str
    count: int = 0
    records: list[int] = field(default_factory=list)


class Damages:
    """Collects damaged cells; equal ones of a column are told once.

    Args:
        titles: names of the columns by key.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._found: dict[tuple[str, str, str], _Damage] = {}
        self._lost: list[Note] = []

    def look(self, record: int, row: int, cells: Mapping[str, tuple[int, Cell]]) -> None:
        """Look at the codes of a row: key to number of the column and cell."""
        for key, (column, cell) in cells.items():
            if case := damage(key, cell):
                known = self._found.setdefault((key, case[0], cell.text), _Damage(reference(row, column), case[1]))
                known.count += 1
                if record not in known.records[-1:]:
                    known.records.append(record)

    def lost(self, record: int, cell: str, key: str, value: Cell) -> None:
        """Tell a corner that has no coordinate."""
        case = "formula" if value.kind is CellKind.FORMULA else "coordinate"
        details = {"case": case, "cell": cell, "column": self._titles[key], "before": value.text[:100]}
        self._lost.append(Note("cell_damaged", record, severity=Severity.ERROR, details=details))

    def notes(self) -> tuple[Note, ...]:
        """Everything that was found."""
        told = [
            Note(
                "cell_damaged",
                one.records[0],
                tuple(one.records[1:]),
                details={
                    "case": case,
                    "cell": one.cell,
                    "column": self._titles[key],
                    "before": before[:100],
                    "after": one.after,
                    "count": str(one.count),
                },
            )
            for (key, case, before), one in self._found.items()
        ]
        return (*self._lost, *told)


def damage(key: str, cell: Cell) -> tuple[str, str] | None:
    """What was done to a code, as a case of the rule `cell_damaged`, and what it may have been; None for a sound cell."""
    text = cell.text
    if key == "commune" and re.fullmatch(r"[1-9]\d{3}", text):
        return "zero", to_commune_code(text)
    if _POWER.fullmatch(text):
        return "power", ""
    day = _as_day(text) if cell.kind in (CellKind.DATE, CellKind.TEXT) else None
    return None if day is None else ("date", f"{day[0]}-{day[1]}")


def _as_day(text: str) -> tuple[int, int] | None:
    """Day and month of a text that a spreadsheet shows for a date."""
    if match := _ISO_DAY.fullmatch(text):
        return int(match[3]), int(match[2])
    if match := _DAY.fullmatch(text):
        return int(match[1]), int(match[2])
    if match := _NAMED_MONTH.fullmatch(text):
        name = (match[3] or match[4] or "").lower()
        if name and name not in _MONTHS:
            return None
        return int(match[1] or match[5]), int(match[2]) if match[2] else _MONTHS.index(name) + 1
    return None
