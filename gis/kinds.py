"""What a file is, told from its first bytes; its name decides nothing."""

from __future__ import annotations

import re
from enum import StrEnum

from gis import cells
from services.core.errors import RefusedFile, UnreadableFile

HEAD = 65_536
"""Bytes from the start of a file that are enough to tell its kind."""


class Kind(StrEnum):
    """The kinds of files that are read."""

    GEOPACKAGE = "GeoPackage"
    SHAPEFILE = "Shapefile"
    GEOJSON = "GeoJSON"
    GML = "GML"
    XLSX = "XLSX"
    CSV = "CSV"
    DXF = "DXF"
    DGN = "DGN"
    ZIP = "ZIP"


_MAGIC = (
    (b"SQLite format 3\0", Kind.GEOPACKAGE),
    (b"\x00\x00\x27\x0a", Kind.SHAPEFILE),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
)
_FOREIGN = (
    (b"%PDF", "PDF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"fgb", "FlatGeobuf"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
_HOW_TO = (
    "Cách xuất: trang Trợ giúp của bảng điều khiển (/#/help/dwg) hoặc docs/huong-dan-dwg-mdb.md.",
    "How to export it: the dashboard's help page (/#/help/dwg) or docs/huong-dan-dwg-mdb.md.",
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DGN = re.compile(rb"[\x08\xc8]\x09\xfe\x02")
_DXF = re.compile(r"\s*(?:999\r?\n[^\r\n]*\r?\n\s*)*0\r?\n\s*SECTION\b")
_SUPPORTED = "GeoPackage, GeoJSON, Shapefile, GML, DXF, DGN V7, XLSX, CSV, ZIP"
_START_TAG = re.compile(r"<(?![?!])([^\s/>]+)")
_SKIPPED = re.compile(r"<\?.*?\?>|<!--.*?-->", re.DOTALL)


def sniff(head: bytes) -> Kind:
    """The kind of a file from its first `HEAD` bytes (fewer if it is shorter).

    Raises:
        RefusedFile: OGR-VRT, which makes the reader open other files, or XML with a document type.
        UnreadableFile: empty, or of a kind that is not read.
    """
    if not head:
        raise UnreadableFile("Tệp rỗng (0 byte).", "The file is empty (0 bytes).")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if _DGN.match(head):
        return Kind.DGN
    _refuse_programs(head)
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFile(
                f"Đây là tệp {name}, loại này chưa đọc được; hãy xuất sang một trong các loại: {_SUPPORTED}.",
                f"This is a file of kind {name}, which is not read; export it as one of: {_SUPPORTED}.",
                {"kind": name},
            )
    text = cells.decode(head).lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return Kind.GEOJSON
    if text.startswith("<"):
        return _xml(text)
    if _DXF.match(text):
        return Kind.DXF
    if cells.is_table(text):
        return Kind.CSV
    raise UnreadableFile(
        f"Không nhận ra loại tệp từ nội dung của nó; các loại đọc được: {_SUPPORTED}.",
        f"The kind of the file cannot be told from its content; kinds that are read: {_SUPPORTED}.",
    )


def _refuse_programs(head: bytes) -> None:
    """Files of CAD and office programs whose formats are not open: the message says how to export them.

    Raises:
        UnreadableFile: it is one.
    """
    if head.startswith(b"AC10"):
        raise _closed("DWG (AutoCAD)", "DXF", "DXF")
    if head.startswith(b"AutoCAD Binary DXF"):
        raise _closed("DXF nhị phân", "DXF dạng ASCII", "ASCII DXF")
    if head[4:15] in (b"Standard Je", b"Standard AC"):
        raise _closed("Access (.mdb/.accdb)", "Shapefile hoặc XLSX", "Shapefile or XLSX")
    if head.startswith(_OLE):
        if any(word.encode("utf-16-le") in head for word in ("Workbook", "Book\0")):
            raise _closed(
                "Excel 97–2003 (.xls)", "XLSX (Lưu thành… → Excel Workbook)", "XLSX (Save as → Excel Workbook)"
            )
        if "Dgn".encode("utf-16-le") in head:
            raise _closed("DGN V8 (MicroStation)", "DGN V7 hoặc DXF", "DGN V7 or DXF")
        raise _closed("Excel .xls / DGN V8 (OLE)", "XLSX, hoặc DGN V7/DXF", "XLSX, or DGN V7/DXF")


def _closed(name: str, vi: str, en: str) -> UnreadableFile:
    return UnreadableFile(
        f"Đây là tệp {name}, loại này không đọc được; hãy lưu thành {vi} rồi gửi lại. {_HOW_TO[0]}",
        f"This is a file of kind {name}, which is not read; save it as {en} and send that. {_HOW_TO[1]}",
        {"kind": name, "help": "dwg"},
    )


def _xml(text: str) -> Kind:
    body = _SKIPPED.sub("", text)
    if "<OGRVRT" in text or "<OGRVRT" in body:
        raise RefusedFile(
            "Tệp chứa OGR-VRT, loại tệp trỏ sang tệp khác trên máy chủ; hãy gửi chính tệp dữ liệu.",
            "The file holds OGR-VRT, which points at other files of the server; send the data file itself.",
            {"kind": "OGR-VRT"},
        )
    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise RefusedFile(
            "Tệp XML có khai báo DOCTYPE/ENTITY; tệp GML không cần và không được có.",
            "The XML file declares a DOCTYPE or ENTITY; a GML file needs none and may have none.",
            {"kind": "XML DOCTYPE"},
        )
    tag = _START_TAG.search(body)
    if tag and "http://www.opengis.net/gml" in body and tag[1].rpartition(":")[2] != "schema":
        return Kind.GML
    root = tag[1][:60] if tag else "?"
    raise UnreadableFile(
        f"Tệp XML này không phải GML (phần tử gốc <{root}>).",
        f"This XML file is no GML (root element <{root}>).",
        {"kind": "XML"},
    )
