"""What is kept of owners in the parcel store: a table of its own, whose rows go with the version that they belong to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ngoclinh.land.v1.parcel_pb2 import ParcelOwners

from services.adapters import parcel_rows as rows
from services.adapters.embedded.parcel_sql import HEADS

MIGRATION = """
    CREATE TABLE owner (
        name TEXT NOT NULL,
        import INTEGER NOT NULL,
        record BLOB NOT NULL,
        PRIMARY KEY (import, name),
        FOREIGN KEY (name, import) REFERENCES version (name, import) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX owner_name ON owner (name);
"""


def put(connection: sqlite3.Connection, import_id: int, owners: Iterable[ParcelOwners]) -> None:
    """Keep the owners of versions that a running import has put."""
    connection.executemany(
        "INSERT INTO owner (name, import, record) VALUES (?, ?, ?)",
        [(each.parcel, import_id, each.SerializeToString()) for each in owners],
    )


def get(connection: sqlite3.Connection, name: str) -> ParcelOwners | None:
    """The owners of the current version of a parcel by its present name."""
    row = connection.execute(
        f"SELECT o.record FROM {HEADS} JOIN owner AS o ON o.import = v.import AND o.name = v.name WHERE h.name = ?",
        (name,),
    ).fetchone()
    return None if row is None else ParcelOwners.FromString(row[0])


def erase(connection: sqlite3.Connection, name: str) -> int:
    """Erase the owners of all versions of a parcel, or of an import; their bytes are overwritten in the file.

    The versions, and an import that has no owners left, say so from then on.
    """
    connection.execute("PRAGMA secure_delete = ON")
    imports = connection.execute(
        "SELECT id, record FROM import WHERE name = ?1 OR id IN (SELECT import FROM owner WHERE name = ?1)", (name,)
    ).fetchall()
    erased = connection.execute(
        "DELETE FROM owner WHERE name = ?1 OR import = (SELECT id FROM import WHERE name = ?1) RETURNING name, import",
        (name,),
    ).fetchall()
    for key in erased:
        (record,) = connection.execute("SELECT parcel FROM version WHERE name = ? AND import = ?", key).fetchone()
        connection.execute(
            "UPDATE version SET parcel = ? WHERE name = ? AND import = ?", (rows.without_owners(record), *key)
        )
    for import_id, record in imports:
        if connection.execute("SELECT 1 FROM owner WHERE import = ?", (import_id,)).fetchone() is None:
            kept = rows.without_kept_owners(record)
            connection.execute("UPDATE import SET record = ? WHERE id = ?", (kept, import_id))
    return len(erased)
