"""Reading ASCII DXF with GDAL: lines and texts with their levels, told from the names of layers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import shapely

from gis import encoding, ogr
from gis.drawing import Label, Stroke, assemble
from gis.dxf_blocks import expanded
from gis.kinds import HEAD, Kind
from gis.layer import Layer
from services.core.errors import TooLarge, UnreadableFile

MOST_ENTITIES = 1_000_000

_LEVEL = re.compile(r"(?i)(?:level|lv|lop|lớp|l)?[ _.-]*0*(\d{1,2})(?!\d)(?:[ _.-].*)?")
_END = b"EOF"
_VERSION = re.compile(rb"\$ACADVER\s+1\s+(AC10\d\d)")


def read(path: Path, max_rows: int) -> Layer:
    """The parcels of a drawing.

    Raises:
        UnreadableFile: cut short, damaged, or without a closed boundary.
        TooLarge: more than `max_rows` entities.
    """
    _require_end(path)
    if expanded(path) > min(max_rows, MOST_ENTITIES):
        raise TooLarge(
            f"Bản vẽ DXF có hơn {min(max_rows, MOST_ENTITIES)} đối tượng khi mở hết các khối (block).",
            f"The DXF drawing has more than {min(max_rows, MOST_ENTITIES)} entities with its blocks in their places.",
            {"limit": str(MOST_ENTITIES)},
        )
    entities = ogr.read(path, Kind.DXF, "entities", max_rows)
    shapes = shapely.from_wkb(np.array(list(entities.wkb), dtype=object), on_invalid="ignore")
    utf8 = _is_utf8(path)
    names = [encoding.repair(_decoded(name, utf8)) for name in entities.fields["Layer"]]
    texts = [_decoded(text, utf8).replace("\\P", "\n").strip() for text in entities.fields["Text"]]
    repaired = {record: one.after for one in encoding.repair_column(texts, "text") for record in one.records}
    strokes: list[Stroke] = []
    labels: list[Label] = []
    for row, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            continue
        level = _level(names[row])
        if shape.geom_type == "Point":
            if texts[row]:
                labels.append(Label(level, (shape.x, shape.y), repaired.get(row, texts[row])))
            continue
        for part in shapely.get_parts(shape):
            rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
            flat = (shapely.force_2d(ring) for ring in rings)
            strokes += [Stroke(level, shapely.get_coordinates(ring)) for ring in flat if ring.geom_type != "Point"]
    return assemble(path.stem, strokes, labels)


def _is_utf8(path: Path) -> bool:
    """Whether a file is of version AC1021 (2007) or later, whose text is UTF-8 whatever code page the header names."""
    with path.open("rb") as stream:
        version = _VERSION.search(stream.read(HEAD))
    return version is not None and version[1] >= b"AC1021"


def _decoded(text: object, utf8: bool) -> str:
    """A text of a file; GDAL takes those of later versions for Latin-1."""
    plain = str(text or "")
    if not utf8:
        return plain
    try:
        return plain.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return plain


def _level(name: str) -> int:
    """The number of a level in the name of a layer; -1 where there is none. Examples: ``10``, ``Level 13``, ``LV_04``."""
    match = _LEVEL.fullmatch(name)
    return int(match[1]) if match and int(match[1]) <= 63 else -1


def _require_end(path: Path) -> None:
    """A DXF file ends with EOF; GDAL reads one cut short as far as it goes, without a word."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - 200))
        tail = stream.read()
    if not tail.rstrip(b" \r\n\t\0\x1a").endswith(_END):
        raise UnreadableFile(
            f"Tệp DXF bị cụt: không có dòng kết thúc EOF ({size} byte).",
            f"The DXF file is cut short: it has no line EOF at its end ({size} bytes).",
            {"kind": "DXF"},
        )
