"""A report as one HTML page to read and to print on A4: no script, no font, nothing from outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import shapely
from ngoclinh.land.v1.parcel_pb2 import ImportState

from gis.crs import title
from services.core.areas import register
from services.core.vietnamese import strip_controls
from services.gateway.reports.model import SEVERITIES, Report
from services.gateway.reports.table import ORIGINS, clean

if TYPE_CHECKING:
    from jinja2 import Template

MOST_FINDINGS = 1000
"""Findings that the page lists; the other formats hold all."""

MOST_SHAPES = 4000
"""Parcels that the map draws: those with findings go first."""

MOST_MARKS = 200
"""Findings that carry a number on the map."""

MAP_WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 720.0, 220.0, 640.0
"""Size of the map in the units of the page; on A4 it is as wide as the text."""

LEAST_ROOM = 22.0
"""Width of a parcel on the map from which its number is written into it."""

_MARGIN = 0.03
_CLASSES = {3: "error", 2: "warning", 1: "info", 0: "clean"}


@dataclass(frozen=True)
class _Line:
    """A finding as the page lists it."""

    number: int
    severity: str
    kind: str
    code: str
    rule: str
    parcel: str
    words: str
    north: str
    east: str


@dataclass(frozen=True)
class _Outline:
    """A parcel or a face on the map: an SVG path and its class."""

    path: str
    kind: str


@dataclass(frozen=True)
class _Name:
    """The number of a parcel on the map."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class _Mark:
    """The number of a finding on the map."""

    x: float
    y: float
    number: int
    kind: str


def write(report: Report) -> bytes:
    """The page."""
    lines = [_line(report, row) for row in range(min(len(report.findings), MOST_FINDINGS))]
    done = report.done
    page = _template().render(
        done=done,
        file=strip_controls(done.file_name),
        commune=_commune(done.options.commune),
        problem=strip_controls(done.problem.vi) if done.HasField("problem") else "",
        rejected=done.state == ImportState.IMPORT_STATE_REJECTED,
        system=title(report.epsg) if report.epsg else "chưa xác định",
        origin=ORIGINS.get(done.coordinate_system_origin, ""),
        made=report.made,
        lines=lines,
        hidden=len(report.findings) - len(lines),
        left_out=report.left_out,
        assumed=report.assumed,
        owner_columns=strip_controls(", ".join(done.owner_columns)),
        map=_map(report),
        width=MAP_WIDTH,
    )
    return page.encode()


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("services.gateway.reports").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _commune(name: str) -> str:
    """A commune as people name it, with its code; a name that the register does not know stays as it is."""
    unit = register().get(name) if name.startswith("areas/") else None
    return f"{unit.title} ({unit.code}, {unit.edition})" if unit else strip_controls(name)


def _line(report: Report, row: int) -> _Line:
    finding, point = report.findings[row], report.points[row]
    return _Line(
        number=row + 1,
        severity=SEVERITIES.get(finding.severity, ""),
        kind=_CLASSES[finding.severity],
        code=finding.rule_code,
        rule=report.rules.get(finding.rule, ""),
        parcel=clean(report.label(finding.record)),
        words=" ".join(clean(finding.message.vi).split()),
        north="" if point is None else metres(point.y),
        east="" if point is None else metres(point.x),
    )


def metres(value: float) -> str:
    """A coordinate as Vietnamese papers print it. Example: ``1 677 297,17``; degrees keep six decimals."""
    digits = 6 if abs(value) <= 360 else 2
    return f"{value:,.{digits}f}".replace(",", "\u00a0").replace(".", ",")


@dataclass(frozen=True)
class _Map:
    """The map: its height, what it draws, and the length and words of its scale bar."""

    height: float
    outlines: list[_Outline]
    names: list[_Name]
    marks: list[_Mark]
    scale: tuple[float, str] | None


class _Frame:
    """Where a place in metres lies on the map.

    Args:
        shapes: what the map shows.
    """

    def __init__(self, shapes: list[shapely.Geometry]) -> None:
        west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
        wide, high = max(east - west, 1e-9) * (1 + 2 * _MARGIN), max(north - south, 1e-9) * (1 + 2 * _MARGIN)
        self.height = round(min(max(high / wide * MAP_WIDTH, LEAST_HEIGHT), MOST_HEIGHT))
        self.unit = max(wide / MAP_WIDTH, high / self.height)
        self.metric = east > 360
        self._left = (west + east - MAP_WIDTH * self.unit) / 2
        self._top = (south + north + self.height * self.unit) / 2

    def place(self, shape: shapely.Geometry) -> shapely.Geometry:
        """A shape in units of the map, y downwards."""
        return shapely.transform(
            shape, lambda xy: np.column_stack([(xy[:, 0] - self._left) / self.unit, (self._top - xy[:, 1]) / self.unit])
        )


def _map(report: Report) -> _Map | None:
    """The map; None where there is nothing to draw."""
    worst = report.worst()
    drawn = [row for row, shape in enumerate(report.shapes) if shape is not None]
    drawn.sort(key=lambda row: -worst.get(report.parcels[row].record, 0))
    drawn = drawn[:MOST_SHAPES]
    shown = [report.shapes[row] for row in drawn] + [face for face in report.faces if face is not None]
    if not shown:
        return None
    frame = _Frame(shown)
    outlines, names = [], []
    for row in reversed(drawn):
        shape, parcel = frame.place(report.shapes[row]), report.parcels[row]
        outlines.append(_Outline(_path(shape), _CLASSES[worst.get(parcel.record, 0)]))
        west, south, east, north = shapely.bounds(shape).tolist()
        if east - west > LEAST_ROOM and north - south > LEAST_ROOM and parcel.number:
            names.append(_Name(round((west + east) / 2, 1), round(south + 13, 1), clean(parcel.number)[:12]))
    marks: list[_Mark] = []
    for row, finding in enumerate(report.findings[:MOST_FINDINGS]):
        face, point, kind = report.faces[row], report.points[row], _CLASSES[finding.severity]
        if face is not None and shapely.get_dimensions(face):
            outlines.append(_Outline(_path(frame.place(face)), f"face {kind}"))
        if point is not None and len(marks) < MOST_MARKS:
            spot = frame.place(point)
            marks.append(_Mark(round(spot.x, 1), round(spot.y, 1), row + 1, kind))
    return _Map(frame.height, outlines, names, marks, _scale_bar(frame.unit) if frame.metric else None)


def _path(shape: shapely.Geometry) -> str:
    """The lines of a shape as SVG commands, to a tenth of a unit."""
    commands = []
    for part in shapely.get_parts(shape):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for ring in rings:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring).tolist())
            commands.append(f"M{points}" + ("Z" if part.geom_type == "Polygon" else ""))
    return "".join(commands)


def _scale_bar(unit: float) -> tuple[float, str]:
    """A bar of a round length, at most a quarter of the map: its length in units of the page, and its words."""
    most = MAP_WIDTH * unit / 4
    power = 10.0 ** np.floor(np.log10(most))
    length = float(max(factor * power for factor in (1, 2, 5) if factor * power <= most))
    words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return round(length / unit, 1), words.replace(".", ",")
