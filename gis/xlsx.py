"""Reading the cells of an XLSX workbook as a stream: nothing is evaluated, nothing outside the file is opened.

Standard: ECMA-376 part 1 (SpreadsheetML). XML with a document type is refused; everything that can grow is counted.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.parsers import expat

from gis.cells import MOST_COLUMNS, MOST_TEXT, Cell, CellKind, Row, too_many_rows
from services.core.errors import RefusedFile, TooLarge, UnreadableFile

MOST_UNPACKED = 512 << 20
"""Bytes of one part of a workbook."""

MOST_CELLS = 2_000_000
"""Cells that a sheet may name, empty ones too."""

MOST_STRINGS = 64 << 20
"""Characters of the table of shared strings."""

MOST_SHEETS = 50

_CHUNK = 1 << 16
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
"""Built-in formats of dates and times (ECMA-376 part 1, 18.8.30)."""

_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, OverflowError)


class Workbook:
    """An open workbook.

    Args:
        archive: its ZIP file, whose headers were checked.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._strings: list[str] | None = None
        self._dates: set[int] | None = None
        self._epoch = date(1899, 12, 30)

    def sheets(self) -> list[tuple[str, str]]:
        """Names of the sheets and of their parts, in their order."""
        listed: list[tuple[str, str]] = []
        targets: dict[str, str] = {}

        def relation(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        def sheet(tag: str, attributes: dict[str, str]) -> None:
            if tag == "sheet":
                key = next((value for name, value in attributes.items() if name.endswith(":id")), "")
                listed.append((attributes.get("name", ""), key))
            elif tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self._epoch = date(1904, 1, 1)

        self._parse("xl/_rels/workbook.xml.rels", relation)
        self._parse("xl/workbook.xml", sheet)
        known = set(self._archive.namelist())
        parts = [(name, _part(targets.get(key, ""))) for name, key in listed[:MOST_SHEETS]]
        return [(name, part) for name, part in parts if part in known]

    def rows(self, part: str, max_rows: int) -> Iterator[Row]:
        """The rows of a sheet that hold something, in their order.

        Raises:
            TooLarge: more than `max_rows` of them, or more than `MOST_CELLS` cells.
        """
        reader = _SheetReader(self)
        found = 0
        for _ in self._chunks(part, reader.parser()):
            for row in reader.take():
                found += 1
                if found > max_rows:
                    raise too_many_rows(max_rows)
                yield row

    def string(self, index: int) -> str:
        """A shared string."""
        if self._strings is None:
            self._strings = self._shared_strings()
        return self._strings[index] if 0 <= index < len(self._strings) else ""

    def is_date(self, style: int) -> bool:
        """Whether cells of a style show a date."""
        if self._dates is None:
            self._dates = self._date_styles()
        return style in self._dates

    def day(self, serial: float) -> str:
        """A date as ISO text, with the time where there is one."""
        moment = datetime.combine(self._epoch, datetime.min.time()) + timedelta(days=serial)
        return moment.date().isoformat() if serial == int(serial) else moment.isoformat(timespec="minutes")

    def _shared_strings(self) -> list[str]:
        strings: list[str] = []
        if "xl/sharedStrings.xml" not in self._archive.namelist():
            return strings
        reader = _Strings(strings)
        for _ in self._chunks("xl/sharedStrings.xml", reader.parser()):
            pass
        return strings

    def _date_styles(self) -> set[int]:
        formats: dict[int, bool] = {}
        styles: list[int] = []
        inside = False

        def tag(name: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                code = _NOT_FORMAT.sub("", attributes.get("formatCode", "")).lower()
                formats[int(attributes.get("numFmtId", -1))] = bool(re.search("[dyh]|m", code)) and "0.0" not in code
            elif name in ("cellXfs", "cellStyleXfs"):
                inside = name == "cellXfs"
            elif name == "xf" and inside:
                styles.append(int(attributes.get("numFmtId", 0)))

        if "xl/styles.xml" in self._archive.namelist():
            self._parse("xl/styles.xml", tag)
        return {index for index, one in enumerate(styles) if formats.get(one, one in _DATE_FORMATS)}

    def _parse(self, part: str, start: Callable[[str, dict[str, str]], None]) -> None:
        parser = safe_parser()
        parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
        for _ in self._chunks(part, parser):
            pass

    def _chunks(self, part: str, parser: Any) -> Iterator[None]:
        """Feed a part to a parser, bit by bit."""
        left = MOST_UNPACKED
        with self._archive.open(part) as stream:
            while chunk := stream.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise TooLarge(
                        f"Một phần của tệp XLSX lớn hơn {MOST_UNPACKED >> 20} MB khi giải nén.",
                        f"A part of the XLSX file is larger than {MOST_UNPACKED >> 20} MB unpacked.",
                    )
                parser.Parse(chunk, False)
                yield
            parser.Parse(b"", True)
            yield


@contextmanager
def opened(path: Path) -> Iterator[Workbook]:
    """A workbook.

    Raises:
        UnreadableFile: damaged.
        RefusedFile: XML with a document type.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield Workbook(archive)
    except (*_BROKEN, expat.ExpatError) as error:
        raise UnreadableFile(
            f"Tệp XLSX bị hỏng: {str(error)[:200]}.", f"The XLSX file is damaged: {str(error)[:200]}.", {"kind": "XLSX"}
        ) from error


def safe_parser() -> Any:
    """A parser that refuses a document type, and with it every entity of the file's own."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: Any) -> None:
        raise RefusedFile(
            "Tệp XLSX có khai báo DOCTYPE; tệp do bảng tính ghi không bao giờ có.",
            "The XLSX file declares a DOCTYPE; no spreadsheet program writes one.",
            {"kind": "XML DOCTYPE"},
        )

    parser.StartDoctypeDeclHandler = refuse
    return parser


class _Strings:
    """Collects shared strings; phonetic runs are left out."""

    def __init__(self, strings: list[str]) -> None:
        self._strings = strings
        self._parts: list[str] = []
        self._open = False
        self._phonetic = False
        self._left = MOST_STRINGS

    def parser(self) -> Any:
        parser = safe_parser()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        return parser

    def _start(self, name: str, _: dict[str, str]) -> None:
        tag = _local(name)
        self._open = tag == "t" and not self._phonetic
        self._phonetic = self._phonetic or tag == "rPh"

    def _end(self, name: str) -> None:
        tag = _local(name)
        self._open = False
        if tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self._strings.append("".join(self._parts)[:MOST_TEXT])
            self._parts.clear()
            self._left -= 1

    def _text(self, text: str) -> None:
        if self._open:
            self._parts.append(text)
            self._left -= len(text)
        if self._left < 0:
            raise TooLarge("Tệp XLSX có quá nhiều chữ.", "The XLSX file holds too much text.")


class _SheetReader:
    """Collects the rows of a sheet."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._done: list[Row] = []
        self._row: list[Cell] = []
        self._number = self._cells = self._column = 0
        self._type = self._tag = self._value = ""
        self._style = "0"
        self._formula = False

    def parser(self) -> Any:
        parser = safe_parser()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        return parser

    def take(self) -> list[Row]:
        """The rows that were completed since the last call."""
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = self._tag = _local(name)
        if tag == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._row = []
            self._column = -1
        elif tag == "c":
            self._cells += 1
            if self._cells > MOST_CELLS:
                raise TooLarge(
                    f"Trang tính có hơn {MOST_CELLS} ô.", f"The sheet has more than {MOST_CELLS} cells.",
                    {"limit": str(MOST_CELLS)},
                )  # fmt: skip
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._type, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._value, self._formula = "", False
        elif tag == "f":
            self._formula = True

    def _text(self, text: str) -> None:
        if self._tag in ("v", "t") and len(self._value) < MOST_TEXT:
            self._value += text

    def _end(self, name: str) -> None:
        tag = _local(name)
        self._tag = ""
        if tag == "c" and self._column < MOST_COLUMNS and (cell := self._cell()) is not None:
            self._row += [Cell("")] * (self._column + 1 - len(self._row))
            self._row[self._column] = cell
        elif tag == "row" and self._row:
            self._done.append((self._number, self._row))

    def _cell(self) -> Cell | None:
        if not self._value:
            return Cell("", CellKind.FORMULA) if self._formula else None
        if self._type == "s":
            return Cell(self._book.string(int(self._value)).strip())
        if self._type != "n":
            return Cell(self._value.strip())
        number = float(self._value)
        if self._book.is_date(int(self._style)):
            return Cell(self._book.day(number), CellKind.DATE)
        return Cell(str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number), CellKind.NUMBER)


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


def _part(target: str) -> str:
    """Name of a part in the archive from a relation of the workbook."""
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


@lru_cache(maxsize=20_000)
def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _column(name: str, default: int) -> int:
    """Number of a column from the name of a cell, from 0."""
    letters = name.rstrip("0123456789")
    if not letters or len(letters) > 3 or not letters.isascii() or not letters.isalpha():
        return default
    return _number(letters)
