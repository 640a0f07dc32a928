"""A report as XLSX and CSV. Codes stay as they are written, and no text is ever a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from services.gateway.export.formats import harmless
from services.gateway.reports import table
from services.gateway.reports.model import Report
from services.gateway.reports.table import Value

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell


def xlsx(report: Report) -> bytes:
    """A workbook of three sheets: summary, findings, parcels; texts such as 06978 and 25-1 are cells of type text."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for sheet in (table.summary(report), table.findings(report), table.parcels(report)):
        page = book.create_sheet(sheet.title)
        page.freeze_panes = "A2"
        for number, width in enumerate(sheet.widths, start=1):
            page.column_dimensions[_letter(number)].width = width
        heading = [_text(page, name) for name in sheet.headings]
        for cell in heading:
            cell.font = Font(bold=True)
        page.append(heading)
        rows = 1
        for row in sheet.rows:
            page.append([_text(page, value) if isinstance(value, str) else value for value in row])
            rows += 1
        page.auto_filter.ref = f"A1:{_letter(len(sheet.headings))}{rows}"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def csv_file(report: Report) -> bytes:
    """The findings, in UTF-8 with the byte order mark by which spreadsheet programs know it."""
    sheet = table.findings(report)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(sheet.headings)
    writer.writerows([_plain(value) for value in row] for row in sheet.rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def _plain(value: Value) -> str | float | int:
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else value


def _text(page: Any, value: str) -> WriteOnlyCell:
    """A cell that is text, also where it looks like a number, a date or a formula."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(page, ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(number))
