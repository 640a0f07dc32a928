"""Reading DGN V7 (MicroStation): lines and texts with their levels, and whether the file ends where it should."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gis import encoding
from gis.drawing import Label, Stroke, assemble
from gis.layer import Layer
from gis.model import Note, Severity
from services.core.errors import TooLarge, UnreadableFile

MOST_ELEMENTS = 400_000
"""A sheet has some ten thousand."""

_HEAD = 4
_TYPE = 0x7F
"""Bits of the second byte that hold the type of an element; there is no type 0."""

_END = b"\xff\xff"
_BLOCK = 512
"""Programs fill files up to a multiple of it."""

_ARC_STEPS = 32


class Walk(NamedTuple):
    """How far the elements of a file go.

    Attributes:
        elements: whole elements.
        end: offset behind the last one.
        whole: whether the file ends there as it should.
    """

    elements: int
    end: int
    whole: bool


def read(path: Path) -> Layer:
    """The parcels of a drawing. A file that ends before its end is read as far as it goes, and a note says so.

    Raises:
        UnreadableFile: damaged, three-dimensional, or without a closed boundary.
        TooLarge: too many elements.
    """
    import ezdgn

    content = path.read_bytes()
    way = walk(content)
    try:
        drawing = ezdgn.read(content[: way.end] + _END, max_file_size=len(content) + 2, max_records=MOST_ELEMENTS)
    except ezdgn.DgnLimitError as error:
        raise TooLarge(f"Tệp DGN quá lớn: {error}.", f"The DGN file is too large: {error}.") from error
    except (ezdgn.DgnError, ValueError, OverflowError) as error:
        raise UnreadableFile(
            f"Không đọc được tệp DGN V7: {str(error)[:200]}. Hãy xuất lại dạng V7 hai chiều (2D).",
            f"The DGN V7 file cannot be read: {str(error)[:200]}. Export it again as two-dimensional V7.",
            {"kind": "DGN"},
        ) from error
    notes = []
    if not way.whole or len(drawing.raw_scan.records) != way.elements:
        details = {"case": "cut", "count": str(way.elements), "number": str(way.end)}
        notes.append(Note("label_missing", severity=Severity.WARNING, details=details))
    return assemble(path.stem, list(_strokes(drawing)), _unicode(list(_labels(drawing))), notes)


def walk(content: bytes) -> Walk:
    """Go from element to element by the lengths in their headers, as far as they make sense."""
    offset = count = 0
    size = len(content)
    while offset + _HEAD <= size and content[offset : offset + 2] != _END:
        following = offset + _HEAD + 2 * int.from_bytes(content[offset + 2 : offset + 4], "little")
        if following > size or not content[offset + 1] & _TYPE:
            return Walk(count, offset, whole=False)
        offset, count = following, count + 1
        if count > MOST_ELEMENTS:
            raise TooLarge(
                f"Tệp DGN có hơn {MOST_ELEMENTS} đối tượng.", f"The DGN file has over {MOST_ELEMENTS} elements."
            )
    rest = content[offset + 2 :]
    ended = content[offset : offset + 2] == _END
    return Walk(count, offset, whole=ended and (len(rest) <= 2 * _BLOCK or not rest.strip(b"\0")))


def _strokes(drawing: Any) -> Iterator[Stroke]:
    """Lines of the drawing; the parts of a chain come as one, at the level of the chain."""
    for element in drawing.entities:
        if element.record.deleted:
            continue
        parts = [element, *drawing.descendants(element)] if element.has_children else [element]
        pieces = [points for part in parts if (points := _points(part))]
        if element.kind in ("COMPLEX_CHAIN", "COMPLEX_SHAPE"):
            joined = _joined(pieces)
            if element.kind == "COMPLEX_SHAPE" and joined and joined[0] != joined[-1]:
                joined.append(joined[0])
            pieces = [joined]
            yield from (Stroke(element.level, points) for points in pieces if len(points) > 1)
            continue
        levels = [part.level for part in parts if _points(part)]
        yield from (Stroke(level, points) for level, points in zip(levels, pieces, strict=True))


def _points(element: Any) -> list[tuple[float, float]]:
    """Vertices of a line in master units; empty for what is no line."""
    kind = element.kind
    if kind == "LINE" and element.start_master:
        return [tuple(element.start_master), tuple(element.end_master)]
    if kind in ("LINE_STRING", "SHAPE", "CURVE") and element.vertices_master:
        points = [(x, y) for x, y in element.vertices_master]
        if kind == "SHAPE" and points[0] != points[-1]:
            points.append(points[0])
        return points
    if kind == "ARC" and element.center_master and element.primary_axis_master:
        return _arc(element)
    return []


def _arc(arc: Any) -> list[tuple[float, float]]:
    (x, y), turn = arc.center_master, math.radians(arc.rotation_degrees)
    points = []
    for step in range(_ARC_STEPS + 1):
        angle = math.radians(arc.start_angle_degrees + arc.sweep_angle_degrees * step / _ARC_STEPS)
        along, across = arc.primary_axis_master * math.cos(angle), arc.secondary_axis_master * math.sin(angle)
        points.append(
            (x + along * math.cos(turn) - across * math.sin(turn), y + along * math.sin(turn) + across * math.cos(turn))
        )
    return points


def _joined(pieces: Sequence[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for piece in pieces:
        points += piece[1:] if points and points[-1] == piece[0] else piece
    return points


def _labels(drawing: Any) -> Iterator[Label]:
    """Texts of the drawing; the lines of a text node come as one."""
    for element in drawing.elements:
        if element.record.deleted:
            continue
        if element.kind == "TEXT_NODE" and element.origin_master:
            lines = [part.text_bytes.decode("latin-1") for part in drawing.children(element) if part.kind == "TEXT"]
            yield Label(element.level, tuple(element.origin_master), "\n".join(lines))
        elif element.kind == "TEXT" and element.origin_master and not _in_node(drawing, element):
            yield Label(element.level, tuple(element.origin_master), element.text_bytes.decode("latin-1"))


def _in_node(drawing: Any, element: Any) -> bool:
    parent = drawing.parent(element)
    return parent is not None and parent.kind == "TEXT_NODE"


def _unicode(labels: list[Label]) -> list[Label]:
    """The labels in Unicode; those of a level decide together."""
    texts = [one.text.strip("\0 ") for one in labels]
    for level in {one.level for one in labels}:
        rows = [row for row, one in enumerate(labels) if one.level == level]
        for done in encoding.repair_column([texts[row] for row in rows], str(level)):
            for record in done.records:
                texts[rows[record]] = done.after
    return [one._replace(text=text) for one, text in zip(labels, texts, strict=True)]
