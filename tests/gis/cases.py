"""The cases of the rules: one TOML file a rule in tests/cases/rules, read the same way for all."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis import crs
from gis.model import Context, Finding, Note, ParcelTable, Severity

FOLDER = Path(__file__).parents[1] / "cases" / "rules"
COLUMNS = {"commune": "", "sheet": "", "number": "", "land_use_code": "", "declared_area_m2": np.nan, "scale": 0}


@dataclass(frozen=True)
class Case:
    """A sheet, and what exactly the rules must say about it."""

    rule: str
    name: str
    table: ParcelTable
    context: Context
    finds: list[dict[str, Any]]


def all_cases() -> list[Case]:
    return [case for file in sorted(FOLDER.glob("*.toml")) for case in _read(file)]


def outline(finding: Finding, keys: set[str]) -> dict[str, Any]:
    """The parts of a finding that a case states."""
    full: dict[str, Any] = {
        "severity": finding.severity.name,
        "record": finding.record,
        "related": list(finding.related),
        "measured": finding.measured,
        "threshold": finding.threshold,
        "at": None if finding.location is None else list(shapely.centroid(finding.location).coords[0]),
        **finding.details,
    }
    return {key: full.get(key) for key in keys}


def _read(file: Path) -> list[Case]:
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return [_case(file.stem, case) for case in content["case"]]


def _case(rule: str, case: dict[str, Any]) -> Case:
    records = case.get("record", [])
    geometry = [shapely.from_wkt(record["wkt"]) if record.get("wkt") else None for record in records]
    columns = {
        name: [record.get(name, case.get(name, default)) for record in records]
        for name, default in COLUMNS.items()
        if name in case or any(name in record for record in records)
    }
    table = ParcelTable.from_geometry(geometry, **columns)
    for name in {name for record in records for name in record.get("attributes", {})}:
        values = [record.get("attributes", {}).get(name, "") for record in records]
        table.attributes[name] = np.array(values, dtype=object)  # type: ignore[index]
    return Case(rule, case["name"], table, _context(case, table), case.get("finds", []))


def _context(case: dict[str, Any], table: ParcelTable) -> Context:
    given = case.get("crs")
    resolved = crs.resolve(shapely.get_coordinates(table.geometry), **given) if given is not None else None
    day = case.get("as_of")
    assert day is None or isinstance(day, date)
    return Context(
        epsg=resolved.plane if resolved else 0,
        crs=resolved,
        as_of=day,
        commune=case.get("sheet_commune", ""),
        scale=case.get("sheet_scale", 0),
        foreign=resolved.foreign if resolved else case.get("foreign", False),
        tolerances=case.get("tolerances", {}),
        z_dropped=case.get("z_dropped", False),
        notes=tuple(_note(note) for note in case.get("note", [])),
    )


def _note(note: dict[str, Any]) -> Note:
    severity = note.pop("severity", None)
    return Note(**note, severity=Severity[severity] if severity else None)
