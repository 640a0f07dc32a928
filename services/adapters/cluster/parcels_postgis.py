"""The port `ParcelStore` in schema `parcels` of a PostgreSQL database with PostGIS."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ngoclinh.land.v1.area_outline_pb2 import AreaOutline
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter, ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel, ParcelOwners
from psycopg.errors import UniqueViolation

from services.adapters import parcel_rows
from services.adapters.cluster import parcel_imports as imports
from services.adapters.cluster import parcel_owners
from services.adapters.cluster.parcel_conditions import (
    CURRENT,
    FORMER,
    HEADS,
    finding_condition,
    parcel_condition,
    touches,
)
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import Connection
from services.core.errors import NotFound
from services.core.names import number_key
from services.core.ports import EngineState, FindingPage, LandSummary, ParcelPage, ParcelSquare
from services.core.sections.stores import PostgresSettings

_BARE = "v.record, i.commit_time, ''::bytea, ''::bytea"
_FULL = "v.record, i.commit_time, v.source, v.wgs84"


class PostgisParcelStore:
    """Parcels, findings and imports in one database; readers see one state of it while an import is being written.

    Args:
        settings: address, password file, limits; or the address alone.

    Raises:
        InvalidField: the address cannot be read, or holds a password.
    """

    def __init__(self, settings: PostgresSettings | str) -> None:
        self.database = Postgres(settings, "parcels")

    async def __aenter__(self) -> PostgisParcelStore:
        """Nothing to do: the first use connects."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    # ------------------------------------------------------------ imports

    async def begin_import(self, import_: Import) -> None:
        """Keep a new import in state RUNNING; one that runs already starts anew."""
        await self.database.write(lambda connection: imports.begin(connection, import_), idempotent=True)

    async def put_parcels(
        self, import_name: str, parcels: Sequence[Parcel], owners: Sequence[ParcelOwners] = ()
    ) -> None:
        """Add parcels to a running import, some with their owners; nothing is visible yet."""
        versions = await asyncio.to_thread(imports.version_rows, parcels)

        async def work(connection: Connection) -> None:
            import_id = await imports.running(connection, import_name)
            await imports.stage(connection, import_id, versions)
            if owners:
                await parcel_owners.put(connection, import_id, owners)

        try:
            await self.database.write(work)
        except UniqueViolation as error:
            raise parcel_rows.twice(import_name) from error

    async def put_findings(self, import_name: str, findings: Sequence[Finding]) -> None:
        """Add findings to a running import; the same finding again changes nothing."""

        async def work(connection: Connection) -> None:
            await imports.stage_findings(connection, await imports.running(connection, import_name), findings)

        await self.database.write(work, idempotent=True)

    async def commit(self, import_: Import) -> None:
        """Make it visible: its parcels supersede those with the same name, older versions go to history."""
        await self.database.write(lambda connection: imports.commit(connection, import_))

    async def fail(self, import_: Import) -> None:
        """End an import without parcels (FAILED, REJECTED or CANCELLED); its findings stay readable by import."""
        await self.database.write(lambda connection: imports.fail(connection, import_))

    async def import_(self, name: str) -> Import | None:
        """One import."""
        rows = await self._all("SELECT record FROM import WHERE name = %s", (name,))
        return Import.FromString(rows[0][0]) if rows else None

    async def imports(
        self, limit: int, after: Sequence[object] | None = None
    ) -> tuple[list[Import], list[object] | None]:
        """Imports, newest first."""
        before = after[0] if after else 1 << 62
        rows = await self._all(
            "SELECT id, record FROM import WHERE id < %s ORDER BY id DESC LIMIT %s", (before, limit + 1)
        )
        found = [Import.FromString(record) for _, record in rows[:limit]]
        return found, parcel_rows.next_key(rows, limit, lambda row: [row[0]])

    # ------------------------------------------------------------ parcels

    async def get(self, name: str) -> Parcel | None:
        """The current version of a parcel with its geometry; aliases are followed."""
        row = await self.database.read(lambda connection: _head(connection, name, _FULL))
        return None if row is None else parcel_rows.parcel(*row)

    async def owners(self, name: str) -> ParcelOwners | None:
        """What is kept of the owners of the current version of a parcel; aliases are followed."""

        async def work(connection: Connection) -> ParcelOwners | None:
            row = await _head(connection, name, _BARE)
            return None if row is None else await parcel_owners.get(connection, parcel_rows.parcel(*row).name)

        return await self.database.read(work)

    async def erase_owners(self, name: str) -> int:
        """Erase what is kept of owners: of all versions of a parcel, or of an import; says for how many versions."""
        return await self.database.write(lambda connection: parcel_owners.erase(connection, name), idempotent=True)

    async def history(self, name: str) -> list[Parcel]:
        """All versions of a parcel, oldest first."""
        rows = await self._all(
            f"SELECT {_FULL} FROM version AS v JOIN import AS i ON i.id = v.import"
            " WHERE v.name = %s AND i.commit_number IS NOT NULL ORDER BY i.commit_number",
            (name,),
        )
        return [parcel_rows.parcel(*row) for row in rows]

    async def parcels(self, filter_: ParcelFilter, limit: int, after: Sequence[object] | None = None) -> ParcelPage:
        """Current parcels that match, by name, without geometry. A box includes parcels whose bounds touch it."""
        where, values = parcel_condition(filter_)

        async def work(connection: Connection) -> ParcelPage:
            [[total]] = await _rows(connection, f"SELECT count(*) FROM {HEADS} WHERE {where}", values)
            rows = await _rows(
                connection,
                f"SELECT {_BARE}, h.name FROM {CURRENT} WHERE {where} AND h.name > %s ORDER BY h.name LIMIT %s",
                (*values, after[0] if after else "", limit + 1),
            )
            found = [parcel_rows.parcel(*row[:4]) for row in rows[:limit]]
            return ParcelPage(found, parcel_rows.next_key(rows, limit, lambda row: [row[4]]), total)

        return await self.database.read(work)

    async def within(self, filter_: ParcelFilter, limit: int) -> list[Parcel]:
        """Current parcels that match, in the order in which they were put, at most `limit`, with WGS 84 geometry only."""
        where, values = parcel_condition(filter_)
        rows = await self._all(
            f"SELECT v.record, i.commit_time, ''::bytea, v.wgs84 FROM {CURRENT} WHERE {where} ORDER BY v.id LIMIT %s",
            (*values, limit),
        )
        return await asyncio.to_thread(lambda: [parcel_rows.parcel(*row) for row in rows])

    async def squares(self, filter_: ParcelFilter, side: int) -> list[ParcelSquare]:
        """Current parcels that match, counted by square of the filter's box, `side` squares along each side."""
        where, values = parcel_condition(filter_)
        box = filter_.bounds
        width, height = (box.east_deg - box.west_deg) / side, (box.north_deg - box.south_deg) / side
        rows = await self._all(
            "SELECT floor(x)::integer, floor(y)::integer, count(*), count(*) FILTER (WHERE error_count > 0),"
            " count(*) FILTER (WHERE warning_count > 0) FROM"
            " (SELECT ((h.west + h.east) / 2 - %s) / nullif(%s, 0) AS x, ((h.south + h.north) / 2 - %s) / nullif(%s, 0) AS y,"
            f" h.error_count, h.warning_count FROM {HEADS} WHERE {where}) AS middle"
            " WHERE x >= 0 AND x < %s AND y >= 0 AND y < %s GROUP BY 1, 2 ORDER BY 1, 2",
            (box.west_deg, width, box.south_deg, height, *values, side, side),
        )
        return [ParcelSquare(*row) for row in rows]

    async def neighbours(self, name: str) -> list[Parcel]:
        """Current parcels whose bounds touch those of a parcel, itself left out, with geometry, by name."""

        async def work(connection: Connection) -> list[Parcel]:
            row = await _head(connection, name, _BARE)
            if row is None:
                raise NotFound(name)
            parcel = parcel_rows.parcel(*row)
            if not parcel.HasField("bounds"):
                return []
            where, *values = touches(parcel.bounds)
            query = f"SELECT {_FULL} FROM {CURRENT} WHERE {where} AND h.name <> %s ORDER BY h.name"
            return [parcel_rows.parcel(*each) for each in await _rows(connection, query, (*values, parcel.name))]

        return await self.database.read(work)

    async def find(self, keys: Sequence[ParcelKey]) -> list[list[Parcel]]:
        """For each key the current parcels that it means, by name, without geometry: the join with news."""
        wanted = [
            (place, commune, number_key(key.sheet), number_key(key.number))
            for place, key in enumerate(keys)
            for commune in dict.fromkeys(key.communes)
        ]
        found: list[list[Parcel]] = [[] for _ in keys]
        if wanted:
            rows = await self._all(
                f"SELECT {_BARE}, k.place FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[])"
                f" AS k (place, commune, sheet, number), {CURRENT}"
                " WHERE h.commune = k.commune AND h.sheet_key = k.sheet AND h.number_key = k.number ORDER BY h.name",
                [list(column) for column in zip(*wanted, strict=True)],
            )
            for *row, place in rows:
                found[place].append(parcel_rows.parcel(*row))
        return found

    # ------------------------------------------------------------ findings

    async def findings(self, filter_: FindingFilter, limit: int, after: Sequence[object] | None = None) -> FindingPage:
        """Findings that match, most serious first, then by rule code, then by name."""
        tables, where, values = finding_condition(filter_)
        key = after or [-1, "", ""]

        async def work(connection: Connection) -> FindingPage:
            [[total]] = await _rows(connection, f"SELECT count(*) FROM {tables} WHERE {where}", values)
            rows = await _rows(
                connection,
                f"SELECT f.record, f.rank, f.rule_code, f.name FROM {tables} WHERE {where}"
                " AND (f.rank, f.rule_code, f.name) > (%s, %s, %s) ORDER BY f.rank, f.rule_code, f.name LIMIT %s",
                (*values, *key, limit + 1),
            )
            found = [Finding.FromString(row[0]) for row in rows[:limit]]
            return FindingPage(found, parcel_rows.next_key(rows, limit, lambda row: list(row[1:])), total)

        return await self.database.read(work)

    async def summarize(self, areas: Sequence[str]) -> list[LandSummary]:
        """How each of these communes of today stands, in the order given."""
        rows = await self._all(
            "SELECT area, parcel_count, area_m2, counts, newest, west, south, east, north,"
            " focus_west, focus_south, focus_east, focus_north FROM summary WHERE area = ANY(%s)",
            (list(areas),),
        )
        known = {row[0]: parcel_rows.summary(*row) for row in rows}
        return [known.get(area, LandSummary(area)) for area in areas]

    # ------------------------------------------------------------ layers

    async def put_layer(self, layer: str, outlines: Sequence[AreaOutline]) -> None:
        """Put outlines, one for an area, in the place of all that a layer has: as a whole or not at all."""

        async def work(connection: Connection) -> None:
            await imports.lock(connection)
            await connection.execute("DELETE FROM outline WHERE layer = %s", (layer,))
            await connection.cursor().executemany(
                "INSERT INTO outline (layer, area, wgs84) VALUES (%s, %s, %s)",
                [(layer, one.area, one.wgs84_wkb) for one in outlines],
            )

        await self.database.write(work, idempotent=True)

    async def layer(self, layer: str, areas: Sequence[str]) -> list[AreaOutline]:
        """The outlines of areas in the order given; an area without one is left out."""
        rows = await self._all(
            "SELECT area, wgs84 FROM outline WHERE layer = %s AND area = ANY(%s)", (layer, list(areas))
        )
        found = dict(rows)
        return [AreaOutline(area=name, wgs84_wkb=found[name]) for name in areas if name in found]

    async def engine(self) -> EngineState:
        """How the server is, with the version of PostGIS.

        Raises:
            Unavailable: it does not answer.
        """
        state = await self.database.engine()
        ((version,),) = await self._all("SELECT extversion FROM pg_extension WHERE extname = 'postgis'", ())
        return replace(state, versions={**state.versions, "postgis": version})

    async def close(self) -> None:
        """Close the connections."""
        await self.database.close()

    async def _all(self, statement: str, values: Sequence[object]) -> list[Any]:
        return await self.database.read(lambda connection: _rows(connection, statement, values))


async def _rows(connection: Connection, statement: str, values: Sequence[object]) -> list[Any]:
    cursor = await connection.execute(statement.encode(), values, binary=True)
    return await cursor.fetchall()


async def _head(connection: Connection, name: str, columns: str) -> tuple[bytes, int, bytes, bytes] | None:
    """The current version by name, else the first by name among those that had this name before."""
    for condition in ("h.name = %s", FORMER):
        query = f"SELECT {columns} FROM {CURRENT} WHERE {condition} ORDER BY h.name LIMIT 1"
        rows: list[tuple[bytes, int, bytes, bytes]] = await _rows(connection, query, (name,))
        if rows:
            return rows[0]
    return None
