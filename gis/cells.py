"""Tables of text: rows of cells that remember what kind of value they held."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from services.core.errors import TooLarge, UnreadableFile

MOST_COLUMNS = 200
"""Columns of a table that are looked at; further ones are passed over."""

MOST_TEXT = 100_000
"""Characters of a cell."""

DELIMITERS = ";\t,|"
_SAMPLE_LINES = 200


class CellKind(Enum):
    """What a cell held in its file."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FORMULA = "formula"
    """A formula whose result is not stored."""


class Cell(NamedTuple):
    """A cell: its text, and what kind of value it was."""

    text: str
    kind: CellKind = CellKind.TEXT


Row = tuple[int, list[Cell]]
"""Number of a row in its file, from 1, and its cells."""

EMPTY = Cell("")


def reference(row: int, column: int) -> str:
    """The name of a cell as spreadsheets show it. Example: row 5, column 2 is ``C5``."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


def decode(content: bytes) -> str:
    """Text of a file: by its byte order mark, UTF-8, UTF-16 without a mark, else one byte a character."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if content[:400].count(0) > len(content[:400]) // 4:
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_table(text: str) -> bool:
    """Whether the start of a text looks like rows of numbers between delimiters."""
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return False
    lines = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]
    return sum(line.count(delimiter(lines)) >= 1 and len(re.findall(r"\d{3,}", line)) >= 2 for line in lines) >= 3


def delimiter(lines: list[str]) -> str:
    """The sign between the cells: the one that splits most lines into equally many, two at least.

    A semicolon or tab goes before a comma, which may be a decimal comma.
    """

    def agreement(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in lines[:_SAMPLE_LINES]]
        common = max(set(counts) - {0}, key=counts.count, default=0)
        return (counts.count(common) if common else 0), -DELIMITERS.index(sign)

    return max(DELIMITERS, key=agreement)


def read_csv(path: Path, max_rows: int) -> Iterator[Row]:
    """The rows of a CSV file.

    Raises:
        TooLarge: more than `max_rows` rows.
        UnreadableFile: a cell longer than `MOST_TEXT`.
    """
    text = decode(path.read_bytes())
    lines = [line for line in text[: 1 << 20].splitlines() if line.strip()]
    sign = lines[0].strip()[4:5] if lines and lines[0].strip().lower().startswith("sep=") else delimiter(lines)
    csv.field_size_limit(MOST_TEXT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
    try:
        for cells in reader:
            if reader.line_num > max_rows:
                raise too_many_rows(max_rows)
            yield reader.line_num, [Cell(cell.strip()) for cell in cells[:MOST_COLUMNS]]
    except csv.Error as error:
        raise UnreadableFile(
            f"Tệp CSV bị hỏng ở dòng {reader.line_num}: {error}.",
            f"The CSV file is damaged at line {reader.line_num}: {error}.",
            {"kind": "CSV", "line": str(reader.line_num)},
        ) from error


def too_many_rows(limit: int) -> TooLarge:
    """The error of a table above its limit."""
    return TooLarge(
        f"Bảng có nhiều dòng hơn giới hạn {limit}.", f"The table has more rows than the limit of {limit}.",
        {"limit": str(limit)},
    )  # fmt: skip
