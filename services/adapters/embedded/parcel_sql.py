"""The tables of the parcel store, and filters as conditions on them.

A `version` is a parcel as one import brought it; `head` names the version of each parcel that is current. A version of
a running import has no head: that is what makes an import visible as a whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import Finding, Parcel
from ngoclinh.type.v1.type_pb2 import BoundingBox

from services.adapters import parcel_rows as rows
from services.adapters.embedded.parcel_extents import MEASURE
from services.core.names import number_key

MIGRATIONS = (
    """
    CREATE TABLE import (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        state INTEGER NOT NULL,
        commit_number INTEGER,
        commit_time INTEGER,
        record BLOB NOT NULL
    );
    CREATE TABLE version (
        id INTEGER PRIMARY KEY,
        import INTEGER NOT NULL,
        name TEXT NOT NULL,
        commune TEXT NOT NULL,
        area TEXT NOT NULL,
        sheet_key TEXT NOT NULL,
        number_key TEXT NOT NULL,
        area_m2 REAL NOT NULL,
        west REAL, south REAL, east REAL, north REAL,
        parcel BLOB NOT NULL,
        UNIQUE (name, import)
    );
    CREATE INDEX version_import ON version (import, name);
    CREATE INDEX version_area ON version (area, name);
    CREATE INDEX version_key ON version (commune, sheet_key, number_key);
    CREATE TABLE geometry (version INTEGER PRIMARY KEY, source BLOB NOT NULL, wgs84 BLOB NOT NULL);
    CREATE VIRTUAL TABLE bounds USING rtree (version, west, east, south, north);
    CREATE TABLE head (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE alias (alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (alias, version)) WITHOUT ROWID;
    CREATE INDEX alias_version ON alias (version);
    CREATE TABLE finding (
        id INTEGER PRIMARY KEY,
        import INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        rule_code TEXT NOT NULL,
        name TEXT NOT NULL,
        parcel TEXT NOT NULL,
        longitude REAL, latitude REAL,
        finding BLOB NOT NULL
    );
    CREATE UNIQUE INDEX finding_import ON finding (import, rank, rule_code, name);
    CREATE INDEX finding_order ON finding (rank, rule_code, name);
    CREATE INDEX finding_parcel ON finding (parcel, import);
    CREATE TABLE participant (
        parcel TEXT NOT NULL, finding INTEGER NOT NULL, PRIMARY KEY (parcel, finding)
    ) WITHOUT ROWID;
    CREATE INDEX participant_finding ON participant (finding);
    CREATE TABLE summary (
        area TEXT PRIMARY KEY,
        parcel_count INTEGER NOT NULL,
        area_m2 REAL NOT NULL,
        counts TEXT NOT NULL,
        newest INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)

HEADS = "version AS v JOIN head AS h ON h.name = v.name AND h.version = v.id"
"""Current versions."""

CURRENT = f"{HEADS} JOIN import AS i ON i.id = v.import"
"""Current versions with their imports."""

FINDINGS = "finding AS f LEFT JOIN version AS v ON v.name = f.parcel AND v.import = f.import"
"""Findings with the version that they are about."""

STAGED = "(SELECT id FROM version WHERE import = ?)"


def version_row(import_id: int, parcel: Parcel) -> tuple[object, ...]:
    """The columns of `version` besides its id; times and geometries are kept elsewhere."""
    return (
        import_id,
        parcel.name,
        parcel.commune,
        parcel.current_area,
        number_key(parcel.sheet),
        number_key(parcel.number),
        parcel.computed_area_m2,
        *rows.corners(parcel),
        rows.record(parcel),
        parcel.error_count,
        parcel.warning_count,
    )


def finding_row(import_id: int, finding: Finding) -> tuple[object, ...]:
    """The columns of `finding` besides its id."""
    return (
        import_id,
        rows.rank(finding.severity),
        finding.rule_code,
        finding.name,
        finding.parcel,
        *rows.place(finding),
        finding.SerializeToString(),
    )


def parcel_condition(filter_: ParcelFilter) -> tuple[str, list[object]]:
    """A condition on `HEADS` and its parameters."""
    where = Condition()
    where.within("v.area", filter_.areas)
    where.equals("v.commune", filter_.commune)
    where.equals("v.sheet_key", number_key(filter_.sheet) if filter_.sheet else "")
    where.equals("v.number_key", number_key(filter_.number) if filter_.number else "")
    if name := getattr(filter_, "import"):
        where.add("v.import = (SELECT id FROM import WHERE name = ?)", name)
    if filter_.HasField("bounds"):
        where.add(*touches(filter_.bounds))
    return where.text, where.values


def finding_condition(filter_: FindingFilter) -> tuple[str, list[object]]:
    """A condition on `FINDINGS` and its parameters; without an import only findings on current parcels match."""
    where = Condition()
    if name := getattr(filter_, "import"):
        where.add("f.import = (SELECT id FROM import WHERE name = ? AND state <> ?)", name, rows.RUNNING)
    else:
        where.add("v.id IN (SELECT version FROM head WHERE head.name = f.parcel)")
    where.within("+v.area", filter_.areas)  # "+" keeps SQLite from trying every finding with every parcel of the area
    if filter_.parcel:
        where.add("f.id IN (SELECT finding FROM participant WHERE parcel = ?)", filter_.parcel)
    where.within("f.rule_code", filter_.rule_codes)
    severities = [severity for severity in filter_.severities if severity]
    where.within("f.rank", [rows.rank(severity) for severity in severities])
    if filter_.HasField("bounds"):
        box = filter_.bounds
        sides = (box.east_deg, box.west_deg, box.north_deg, box.south_deg)
        where.add(
            "f.id IN (SELECT finding FROM place AS p WHERE p.west <= ? AND p.east >= ? AND p.south <= ? AND p.north >= ?)",
            *sides,
        )
        where.add("f.longitude BETWEEN ? AND ?", box.west_deg, box.east_deg)
        where.add("f.latitude BETWEEN ? AND ?", box.south_deg, box.north_deg)
    return where.text, where.values


def touches(box: BoundingBox) -> tuple[str, float, float, float, float, float, float, float, float]:
    """A condition on `version AS v`: its bounds share a point with a box.

    The R-tree holds numbers of 32 bits, rounded outwards: it finds the candidates, the columns decide.
    """
    sides = (box.east_deg, box.west_deg, box.north_deg, box.south_deg)
    text = (
        "v.id IN (SELECT version FROM bounds AS b WHERE b.west <= ? AND b.east >= ? AND b.south <= ? AND b.north >= ?)"
        " AND v.west <= ? AND v.east >= ? AND v.south <= ? AND v.north >= ?"
    )
    return text, *sides, *sides


def clear_import(connection: sqlite3.Connection, import_id: int, *, findings: bool) -> None:
    """Take back what a running import put: its parcels with their owners, and its findings too where asked."""
    connection.execute("PRAGMA secure_delete = ON")  # the bytes of owners do not stay in the file
    for table, column in (("bounds", "version"), ("geometry", "version"), ("alias", "version")):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN {STAGED}", (import_id,))
    connection.execute("DELETE FROM version WHERE import = ?", (import_id,))
    if findings:
        for table in ("participant", "place"):
            connection.execute(
                f"DELETE FROM {table} WHERE finding IN (SELECT id FROM finding WHERE import = ?)", (import_id,)
            )
        connection.execute("DELETE FROM finding WHERE import = ?", (import_id,))


def make_current(connection: sqlite3.Connection, import_id: int) -> None:
    """Give the versions of an import the heads, and count their communes anew."""
    areas = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT area FROM version WHERE import = ?1 UNION SELECT DISTINCT old.area FROM version AS new"
            " JOIN head AS h ON h.name = new.name JOIN version AS old ON old.id = h.version WHERE new.import = ?1",
            (import_id,),
        )
        if row[0]
    ]
    connection.execute(
        "DELETE FROM bounds WHERE version IN (SELECT h.version FROM version AS new"
        " JOIN head AS h ON h.name = new.name WHERE new.import = ?)",
        (import_id,),
    )
    connection.execute(
        "INSERT INTO head (name, version) SELECT name, id FROM version WHERE import = ? AND TRUE"
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
        (import_id,),
    )
    for area in areas:
        _summarize(connection, area)


