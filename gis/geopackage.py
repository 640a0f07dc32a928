"""Reading GeoPackage with SQLite itself: read-only, without triggers, views, functions or extensions.

Standard: OGC 12-128r18, GeoPackage Encoding. The well-known binary of a geometry is returned bit for bit.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gis.layer import Layer, LayerInfo
from services.core.errors import RefusedFile, TooLarge, UnreadableFile

MAX_COLUMNS = 500
_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_SYSTEM_TABLES = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
_CHUNK = 5000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 64 << 20,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can do nothing but read tables.

    Raises:
        UnreadableFile: cut short or damaged.
        RefusedFile: SQLite without the tables of a GeoPackage, or with views in their place.
    """
    _check_length(path)
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    try:
        connection.text_factory = _decode
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.set_authorizer(_authorize)
        for table in _SYSTEM_TABLES:
            _require_table(connection, table)
        yield connection
    except sqlite3.Error as error:
        raise UnreadableFile(
            f"Tệp GeoPackage bị hỏng: {error}.", f"The GeoPackage is damaged: {error}.", {"kind": "GeoPackage"}
        ) from error
    finally:
        connection.close()


def layers(connection: sqlite3.Connection) -> list[LayerInfo]:
    """The feature layers with their columns.

    Raises:
        TooLarge: a layer with more than `MAX_COLUMNS` columns.
        RefusedFile: a layer that is a view or a virtual table.
    """
    rows = connection.execute(
        "SELECT c.table_name, g.geometry_type_name FROM gpkg_contents AS c JOIN gpkg_geometry_columns AS g"
        " ON g.table_name = c.table_name WHERE c.data_type = 'features'"
    ).fetchall()
    found = []
    for name, geometry_type in rows:
        _require_table(connection, name)
        columns = [entry[0] for entry in connection.execute(f"SELECT * FROM {_quoted(name)} LIMIT 0").description]  # noqa: S608  an identifier of gpkg_contents, quoted
        if len(columns) > MAX_COLUMNS:
            raise TooLarge(
                f"Lớp “{name}” có {len(columns)} cột, nhiều hơn giới hạn {MAX_COLUMNS}.",
                f"Layer “{name}” has {len(columns)} columns, more than the limit of {MAX_COLUMNS}.",
                {"limit": str(MAX_COLUMNS)},
            )
        found.append(LayerInfo(name, tuple(columns), str(geometry_type)))
    return found


def read(connection: sqlite3.Connection, name: str, max_rows: int) -> Layer:
    """All records of a layer in the order of the table.

    Raises:
        TooLarge: more than `max_rows` records.
    """
    column, srs = connection.execute(
        "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
    ).fetchone()
    cursor = connection.execute(f"SELECT * FROM {_quoted(name)} LIMIT ?", (max_rows + 1,))  # noqa: S608  as above
    names = [entry[0] for entry in cursor.description]
    values: list[list[Any]] = [[] for _ in names]
    while chunk := cursor.fetchmany(_CHUNK):
        for store, part in zip(values, zip(*chunk, strict=True), strict=True):
            store.extend(part)
    fields = dict(zip(names, values, strict=True))
    blobs = fields.pop(column, [None] * len(values[0]))
    if len(blobs) > max_rows:
        raise TooLarge(
            f"Lớp “{name}” có hơn {max_rows} thửa, quá giới hạn.",
            f"Layer “{name}” has more than {max_rows} parcels, which is the limit.",
            {"limit": str(max_rows)},
        )
    return Layer(name=name, wkb=[well_known_binary(blob) for blob in blobs], fields=fields, crs=_crs(connection, srs))


def well_known_binary(blob: Any) -> bytes | None:
    """The WKB inside a GeoPackage geometry (GeoPackageBinary, clause 2.1.3); None where there is none."""
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return None
    size = _ENVELOPE_BYTES.get((blob[3] >> 1) & 0b111)
    return None if size is None else blob[8 + size :] or None


def _crs(connection: sqlite3.Connection, srs: Any) -> str:
    row = connection.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (srs,)
    ).fetchone()
    if row is None or srs in (0, -1):
        return ""
    organization, code, definition = row
    if str(organization).upper() == "EPSG" and isinstance(code, int) and code > 0:
        return f"EPSG:{code}"
    return "" if str(definition) == "undefined" else str(definition)


def _require_table(connection: sqlite3.Connection, name: str) -> None:
    row = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise RefusedFile(
            f"Tệp SQLite này không phải GeoPackage: thiếu bảng “{name}”.",
            f"This SQLite file is no GeoPackage: table “{name}” is missing.",
            {"kind": "SQLite"},
        )
    if row[0] != "table" or not str(row[1]).lstrip().upper().startswith("CREATE TABLE"):
        raise RefusedFile(
            f"“{name}” trong GeoPackage là một khung nhìn hoặc bảng ảo; hãy xuất lớp thành bảng thường.",
            f"“{name}” in the GeoPackage is a view or a virtual table; export the layer as an ordinary table.",
            {"kind": "SQLite view"},
        )


def _authorize(action: int, _first: str | None, _second: str | None, _base: str | None, _trigger: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _decode(raw: bytes) -> str:
    """Text as written; bytes that are no UTF-8 are kept one to one, so that a legacy code page can be told later."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _check_length(path: Path) -> None:
    """A database names its page size and its pages in its header; a shorter file was cut."""
    with path.open("rb") as stream:
        head = stream.read(100)
    size = path.stat().st_size
    if len(head) < 100:
        raise _cut(100, size)
    page_size = struct.unpack(">H", head[16:18])[0]
    pages, change, valid_for = struct.unpack(">I", head[28:32])[0], head[24:28], head[92:96]
    expected = (65_536 if page_size == 1 else page_size) * pages
    if change == valid_for and expected > size:
        raise _cut(expected, size)


def _cut(expected: int, size: int) -> UnreadableFile:
    return UnreadableFile(
        f"Tệp GeoPackage bị cụt: phần đầu ghi {expected} byte nhưng tệp chỉ có {size} byte.",
        f"The GeoPackage is cut short: its header says {expected} bytes, the file has {size}.",
        {"kind": "GeoPackage"},
    )
