"""What is kept of owners in PostGIS: a table of its own, whose rows go with the version that they belong to."""

from __future__ import annotations

from collections.abc import Iterable

from ngoclinh.land.v1.parcel_pb2 import ParcelOwners

from services.adapters import parcel_rows as rows
from services.adapters.cluster.postgres_pool import Connection

_COPY = "COPY owner (import, name, record) FROM STDIN (FORMAT BINARY)"
_CONCERNED = """
SELECT id, record FROM import WHERE name = %(name)s OR id IN (SELECT import FROM owner WHERE name = %(name)s)
ORDER BY id FOR NO KEY UPDATE
"""
_ERASE = """
WITH gone AS (
  DELETE FROM owner WHERE name = %(name)s OR import = (SELECT id FROM import WHERE name = %(name)s) RETURNING name, import
) SELECT v.id, v.record FROM gone JOIN version AS v USING (import, name)
"""


async def put(connection: Connection, import_id: int, owners: Iterable[ParcelOwners]) -> None:
    """Keep the owners of versions that a running import has put."""
    async with connection.cursor().copy(_COPY) as copy:
        copy.set_types(["int8", "text", "bytea"])
        for each in owners:
            await copy.write_row((import_id, each.parcel, each.SerializeToString()))


async def get(connection: Connection, name: str) -> ParcelOwners | None:
    """The owners of the current version of a parcel by its present name."""
    cursor = await connection.execute(
        "SELECT o.record FROM head AS h JOIN owner AS o ON o.import = h.import AND o.name = h.name WHERE h.name = %s",
        (name,),
        binary=True,
    )
    row = await cursor.fetchone()
    return None if row is None else ParcelOwners.FromString(row[0])


async def erase(connection: Connection, name: str) -> int:
    """Erase the owners of all versions of a parcel, or of an import.

    The versions, and an import that has no owners left, say so from then on.
    """
    imports, erased = [
        await (await connection.execute(query, {"name": name}, binary=True)).fetchall()
        for query in (_CONCERNED, _ERASE)
    ]
    await connection.cursor().executemany(
        "UPDATE version SET record = %b WHERE id = %s", [(rows.without_owners(record), id_) for id_, record in erased]
    )
    for import_id, record in imports:
        await connection.execute(
            "UPDATE import SET record = %b WHERE id = %s AND NOT EXISTS (SELECT FROM owner WHERE import = %s)",
            (rows.without_kept_owners(record), import_id, import_id),
        )
    return len(erased)
