"""What a map asks of the parcel store: parcels in a box with their shapes, or how many there are by square."""

from __future__ import annotations

import sqlite3

from ngoclinh.land.v1.land_service_pb2 import ParcelFilter

from services.adapters.embedded import parcel_sql as sql
from services.core.ports import ParcelSquare

MIGRATION = """
    ALTER TABLE version ADD COLUMN error_count INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE version ADD COLUMN warning_count INTEGER NOT NULL DEFAULT 0;
    CREATE VIRTUAL TABLE place USING rtree (finding, west, east, south, north);
    INSERT INTO place SELECT id, longitude, longitude, latitude, latitude FROM finding WHERE longitude IS NOT NULL;
"""
"""Counts of findings beside the parcel, and an R-tree over the places of findings."""


def within(connection: sqlite3.Connection, filter_: ParcelFilter, limit: int) -> list[tuple[bytes, int, bytes, bytes]]:
    """Rows (record, commit time, no source geometry, WGS 84 geometry) of parcels that match, oldest first."""
    where, values = sql.parcel_condition(filter_)
    return connection.execute(
        f"SELECT v.parcel, i.commit_time, x'', g.wgs84 FROM {sql.CURRENT} JOIN geometry AS g ON g.version = v.id"
        f" WHERE {where} ORDER BY v.id LIMIT ?",
        (*values, limit),
    ).fetchall()


def squares(connection: sqlite3.Connection, filter_: ParcelFilter, side: int) -> list[ParcelSquare]:
    """Parcels counted by the square of the filter's box that holds the middle of their bounds."""
    where, values = sql.parcel_condition(filter_)
    box = filter_.bounds
    width, height = (box.east_deg - box.west_deg) / side, (box.north_deg - box.south_deg) / side
    rows = connection.execute(
        "SELECT cast(x AS INTEGER), cast(y AS INTEGER), count(*), sum(error_count > 0), sum(warning_count > 0) FROM"
        " (SELECT ((v.west + v.east) / 2 - ?) / ? AS x, ((v.south + v.north) / 2 - ?) / ? AS y,"
        f" v.error_count, v.warning_count FROM {sql.HEADS} WHERE {where})"
        " WHERE x >= 0 AND x < ? AND y >= 0 AND y < ? GROUP BY 1, 2 ORDER BY 1, 2",
        (box.west_deg, width, box.south_deg, height, *values, side, side),
    )
    return [ParcelSquare(*row) for row in rows]
