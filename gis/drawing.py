"""Drawings → parcels: boundaries on their levels become polygons, labels are placed by the polygon they lie in.

Levels: phụ lục 21 of Thông tư 26/2024/TT-BTNMT as amended (read in public transcriptions).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import shapely

from gis.layer import Layer
from gis.model import Geometries, Note
from services.core.errors import TooLarge, UnreadableFile

BOUNDARIES = frozenset({10, 21, 23, 31, 32, 38, 61})
"""Levels whose lines bound parcels: surveyed boundary, rail, road, bank, canal, dyke, legal boundary."""

LAND_LEVELS, AREA_LEVEL, NUMBER_LEVEL = frozenset({2, 29}), 4, 13

PAIRS_A_LINE, FREE_PAIRS, MOST_PAIRS = 30, 200_000, 3_000_000
"""Boundary lines whose boxes touch, for each line (a map has about 6), up to so many in all; where there are more, lines
cross without end, and cutting them at their crossings takes too long."""

MOST_LINES = 1_000_000

_JOINED = re.compile(
    r"(?:(?P<land>\d?[A-ZĐ]{1,3}(?:\+[A-Z]{2,3})*)\s*)?(?P<number>\d+[a-z]?(?:-\d+)?)\s*/\s*(?P<area>\d+(?:[.,]\d+)?)"
)
_NUMBER = re.compile(r"\d+[a-z]?(?:-\d+)?")
_AREA = re.compile(r"\d+[.,]\d+")
_LAND = re.compile(r"[A-ZĐ]{3}(?:\+[A-Z]{3})*|[12]?L|T|ĐM|LN")
_SHEET = re.compile(r"(?i)(?:tờ|mảnh)(?:\s+bản\s+đồ)?(?:\s+địa\s+chính)?\s+số\s*:?\s*(\d{1,4})\b")
_ROUNDING_M2 = 0.05


class Stroke(NamedTuple):
    """A line of a drawing: its level (-1 where it has none) and its vertices, shape (n, 2)."""

    level: int
    points: Sequence[tuple[float, float]]


class Label(NamedTuple):
    """A text of a drawing: its level (-1 where it has none), where it stands, and what it says."""

    level: int
    point: tuple[float, float]
    text: str


@dataclass
class _Said:
    """What the labels in a polygon say."""

    numbers: list[str] = field(default_factory=list)
    land: str = ""
    area: str = ""


def assemble(name: str, strokes: Sequence[Stroke], labels: Sequence[Label], notes: Iterable[Note] = ()) -> Layer:
    """The parcels of a drawing.

    Where lines lie on boundary levels, only those bound parcels; in a drawing without levels all lines do. Closed shapes
    stay as they are drawn where the drawing has nothing else; else lines are cut at their crossings and closed faces
    become parcels.

    Args:
        name: name of the layer.
        strokes: the lines.
        labels: the texts, in Unicode.
        notes: what was seen while the drawing was read.

    Raises:
        UnreadableFile: no closed boundary.
        TooLarge: too many lines, or lines that all cross each other.
    """
    on_levels = [one for one in strokes if one.level in BOUNDARIES]
    polygons = _polygons([one for one in (on_levels or strokes) if len(one.points) > 1])
    if not len(polygons):
        raise UnreadableFile(
            f"Bản vẽ không có ranh giới khép kín nào ({len(strokes)} đường); ranh giới thửa cần nằm ở các lớp"
            f" {', '.join(map(str, sorted(BOUNDARIES)))}.",
            f"The drawing has no closed boundary ({len(strokes)} lines); boundaries belong on the levels"
            f" {', '.join(map(str, sorted(BOUNDARIES)))}.",
            {"kind": "DGN/DXF"},
        )
    said, outside = _placed(polygons, labels)
    sheet = next((match[1] for one in labels if (match := _SHEET.search(one.text))), "")
    fields: dict[str, list[str]] = {
        "so_to": [sheet] * len(polygons),
        "so_thua": [one.numbers[0] if one.numbers else "" for one in said],
        "loai_dat": [one.land for one in said],
        "dien_tich_nhan": [one.area for one in said],
    }
    told = [*notes, *_label_notes(polygons, said, outside), *_area_notes(polygons, said)]
    given = {key: values for key, values in fields.items() if any(values)}
    return Layer(name, [bytes(blob) for blob in shapely.to_wkb(polygons)], given, "", notes=tuple(told))


def _polygons(strokes: list[Stroke]) -> Geometries:
    """The closed faces that lines bound, in a lasting order: from the north, then from the west."""
    if len(strokes) > MOST_LINES:
        raise TooLarge(
            f"Bản vẽ có hơn {MOST_LINES} đường.",
            f"The drawing has more than {MOST_LINES} lines.",
            {"limit": str(MOST_LINES)},
        )
    lines = np.array([shapely.LineString(one.points) for one in strokes], dtype=object)
    lines = lines[np.isfinite(shapely.bounds(lines)).all(axis=1)] if len(lines) else lines
    closed = shapely.is_closed(lines) & (shapely.get_num_coordinates(lines) > 3)
    if len(lines) and closed.all():
        faces = shapely.polygons([shapely.linearrings(shapely.get_coordinates(line)) for line in lines])
        return np.array(faces, dtype=object)
    _require_order(lines)
    collected = shapely.polygonize([shapely.union_all(lines)])
    faces = np.array(shapely.get_parts(collected), dtype=object)
    middle = shapely.get_coordinates(shapely.point_on_surface(faces)) if len(faces) else np.zeros((0, 2))
    return faces[np.lexsort((middle[:, 0], -middle[:, 1]))]


def _require_order(lines: Geometries) -> None:
    """Refuse lines that all cross each other: cutting them takes time that grows with the square of their number."""
    tree = shapely.STRtree(lines)
    allowed = min(max(PAIRS_A_LINE * len(lines), FREE_PAIRS), MOST_PAIRS)
    pairs = 0
    for start in range(0, len(lines), 1000):
        pairs += tree.query(lines[start : start + 1000]).shape[1]
        if pairs > allowed:
            raise TooLarge(
                "Các đường ranh giới trong bản vẽ chồng chéo quá nhiều, không tạo vùng được.",
                "The boundary lines of the drawing cross each other too often to make areas of them.",
            )


def _placed(polygons: Geometries, labels: Sequence[Label]) -> tuple[list[_Said], list[Label]]:
    """What the labels in each polygon say, and the labels with a parcel number that lie in none.

    A label in several polygons belongs to the smallest.
    """
    said = [_Said() for _ in polygons]
    outside: list[Label] = []
    read = [(one, part) for one in labels for part in _read(one)]
    if not read:
        return said, outside
    points = shapely.points([one.point for one, _ in read])
    areas = shapely.area(polygons)
    home = np.full(len(read), -1)
    which, where = shapely.STRtree(polygons).query(points, predicate="intersects")
    for label, polygon in zip(which.tolist(), where.tolist(), strict=True):
        if home[label] < 0 or areas[polygon] < areas[home[label]]:
            home[label] = polygon
    for (label, part), polygon in zip(read, home.tolist(), strict=True):
        if polygon < 0:
            outside += [label] * bool(part.numbers)
            continue
        known = said[polygon]
        known.numbers += [number for number in part.numbers if number not in known.numbers]
        known.land, known.area = known.land or part.land, known.area or part.area
    return said, outside


def _read(label: Label) -> list[_Said]:
    """What a label says of a parcel: each line for itself, by its level, else by its form."""
    found = []
    for line in label.text.splitlines():
        text = line.strip()
        if match := _JOINED.fullmatch(text):
            found.append(_Said([match["number"]], match["land"] or "", match["area"]))
        elif label.level == AREA_LEVEL and re.fullmatch(r"\d+(?:[.,]\d+)?", text):
            found.append(_Said(area=text))
        elif label.level in LAND_LEVELS and text:
            found.append(_Said(land=text))
        elif label.level in (NUMBER_LEVEL, -1) and _NUMBER.fullmatch(text):
            found.append(_Said([text]))
        elif _AREA.fullmatch(text) and label.level == -1:
            found.append(_Said(area=text))
        elif _LAND.fullmatch(text) and label.level == -1:
            found.append(_Said(land=text))
    return found


def _label_notes(polygons: Geometries, said: list[_Said], outside: list[Label]) -> Iterable[Note]:
    if not outside and not any(one.numbers for one in said):
        return
    for record, (polygon, one) in enumerate(zip(polygons, said, strict=True)):
        if not one.numbers:
            yield Note("label_missing", record, location=shapely.point_on_surface(polygon))
        elif len(one.numbers) > 1:
            details = {"case": "several", "numbers": ", ".join(one.numbers[:20])}
            yield Note("label_missing", record, location=shapely.point_on_surface(polygon), details=details)
    for label in outside:
        number = next(part.numbers[0] for part in _read(label) if part.numbers)
        yield Note("label_missing", location=shapely.Point(label.point), details={"case": "outside", "number": number})


def _area_notes(polygons: Geometries, said: list[_Said]) -> Iterable[Note]:
    for record, (area, one) in enumerate(zip(shapely.area(polygons).tolist(), said, strict=True)):
        if not one.area:
            continue
        label = float(one.area.replace(",", "."))
        digits = len(re.sub(r"^\d+[.,]?", "", one.area))
        allowed = _ROUNDING_M2 + 0.5 * 10.0**-digits
        if abs(label - area) > allowed + 1e-9:
            yield Note(
                "area_label_differs",
                record,
                measured=abs(label - area),
                threshold=allowed,
                details={"declared_area_m2": str(label), "computed_area_m2": str(area)},
            )
