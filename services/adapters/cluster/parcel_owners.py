"""What is kept of owners in PostGIS: a table of its own, whose rows go with the version that they belong to."""

from __future__ import annotations

from collections.abc import Iterable

from ngoclinh.land.v1.parcel_pb2 import ParcelOwners

from services.adapters.cluster.postgres_pool import Connection

_COPY = "COPY owner (import, name, record) FROM STDIN (FORMAT BINARY)"


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
    """Erase the owners of all versions of a parcel, or of an import."""
    cursor = await connection.execute(
        "DELETE FROM owner WHERE name = %(name)s OR import = (SELECT id FROM import WHERE name = %(name)s)",
        {"name": name},
    )
    return cursor.rowcount
