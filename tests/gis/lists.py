"""Lists of corner points for tests, as offices hand them in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import shapely

from tests.gis import files

HEADER = ("STT", "Tờ", "Thửa", "X (m)", "Y (m)", "Loại đất")


def corners(count: int = 2, *, closed: bool = False) -> list[tuple[Any, ...]]:
    """Rows of `files.squares` under `HEADER`: X north, Y east."""
    rows = []
    for parcel, square in enumerate(files.squares(count), start=1):
        ring = list(shapely.normalize(square).exterior.coords)
        for number, (east, north) in enumerate(ring if closed else ring[:-1], start=1):
            rows.append((number, "3", str(parcel), north, east, "ONT"))
    return rows


def workbook(path: Path, rows: Sequence[Sequence[Any]], title: str = "Toạ độ") -> Path:
    """An XLSX file with one sheet of rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def table(path: Path, rows: Sequence[Sequence[Any]], delimiter: str = ";", encoding: str = "utf-8-sig") -> Path:
    """A CSV file of rows of text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def vietnamese(number: float) -> str:
    """A number as a Vietnamese office writes it. Example: 1.677.300,25."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))
