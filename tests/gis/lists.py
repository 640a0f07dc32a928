"""Lists of corner points for tests, as offices hand them in."""

from __future__ import annotations

import csv
import io
import re
import zipfile
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


def with_shared_strings(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """An XLSX file whose texts lie in the table of shared strings, as Excel writes them."""
    workbook(path, rows)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    strings: list[str] = []

    def shared(match: re.Match[str]) -> str:
        strings.append(match[2])
        return f'{match[1]}t="s"><v>{len(strings) - 1}</v></c>'

    sheet = entries["xl/worksheets/sheet1.xml"].decode()
    sheet = re.sub(r'(<c [^>]*?)t="inlineStr"[^>]*><is><t[^>]*>(.*?)</t></is></c>', shared, sheet)
    items = "".join(f"<si><r><t>{text[:1]}</t></r><r><t>{text[1:]}</t></r><rPh><t>?</t></rPh></si>" for text in strings)
    entries["xl/worksheets/sheet1.xml"] = sheet.encode()
    entries["xl/sharedStrings.xml"] = f'<?xml version="1.0"?><sst>{items}</sst>'.encode()
    return files.pack(path, entries)


def table(path: Path, rows: Sequence[Sequence[Any]], delimiter: str = ";", encoding: str = "utf-8-sig") -> Path:
    """A CSV file of rows of text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def vietnamese(number: float) -> str:
    """A number as a Vietnamese office writes it. Example: 1.677.300,25."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))
