"""What a file is, told from its first bytes; its name decides nothing."""

from __future__ import annotations

import re
from enum import StrEnum

from services.core.errors import RefusedFile, UnreadableFile

HEAD = 65_536
"""Bytes from the start of a file that are enough to tell its kind."""


class Kind(StrEnum):
    """The kinds of files that are read."""

    GEOPACKAGE = "GeoPackage"
    SHAPEFILE = "Shapefile"
    GEOJSON = "GeoJSON"
    GML = "GML"
    ZIP = "ZIP"


_MAGIC = (
    (b"SQLite format 3\0", Kind.GEOPACKAGE),
    (b"\x00\x00\x27\x0a", Kind.SHAPEFILE),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
)
_FOREIGN = (
    (b"AC10", "DWG (AutoCAD)"),
    (b"\x00\x01\x00\x00Standard", "Access (.mdb/.accdb)"),
    (b"\xd0\xcf\x11\xe0", "Excel/Word/DGN V8 (OLE)"),
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
_SUPPORTED = "GeoPackage, GeoJSON, Shapefile, GML, ZIP"
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
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFile(
                f"Đây là tệp {name}, loại này chưa đọc được; hãy xuất sang một trong các loại: {_SUPPORTED}.",
                f"This is a file of kind {name}, which is not read; export it as one of: {_SUPPORTED}.",
                {"kind": name},
            )
    text = _decode(head).lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return Kind.GEOJSON
    if text.startswith("<"):
        return _xml(text)
    raise UnreadableFile(
        f"Không nhận ra loại tệp từ nội dung của nó; các loại đọc được: {_SUPPORTED}.",
        f"The kind of the file cannot be told from its content; kinds that are read: {_SUPPORTED}.",
    )


def _decode(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


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
