"""Files of parcels for tests: written by GDAL, or by hand where they must be wrong."""

from __future__ import annotations

import json
import sqlite3
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

EAST, NORTH = 537_600.0, 1_677_300.0
"""A place in Trà My in EPSG:5899."""


def squares(count: int, side: float = 20.0, gap: float = 0.0) -> list[shapely.Polygon]:
    """A row of squares that share edges."""
    step = side + gap
    return [shapely.box(EAST + i * step, NORTH, EAST + i * step + side, NORTH + side) for i in range(count)]


def cadastral_columns(count: int) -> dict[str, list[Any]]:
    """Plain columns of a sheet whose declared area fits `squares`."""
    return {
        "ma_xa": ["20944"] * count,
        "so_to": ["3"] * count,
        "so_thua": [str(number + 1) for number in range(count)],
        "loai_dat": ["ONT"] * count,
        "dt_phap_ly": [400.0] * count,
        "ty_le": [1000] * count,
    }


def write(
    path: Path,
    geometry: Sequence[shapely.Geometry | None],
    columns: Mapping[str, Sequence[Any]] | None = None,
    crs: str | None = "EPSG:5899",
    **options: Any,
) -> Path:
    """A file of the kind that the suffix of `path` says."""
    import pyogrio  # here, so that a process that only reads can import this module

    driver = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON", ".gml": "GML"}[path.suffix]
    fields = {name: _column(values) for name, values in (columns or {}).items()}
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(list(geometry), dtype=object), flavor="iso"),
        field_data=list(fields.values()),
        fields=list(fields),
        driver=driver,
        crs=crs,
        geometry_type=options.pop("geometry_type", "Polygon"),
        **options,
    )
    return path


def write_geojson(
    path: Path, geometry: Sequence[shapely.Geometry], properties: Sequence[Mapping[str, Any]], **members: Any
) -> Path:
    """A GeoJSON file exactly as given, with further members such as `crs`."""
    features = [
        {"type": "Feature", "properties": dict(row), "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, row in zip(geometry, properties, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": features}, ensure_ascii=False))
    return path


def pack(path: Path, entries: Mapping[str, bytes | Path], **options: Any) -> Path:
    """A ZIP file of entries by name."""
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in entries.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    return path


def shapefile_parts(path: Path) -> dict[str, Path]:
    """The parts of a Shapefile by name."""
    return {part.name: part for part in sorted(path.parent.iterdir()) if part.stem == path.stem}


def open_polygon(ring: Sequence[tuple[float, float]]) -> bytes:
    """WKB of a polygon whose ring is as given, closed or not."""
    points = b"".join(struct.pack("<dd", *point) for point in ring)
    return struct.pack("<BIII", 1, 3, 1, len(ring)) + points


def geopackage_by_hand(
    path: Path, blobs: Sequence[bytes], statements: Sequence[str] = (), columns: str = "so_to TEXT"
) -> Path:
    """A GeoPackage of raw WKB in table `thua`, then changed by SQL statements."""
    with sqlite3.connect(path) as db:
        db.executescript(
            f"""
            PRAGMA application_id = 1196444487;
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
                organization_coordsys_id INTEGER, definition TEXT, description TEXT);
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT, srs_id INTEGER);
            CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT, geometry_type_name TEXT,
                srs_id INTEGER, z TINYINT, m TINYINT);
            CREATE TABLE thua (fid INTEGER PRIMARY KEY, geom BLOB, {columns});
            INSERT INTO gpkg_spatial_ref_sys VALUES ('VN-2000', 5899, 'EPSG', 5899, '', '');
            INSERT INTO gpkg_contents VALUES ('thua', 'features', 'thua', 5899);
            INSERT INTO gpkg_geometry_columns VALUES ('thua', 'geom', 'POLYGON', 5899, 0, 0);
            """
        )
        head = b"GP\0\x01" + struct.pack("<i", 5899)
        db.executemany("INSERT INTO thua (geom) VALUES (?)", [(head + blob,) for blob in blobs])
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


def _column(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    kinds = {type(value) for value in values}
    if kinds <= {int}:
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64) if kinds <= {float, int} else np.array(values, dtype=object)
