"""Findings and rules for people and for maps: tables, GeoJSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import shapely
from ngoclinh.land.v1.parcel_pb2 import Finding, Rule, Severity, ValidationReport
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gis import crs
from services.core import protojson
from services.core.vietnamese import strip_controls

FILE_WIDTH = 160
"""Columns of a table that is written to a file."""

MOST_ROWS = 200
"""Findings that a table shows; JSON and GeoJSON hold all."""

DIGITS = 8
"""Decimals of a degree: about 1 mm."""

TEXTS: dict[str, dict[Any, Any]] = {
    "vi": {
        "columns": ("Mức", "Mã", "Thửa", "Nội dung"),
        "rules": ("Mã", "Mức", "Tên", "Hạn sai", "Căn cứ"),
        Severity.SEVERITY_ERROR: "LỖI",
        Severity.SEVERITY_WARNING: "CẢNH BÁO",
        Severity.SEVERITY_INFO: "thông tin",
        "summary": "{file}: {parcels} thửa, {crs} ({origin}); {errors} lỗi, {warnings} cảnh báo, {infos} thông tin.",
        "origins": {"file": "theo tệp", "user": "theo người dùng", "detected": "tự xác định"},
        "more": "… và {count} mục nữa; --format json cho tất cả.",
        "owners": "Cột về cá nhân {what}: {columns}.",
        True: "được lưu riêng (xem có ghi nhật ký)",
        False: "đã bỏ qua, không lưu giá trị nào",
    },
    "en": {
        "columns": ("Severity", "Code", "Parcel", "What"),
        "rules": ("Code", "Severity", "Title", "Limit", "Basis"),
        Severity.SEVERITY_ERROR: "ERROR",
        Severity.SEVERITY_WARNING: "WARNING",
        Severity.SEVERITY_INFO: "info",
        "summary": "{file}: {parcels} parcels, {crs} ({origin}); {errors} errors, {warnings} warnings, {infos} infos.",
        "origins": {"file": "as the file says", "user": "as the user says", "detected": "detected"},
        "more": "… and {count} more; --format json has all.",
        "owners": "Columns about persons {what}: {columns}.",
        True: "are kept apart (looks are audited)",
        False: "were left out, none of their values is kept",
    },
}
_STYLES = {Severity.SEVERITY_ERROR: "bold red", Severity.SEVERITY_WARNING: "yellow", Severity.SEVERITY_INFO: "dim"}
_GEOMETRIES = ("location_wkb", "location")


def table(report: ValidationReport, lang: str, width: int | None = None) -> str:
    """A report as a table with a line below that sums it up.

    Args:
        report: the report.
        lang: "vi" or "en".
        width: columns; None takes those of the terminal, with its colours.
    """
    texts = TEXTS[lang]
    console = Console(width=width, file=io.StringIO() if width else None, highlight=False)
    with console.capture() as captured:
        if report.findings:
            console.print(_grid(texts["columns"], (_row(one, lang) for one in report.findings[:MOST_ROWS])))
        if len(report.findings) > MOST_ROWS:
            console.print(Text(texts["more"].format(count=len(report.findings) - MOST_ROWS)))
        console.print(Text(_summary(report, texts)), soft_wrap=True)
    return captured.get().rstrip("\n")


def print_rules(rules: Iterable[Rule], lang: str) -> None:
    """Print the catalogue of rules."""
    texts = TEXTS[lang]
    rows = (
        (
            Text(rule.code),
            Text(texts[rule.severity], style=_STYLES[rule.severity]),
            Text(rule.title.vi if lang == "vi" else rule.title.en),
            Text(rule.tolerance),
            Text(rule.basis),
        )
        for rule in rules
    )
    Console(highlight=False).print(_grid(texts["rules"], rows))


def geojson(report: ValidationReport) -> str:
    """The findings as a GeoJSON FeatureCollection in WGS 84 (RFC 7946); null where a finding has no place."""
    places = _places(report)
    features = [_feature(finding, place) for finding, place in zip(report.findings, places, strict=True)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)


def _places(report: ValidationReport) -> Any:
    """Points and faces in WGS 84, from the coordinate system of the file."""
    places = shapely.from_wkb([finding.location_wkb or None for finding in report.findings], on_invalid="ignore")
    if not shapely.is_missing(places).all():
        places = crs.to_wgs84(places, crs.parse(report.crs))
    return places


def _feature(finding: Finding, place: shapely.Geometry | None) -> dict[str, Any]:
    properties = {key: value for key, value in protojson.to_dict(finding).items() if key not in _GEOMETRIES}
    geometry = None
    if place is not None and not place.is_empty:
        rounded = shapely.transform(place, lambda xy: xy.round(DIGITS))
        geometry = json.loads(shapely.to_geojson(rounded))
    return {"type": "Feature", "id": finding.name, "geometry": geometry, "properties": properties}


def _grid(columns: Iterable[str], rows: Iterable[Iterable[Text]]) -> Table:
    grid = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def _row(finding: Finding, lang: str) -> tuple[Text, ...]:
    words = finding.message.vi if lang == "vi" else finding.message.en
    named = finding.parcel.removeprefix("parcels/")
    record = f"#{finding.record + 1}" if finding.record >= 0 else ""
    parcel = record if named.startswith("unknown-unknown-") else named
    return (
        Text(TEXTS[lang][finding.severity], style=_STYLES[finding.severity]),
        Text(finding.rule_code),
        Text(strip_controls(parcel)),
        Text(" ".join(strip_controls(words).split())),
    )


def _summary(report: ValidationReport, texts: dict[Any, Any]) -> str:
    names = strip_controls(", ".join(report.owner_columns))
    owners = texts["owners"].format(columns=names, what=texts[report.owners_kept]) if names else ""
    summed: str = texts["summary"].format(
        file=strip_controls(report.file),
        parcels=report.parcel_count,
        crs=report.crs,
        origin=texts["origins"].get(report.crs_origin, report.crs_origin),
        errors=report.error_count,
        warnings=report.warning_count,
        infos=report.info_count,
    )
    return f"{summed}\n{owners}" if owners else summed
