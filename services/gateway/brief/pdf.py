"""A brief as PDF, A4, its font embedded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from services.gateway.brief import charts, lines
from services.gateway.brief.collect import Brief

FAMILY = "DejaVu"
"""A free font with all Vietnamese letters; it comes with matplotlib."""


class _Page(FPDF):
    """A page with its number at the foot."""

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(FAMILY, size=8)
        self.cell(0, 8, f"{self.page_no()}/{{nb}}", align="C")


def write(brief: Brief) -> bytes:
    """The document."""
    pdf = _Page(format="A4")
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(FAMILY, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(FAMILY, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.set_margins(20, 18, 15)
    pdf.set_title(lines.heading(brief))
    pdf.set_lang("vi")
    pdf.add_page()
    _text(pdf, lines.heading(brief), size=16, style="B")
    _text(pdf, lines.prepared(brief), size=9)
    _table(
        pdf, [name for name, _ in lines.summary(brief)], [[lines.number(value) for _, value in lines.summary(brief)]]
    )
    for chart in (charts.days(brief), charts.topics(brief)):
        pdf.image(io.BytesIO(chart), w=pdf.epw, alt_text="Biểu đồ")
    for code, stories in brief.topics.items():
        _heading(pdf, f"{lines.topic(code)} ({len(stories)})")
        for number, story in enumerate(stories, 1):
            _text(pdf, f"{number}. {lines.headline(story.article)}", style="B")
            _text(pdf, lines.story(brief, story), size=8.5)
            if story.article.url:
                pdf.set_text_color(31, 95, 168)
                _text(pdf, story.article.url, size=8.5, link=story.article.url)
                pdf.set_text_color(0)
            pdf.ln(1.5)
    _heading(pdf, "Theo xã")
    _table(pdf, lines.COMMUNE_COLUMNS, [lines.commune(row) for row in brief.situation.areas])
    _section(pdf, "Cảnh báo", [lines.alert(raised) for raised in brief.alerts])
    _section(pdf, "Dữ liệu đất đai nhập trong ngày", [lines.imported(import_) for import_ in brief.imports])
    _section(pdf, "Lỗi phát hiện", [lines.found(finding) for finding in brief.findings])
    pdf.ln(3)
    _text(pdf, lines.NOTE, size=8.5)
    return bytes(pdf.output())


def _section(pdf: FPDF, title: str, texts: Sequence[str]) -> None:
    if texts:
        _heading(pdf, title)
        for text in texts:
            _text(pdf, f"• {text}", size=9)


def _heading(pdf: FPDF, text: str) -> None:
    pdf.ln(3)
    _text(pdf, text, size=12, style="B")


def _text(pdf: FPDF, text: str, size: float = 10, style: str = "", link: str = "") -> None:
    pdf.set_font(FAMILY, style, size)
    pdf.multi_cell(
        0,
        size * 0.5,
        text,
        align="L",
        link=link,
        new_x=XPos.LMARGIN,
        new_y=YPos.NEXT,
        wrapmode=WrapMode.CHAR if link else WrapMode.WORD,
    )


def _table(pdf: FPDF, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    pdf.set_font(FAMILY, size=8)
    first = 2.2 if len(rows) > 1 else 1.0
    widths = (first, *(1.0 for _ in header[1:]))
    aligns = ("LEFT" if len(rows) > 1 else "RIGHT", *("RIGHT" for _ in header[1:]))
    with pdf.table(col_widths=widths, text_align=aligns, line_height=5) as table:
        for row in (header, *rows):
            table.row(list(row))
    pdf.ln(2)