def _summarize(connection: sqlite3.Connection, area: str) -> None:
    parcels, square_metres, newest = connection.execute(
        f"SELECT count(*), total(v.area_m2), max(i.commit_time) FROM {CURRENT} WHERE v.area = ?", (area,)
    ).fetchone()
    counts = connection.execute(
        f"SELECT f.rank, f.rule_code, count(*) FROM {HEADS}"
        " JOIN finding AS f ON f.parcel = v.name AND f.import = v.import WHERE v.area = ? GROUP BY 1, 2",
        (area,),
    ).fetchall()
    connection.execute(
        "INSERT OR REPLACE INTO summary (area, parcel_count, area_m2, counts, newest) VALUES (?, ?, ?, ?, ?)",
        (area, parcels, square_metres, json.dumps(counts), newest or 0),
    )
    connection.execute(f"{MEASURE} WHERE area = ?", (area,))


class Condition(rows.Condition):
    """Terms with SQLite's parameters."""

    def equals(self, column: str, value: str) -> None:
        """A column has a value; an empty one means any."""
        if value:
            self.add(f"{column} = ?", value)

    def within(self, column: str, values: Iterable[object]) -> None:
        """A column has one of some values; none means any."""
        wanted: Sequence[object] = list(values)
        if wanted:
            self.add(f"{column} IN ({', '.join('?' * len(wanted))})", *wanted)
