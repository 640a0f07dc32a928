"""Layers of outlines in the parcel store's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ngoclinh.land.v1.area_outline_pb2 import AreaOutline

MIGRATION = """
    CREATE TABLE outline (layer TEXT NOT NULL, area TEXT NOT NULL, wgs84 BLOB NOT NULL, UNIQUE (layer, area));
"""
"""Outlines by layer and area."""


def put(connection: sqlite3.Connection, layer: str, outlines: Sequence[AreaOutline]) -> None:
    """Put outlines in the place of all that the layer has."""
    connection.execute("DELETE FROM outline WHERE layer = ?", (layer,))
    connection.executemany(
        "INSERT INTO outline VALUES (?, ?, ?)", ((layer, one.area, one.wgs84_wkb) for one in outlines)
    )


def get(connection: sqlite3.Connection, layer: str, areas: Sequence[str]) -> list[AreaOutline]:
    """The outlines of some areas in their order; one without an outline is left out."""
    marks = ", ".join("?" * len(areas))
    rows = connection.execute(f"SELECT area, wgs84 FROM outline WHERE layer = ? AND area IN ({marks})", (layer, *areas))
    found = dict(rows.fetchall())
    return [AreaOutline(area=name, wgs84_wkb=found[name]) for name in areas if name in found]
