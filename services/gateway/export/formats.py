"""How an export is written: a format makes bytes of pages of articles, as they come."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from typing import IO, TYPE_CHECKING, NamedTuple

from services.core import protojson
from services.core.errors import TooLarge
from services.gateway.export.collect import Exporter, Page
from services.gateway.export.table import HEADINGS, Row, row

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell

MOST_ROWS = 100_000
"""Rows of a workbook; a spreadsheet program cannot be asked to open more."""
CHUNK = 256 * 1024

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Pages = AsyncIterator[Page]


class Format(NamedTuple):
    """How an export is written."""

    media_type: str
    write: Callable[[Exporter, Pages], AsyncIterator[bytes]]


async def jsonl(exporter: Exporter, pages: Pages) -> AsyncIterator[bytes]:
    """One article a line as the API gives it, with its whole text: the internal record, not to be passed on."""
    async for page in pages:
        whole = await exporter.whole(page.articles)
        yield "".join(f"{protojson.to_json(article)}\n" for article in whole).encode()


async def csv_file(exporter: Exporter, pages: Pages) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark, by which spreadsheet programs know it; no cell is read as a formula."""
    titles = await exporter.source_titles()
    yield b"\xef\xbb\xbf" + lines([HEADINGS])
    async for page in pages:
        yield lines(row(article, titles) for article in page.articles)


async def xlsx(exporter: Exporter, pages: Pages) -> AsyncIterator[bytes]:
    """A workbook whose cells are all text.

    Raises:
        TooLarge: there are more articles than a workbook should have rows.
    """
    titles = await exporter.source_titles()
    with _Workbook() as workbook:
        async for page in pages:
            if page.total > MOST_ROWS:
                raise TooLarge(
                    f"Có {page.total} bài, tệp XLSX nhận nhiều nhất {MOST_ROWS}; hãy thu hẹp bộ lọc hoặc chọn CSV.",
                    f"There are {page.total} articles, XLSX takes {MOST_ROWS}; narrow the filter or choose CSV.",
                )
            await asyncio.to_thread(workbook.add, [row(article, titles) for article in page.articles])
        file = await asyncio.to_thread(workbook.save)
        while part := await asyncio.to_thread(file.read, CHUNK):
            yield part


FORMATS: dict[str, Format] = {
    "jsonl": Format("application/x-ndjson", jsonl),
    "csv": Format("text/csv; charset=utf-8", csv_file),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx),
}
"""Formats by the ending of a file's name."""


def harmless(cell: str) -> str:
    """A cell of a CSV file that no spreadsheet program takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def lines(rows: Iterable[Row]) -> bytes:
    """Rows as CSV; no cell is read as a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([harmless(cell) for cell in cells] for cells in rows)
    return text.getvalue().encode()


class _Workbook:
    """A workbook that is written row by row into a file of its own."""

    def __init__(self) -> None:
        from openpyxl import Workbook

        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Tin bài")
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)
        self._saved = False
        self._sheet.freeze_panes = "A2"
        self.add([HEADINGS])

    def __enter__(self) -> _Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._saved:
            self.save()  # what openpyxl itself wrote on the side is only removed by this
        self._file.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for cells in rows:
            self._sheet.append([self._text(cell) for cell in cells])

    def save(self) -> IO[bytes]:
        """The finished file, from its start."""
        self._saved = True
        self._book.save(self._file)
        self._file.seek(0)
        return self._file

    def _text(self, value: str) -> WriteOnlyCell:
        """A cell that is text, also where it looks like a number, a date or a formula."""
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        cell = WriteOnlyCell(self._sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"
        cell.number_format = "@"
        return cell
