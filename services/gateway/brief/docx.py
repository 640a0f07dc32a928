"""A brief as DOCX, A4, that LibreOffice and Word open."""

from __future__ import annotations

import io
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from services.gateway.brief import charts, lines
from services.gateway.brief.collect import Brief

FONT = "Times New Roman"
"""The font of official Vietnamese documents (Nghị định 30/2020/NĐ-CP, Phụ lục I)."""
_LINK = RGBColor(0x1F, 0x5F, 0xA8)


def write(brief: Brief) -> bytes:
    """The document."""
    document = Document()
    _page(document)
    document.add_heading(lines.heading(brief), level=0)
    document.add_paragraph(lines.prepared(brief))
    _table(
        document,
        [name for name, _ in lines.summary(brief)],
        [[lines.number(value) for _, value in lines.summary(brief)]],
    )
    for chart in (charts.days(brief), charts.topics(brief)):
        document.add_picture(io.BytesIO(chart), width=Cm(16))
    for code, stories in brief.topics.items():
        document.add_heading(f"{lines.topic(code)} ({len(stories)})", level=1)
        for story in stories:
            paragraph = document.add_paragraph(style="List Number")
            paragraph.add_run(lines.headline(story.article)).bold = True
            paragraph.add_run(f"\n{lines.story(brief, story)}\n").font.size = Pt(10)
            if story.article.url:
                _link(paragraph, story.article.url)
    document.add_heading("Theo xã", level=1)
    _table(document, lines.COMMUNE_COLUMNS, [lines.commune(row) for row in brief.situation.areas])
    _section(document, "Cảnh báo", [lines.alert(raised) for raised in brief.alerts])
    _section(document, "Dữ liệu đất đai nhập trong ngày", [lines.imported(import_) for import_ in brief.imports])
    _section(document, "Lỗi phát hiện", [lines.found(finding) for finding in brief.findings])
    document.add_paragraph(lines.NOTE).runs[0].italic = True
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _page(document: Any) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = Cm(3), Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    for name in ("Normal", "Title", "Heading 1", "List Number", "List Bullet"):
        style = document.styles[name]
        style.font.name = FONT
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
            fonts.set(qn(attribute), FONT)
        for attribute in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(attribute), None)
    document.styles["Normal"].font.size = Pt(12)


def _section(document: Any, title: str, texts: list[str]) -> None:
    if texts:
        document.add_heading(title, level=1)
        for text in texts:
            document.add_paragraph(text, style="List Bullet")


def _table(document: Any, header: Any, rows: Any) -> None:
    table = document.add_table(rows=1, cols=len(header), style="Table Grid")
    for cell, text in zip(table.rows[0].cells, header, strict=True):
        cell.text = text
        cell.paragraphs[0].runs[0].bold = True
    for row in rows:
        for index, (cell, text) in enumerate(zip(table.add_row().cells, row, strict=True)):
            cell.text = text
            if index or len(rows) == 1:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph()


def _link(paragraph: Any, url: str) -> None:
    """A link that can be clicked: python-docx writes none by itself."""
    relation = paragraph.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), relation)
    run = paragraph.add_run(url)
    run.font.size = Pt(10)
    run.font.color.rgb = _LINK
    link.append(run._r)
    paragraph._p.append(link)
