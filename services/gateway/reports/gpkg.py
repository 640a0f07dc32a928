"""A report as a GeoPackage that QGIS opens with styles: parcels, findings as points, findings as faces.

Standard: OGC 12-128r18, GeoPackage Encoding. Styles lie in the table `layer_styles`, from which QGIS takes the default of
each layer.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from services.gateway.reports import styles
from services.gateway.reports.model import SEVERITIES, Geometries, Report
from services.gateway.reports.table import MOST_ATTRIBUTES, clean

APPLICATION_ID = 0x47504B47
USER_VERSION = 10300

_SYSTEM = """
    CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
        organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
    CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
        description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE,
        max_y DOUBLE, srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
    CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents(table_name),
        column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
        srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL,
        PRIMARY KEY (table_name, column_name));
    CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT,
        f_table_schema TEXT, f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
        useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT, update_time DATETIME);
    INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', ''),
        ('Undefined geographic', 0, 'NONE', 0, 'undefined', '');
"""


@dataclass(frozen=True)
class _Layer:
    """A layer to write: its columns are pairs of name and SQL type."""

    name: str
    title: str
    geometry_type: str
    style: Callable[[], str]
    columns: Sequence[tuple[str, str]]
    shapes: Geometries
    rows: Iterator[Sequence[Any]]


def write(report: Report) -> bytes:
    """The file."""
    with sqlite3.connect(":memory:") as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {USER_VERSION}")
        db.executescript(_SYSTEM)
        srs = _reference_system(db, report.epsg)
        for layer in (_parcels(report), _faces(report), _points(report)):
            _write_layer(db, layer, srs, report.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
        db.commit()
        content = db.serialize()
    db.close()
    return content


def _parcels(report: Report) -> _Layer:
    worst = report.worst()
    names = sorted({name for parcel in report.parcels for name in parcel.attributes})[:MOST_ATTRIBUTES]
    columns = [
        ("ten", "TEXT"), ("xa", "TEXT"), ("so_to", "TEXT"), ("so_thua", "TEXT"), ("loai_dat", "TEXT"),
        ("dt_phap_ly", "DOUBLE"), ("dt_tinh_toan", "DOUBLE"), ("muc_do", "TEXT"), ("ban_ghi", "INTEGER"),
    ]  # fmt: skip
    taken = {"fid", "geom"} | {name for name, _ in columns}
    columns += [(_free(clean(name), taken), "TEXT") for name in names]
    rows = (
        (
            parcel.name,
            parcel.commune.rpartition("-")[2],
            clean(parcel.sheet),
            clean(parcel.number),
            clean(parcel.land_use_code),
            parcel.declared_area_m2 if parcel.HasField("declared_area_m2") else None,
            parcel.computed_area_m2,
            SEVERITIES.get(worst.get(parcel.record, 0), "Không có"),  # type: ignore[call-overload]
            parcel.record + 1,
            *(clean(parcel.attributes.get(name, "")) for name in names),
        )
        for parcel in report.parcels
    )
    return _Layer("thua_dat", "Thửa đất", "GEOMETRY", styles.parcels, columns, report.shapes, rows)


_FINDING_COLUMNS = [
    ("ma", "TEXT"), ("quy_tac", "TEXT"), ("muc_do", "TEXT"), ("thua", "TEXT"), ("noi_dung", "TEXT"),
    ("gia_tri_do", "DOUBLE"), ("han_sai", "DOUBLE"), ("don_vi", "TEXT"), ("thua_lien_quan", "TEXT"),
    ("ma_phat_hien", "TEXT"),
]  # fmt: skip


def _points(report: Report) -> _Layer:
    chosen = range(len(report.findings))
    rows = _finding_rows(report, chosen)
    return _Layer("phat_hien", "Phát hiện", "POINT", styles.points, _FINDING_COLUMNS, report.points, rows)


def _faces(report: Report) -> _Layer:
    flat = shapely.get_dimensions(report.faces) == 2
    chosen = np.flatnonzero(flat).tolist()
    rows = _finding_rows(report, chosen)
    return _Layer(
        "vung_phat_hien", "Vùng phát hiện", "GEOMETRY", styles.faces, _FINDING_COLUMNS, report.faces[flat], rows
    )


def _finding_rows(report: Report, chosen: Sequence[int]) -> Iterator[Sequence[Any]]:
    for finding in (report.findings[row] for row in chosen):
        yield (
            finding.rule_code,
            report.rules.get(finding.rule, finding.rule),
            SEVERITIES.get(finding.severity, ""),
            clean(report.label(finding.record)),
            clean(finding.message.vi),
            finding.measured_value if finding.HasField("measured_value") else None,
            finding.threshold_value if finding.HasField("threshold_value") else None,
            finding.unit_code,
            clean(", ".join(map(report.label, finding.related_records))),
            finding.name,
        )


def _write_layer(db: sqlite3.Connection, layer: _Layer, srs: int, now: str) -> None:
    declared = ", ".join(f"{_quoted(name)} {kind}" for name, kind in layer.columns)
    db.execute(f"CREATE TABLE {layer.name} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom BLOB, {declared})")
    marks = ", ".join("?" * (len(layer.columns) + 1))
    names = ", ".join(_quoted(name) for name, _ in layer.columns)
    blobs = (_blob(shape, srs) for shape in layer.shapes)
    insert = f"INSERT INTO {layer.name} (geom, {names}) VALUES ({marks})"  # noqa: S608  names of our own, quoted
    db.executemany(insert, ((blob, *row) for blob, row in zip(blobs, layer.rows, strict=True)))
    bounds = shapely.total_bounds(layer.shapes).tolist() if len(layer.shapes) else [np.nan] * 4
    extent = [None if np.isnan(value) else value for value in bounds]
    db.execute(
        "INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, ?)",
        (layer.name, layer.title, now, *extent, srs),
    )
    db.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", (layer.name, layer.geometry_type, srs)
    )
    db.execute(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,"
        " styleSLD, useAsDefault, description, owner, update_time) VALUES ('', '', ?, 'geom', ?, ?, '', 1, ?, '', ?)",
        (layer.name, layer.title, layer.style(), layer.title, now),
    )


def _reference_system(db: sqlite3.Connection, epsg: int) -> int:
    """Enter the coordinate system; returns its id, -1 where none is known."""
    if not epsg:
        return -1
    crs = CRS.from_epsg(epsg)
    row = (crs.name, epsg, "EPSG", epsg, crs.to_wkt("WKT1_GDAL"), "")
    db.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", row)
    if epsg != 4326:
        wgs84 = CRS.from_epsg(4326)
        db.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, 4326, 'EPSG', 4326, ?, '')",
            (wgs84.name, wgs84.to_wkt("WKT1_GDAL")),
        )
    return epsg


def _blob(shape: shapely.Geometry | None, srs: int) -> bytes | None:
    """A geometry as GeoPackageBinary (clause 2.1.3), with its envelope."""
    if shape is None:
        return None
    west, south, east, north = shapely.bounds(shape).tolist()
    head = b"GP\0\x03" + struct.pack("<i4d", srs, west, east, south, north)
    return head + bytes(shapely.to_wkb(shape, byte_order=1, output_dimension=2, flavor="iso"))


def _free(name: str, taken: set[str]) -> str:
    """A name of a column that no other column has, whatever its case."""
    chosen, number = name or "cot", 2
    while chosen.lower() in taken:
        chosen, number = f"{name}_{number}", number + 1
    taken.add(chosen.lower())
    return chosen


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
