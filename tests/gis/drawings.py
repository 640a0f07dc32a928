"""Drawings of parcels for tests: DGN V7 written by ezdgn, DXF written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import ezdgn
import shapely

from tests.gis import files, legacy

Line = tuple[int, Sequence[tuple[float, float]]]
Text = tuple[int, tuple[float, float], str]


def sheet(count: int = 3) -> tuple[list[Line], list[Text]]:
    """`files.squares` as a surveyor draws them: shared boundaries once, on levels 10 and 23, and labels."""
    squares = files.squares(count)
    whole = shapely.union_all(squares)
    left, bottom, right, top = whole.bounds
    lines: list[Line] = [
        (10, [(left, top), (left, bottom), (right, bottom), (right, top)]),
        (23, [(left, top), (right, top)]),
    ]
    texts: list[Text] = [(63, (left, top + 30), "TỜ BẢN ĐỒ SỐ: 3")]
    for number, square in enumerate(squares, start=1):
        west, south, east, north = square.bounds
        if number < count:
            lines.append((10, [(east, south), (east, north)]))
        x, y = west + 8, south + 8
        texts += [(13, (x, y), str(number)), (2, (x, y + 3), "ONT"), (4, (x, y - 3), "400.0")]
    return lines, texts


def dgn(path: Path, lines: Iterable[Line], texts: Iterable[Text]) -> Path:
    """A DGN V7 file; texts are written in TCVN3."""
    document = ezdgn.new()
    space = document.modelspace()
    for level, points in lines:
        space.add_line_string(points, dgnattribs={"level": level})
    for level, point, text in texts:
        written = legacy.tcvn3(text).encode("latin-1")
        space.add_text(written, point, height=1.0, dgnattribs={"level": level})
    document.saveas(path)
    return path


def dxf(
    path: Path, lines: Iterable[Line], texts: Iterable[Text], layer: str = "Level {}", version: str = "AC1021"
) -> Path:
    """An ASCII DXF file whose layers are named after levels; of before AC1021 its texts are in TCVN3."""
    codes: list[tuple[int, object]] = [(0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, version), (0, "ENDSEC")]
    codes += [(0, "SECTION"), (2, "ENTITIES")]
    for level, points in lines:
        codes += [(0, "LWPOLYLINE"), (8, layer.format(level)), (90, len(points)), (70, 0)]
        for x, y in points:
            codes += [(10, x), (20, y)]
    for level, (x, y), text in texts:
        codes += [(0, "TEXT"), (8, layer.format(level)), (10, x), (20, y), (40, 1.0), (1, text)]
    codes += [(0, "ENDSEC"), (0, "EOF")]
    content = "".join(f"{code:3d}\n{value}\n" for code, value in codes)
    old = version < "AC1021"
    path.write_bytes(legacy.tcvn3(content).encode("latin-1") if old else content.encode())
    return path
