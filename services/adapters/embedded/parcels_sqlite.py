"""The port `ParcelStore` in one SQLite file with an R-tree."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ngoclinh.land.v1.area_outline_pb2 import AreaOutline
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter, ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel, ParcelOwners

from services.adapters import parcel_rows
from services.adapters.embedded import area_layers, parcel_extents, parcel_map, parcel_owners
from services.adapters.embedded import parcel_sql as sql
from services.adapters.embedded.database import Database
from services.core.errors import NotFound
from services.core.names import number_key
from services.core.ports import FindingPage, LandSummary, ParcelPage, ParcelSquare

_BARE = "v.parcel, i.commit_time, x'', x''"
_FULL = "v.parcel, i.commit_time, g.source, g.wgs84"


class SqliteParcelStore:
    """Parcels, findings and imports in one file; readers see one state of it while an import is being written.

    Args:
        path: the file.
    """

    def __init__(self, path: Path | str) -> None:
        self._database = Database(
            path,
            (
                *sql.MIGRATIONS,
                parcel_map.MIGRATION,
                area_layers.MIGRATION,
                parcel_owners.MIGRATION,
                parcel_extents.MIGRATION,
            ),
        )

    async def __aenter__(self) -> SqliteParcelStore:
        """Nothing to do: the file is opened at its first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the file."""
        await self.close()

    # ------------------------------------------------------------ imports

    async def begin_import(self, import_: Import) -> None:
        """Keep a new import in state RUNNING; one that runs already starts anew."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT id, state FROM import WHERE name = ?", (import_.name,)).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO import (name, state, record) VALUES (?, ?, ?)",
                    (import_.name, import_.state, import_.SerializeToString()),
                )
                return
            sql.clear_import(connection, _running(connection, import_.name), findings=True)
            _keep(connection, row[0], import_)

        await self._database.write(work)

    async def put_parcels(
        self, import_name: str, parcels: Sequence[Parcel], owners: Sequence[ParcelOwners] = ()
    ) -> None:
        """Add parcels to a running import, some with their owners; nothing is visible yet."""

        def work(connection: sqlite3.Connection) -> None:
            import_id = _running(connection, import_name)
            try:
                for parcel in parcels:
                    _put_parcel(connection, import_id, parcel)
            except sqlite3.IntegrityError as error:
                raise parcel_rows.twice(import_name) from error
            parcel_owners.put(connection, import_id, owners)

        await self._database.write(work)

    async def put_findings(self, import_name: str, findings: Sequence[Finding]) -> None:
        """Add findings to a running import; the same finding again changes nothing."""

        def work(connection: sqlite3.Connection) -> None:
            import_id = _running(connection, import_name)
            for finding in findings:
                _put_finding(connection, import_id, finding)

        await self._database.write(work)

    async def commit(self, import_: Import) -> None:
        """Make it visible: its parcels supersede those with the same name, older versions go to history."""

        def work(connection: sqlite3.Connection) -> None:
            import_id = _running(connection, import_.name)
            _keep(connection, import_id, import_)
            connection.execute(
                "UPDATE import SET commit_time = ?,"
                " commit_number = (SELECT coalesce(max(commit_number), 0) + 1 FROM import) WHERE id = ?",
                (import_.update_time.ToMicroseconds(), import_id),
            )
            sql.make_current(connection, import_id)

        await self._database.write(work)

    async def fail(self, import_: Import) -> None:
        """End an import without parcels (FAILED, REJECTED or CANCELLED); its findings stay readable by import."""

        def work(connection: sqlite3.Connection) -> None:
            import_id = _running(connection, import_.name)
            sql.clear_import(connection, import_id, findings=False)
            _keep(connection, import_id, import_)

        await self._database.write(work)

    async def import_(self, name: str) -> Import | None:
        """One import."""
        row = await self._one("SELECT record FROM import WHERE name = ?", (name,))
        return None if row is None else Import.FromString(row[0])

    async def imports(
        self, limit: int, after: Sequence[object] | None = None
    ) -> tuple[list[Import], list[object] | None]:
        """Imports, newest first."""
        before = after[0] if after else 1 << 62
        rows = await self._all(
            "SELECT id, record FROM import WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit + 1)
        )
        return [Import.FromString(record) for _, record in rows[:limit]], parcel_rows.next_key(
            rows, limit, lambda row: [row[0]]
        )

    # ------------------------------------------------------------ parcels

    async def get(self, name: str) -> Parcel | None:
        """The current version of a parcel with its geometry; aliases are followed."""
        row = await self._database.read(lambda connection: _head(connection, name, _FULL))
        return None if row is None else parcel_rows.parcel(*row)

    async def owners(self, name: str) -> ParcelOwners | None:
        """What is kept of the owners of the current version of a parcel; aliases are followed."""

        def work(connection: sqlite3.Connection) -> ParcelOwners | None:
            row = _head(connection, name, _BARE)
            return None if row is None else parcel_owners.get(connection, parcel_rows.parcel(*row).name)

        return await self._database.read(work)

    async def erase_owners(self, name: str) -> int:
        """Erase what is kept of owners: of all versions of a parcel, or of an import; says for how many versions."""
        return await self._database.write(lambda connection: parcel_owners.erase(connection, name))

    async def history(self, name: str) -> list[Parcel]:
        """All versions of a parcel, oldest first."""
        rows = await self._all(
            f"SELECT {_FULL} FROM version AS v JOIN import AS i ON i.id = v.import JOIN geometry AS g ON g.version = v.id"
            " WHERE v.name = ? AND i.commit_number IS NOT NULL ORDER BY i.commit_number",
            (name,),
        )
        return [parcel_rows.parcel(*row) for row in rows]

    async def parcels(self, filter_: ParcelFilter, limit: int, after: Sequence[object] | None = None) -> ParcelPage:
        """Current parcels that match, by name, without geometry. A box includes parcels whose bounds touch it."""
        where, values = sql.parcel_condition(filter_)

        def work(connection: sqlite3.Connection) -> ParcelPage:
            total = connection.execute(f"SELECT count(*) FROM {sql.HEADS} WHERE {where}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT {_BARE}, v.name FROM {sql.CURRENT} WHERE {where} AND v.name > ? ORDER BY v.name LIMIT ?",
                (*values, after[0] if after else "", limit + 1),
            ).fetchall()
            found = [parcel_rows.parcel(*row[:4]) for row in rows[:limit]]
            return ParcelPage(found, parcel_rows.next_key(rows, limit, lambda row: [row[4]]), total)

        return await self._database.read(work)

    async def within(self, filter_: ParcelFilter, limit: int) -> list[Parcel]:
        """Current parcels that match, in the order in which they were put, at most `limit`, with WGS 84 geometry only."""
        return await self._database.read(
            lambda connection: [parcel_rows.parcel(*row) for row in parcel_map.within(connection, filter_, limit)]
        )

    async def squares(self, filter_: ParcelFilter, side: int) -> list[ParcelSquare]:
        """Current parcels that match, counted by square of the filter's box, `side` squares along each side."""
        return await self._database.read(lambda connection: parcel_map.squares(connection, filter_, side))

    async def neighbours(self, name: str) -> list[Parcel]:
        """Current parcels whose bounds touch those of a parcel, itself left out, with geometry, by name."""

        def work(connection: sqlite3.Connection) -> list[Parcel]:
            row = _head(connection, name, _BARE)
            if row is None:
                raise NotFound(name)
            parcel = parcel_rows.parcel(*row)
            if not parcel.HasField("bounds"):
                return []
            where, *values = sql.touches(parcel.bounds)
            rows = connection.execute(
                f"SELECT {_FULL} FROM {sql.CURRENT} JOIN geometry AS g ON g.version = v.id"
                f" WHERE {where} AND v.name <> ? ORDER BY v.name",
                (*values, parcel.name),
            )
            return [parcel_rows.parcel(*each) for each in rows]

        return await self._database.read(work)

    async def find(self, keys: Sequence[ParcelKey]) -> list[list[Parcel]]:
        """For each key the current parcels that it means, by name, without geometry: the join with news."""

        def one(connection: sqlite3.Connection, key: ParcelKey) -> list[Parcel]:
            marks = ", ".join("?" * len(key.communes))
            rows = connection.execute(
                f"SELECT {_BARE} FROM {sql.CURRENT} WHERE v.commune IN ({marks})"
                " AND v.sheet_key = ? AND v.number_key = ? ORDER BY v.name",
                (*key.communes, number_key(key.sheet), number_key(key.number)),
            )
            return [parcel_rows.parcel(*row) for row in rows]

        return await self._database.read(lambda connection: [one(connection, key) for key in keys])

    # ------------------------------------------------------------ findings

    async def findings(self, filter_: FindingFilter, limit: int, after: Sequence[object] | None = None) -> FindingPage:
        """Findings that match, most serious first, then by rule code, then by name."""
        where, values = sql.finding_condition(filter_)
        key = after or [-1, "", ""]

        def work(connection: sqlite3.Connection) -> FindingPage:
            total = connection.execute(f"SELECT count(*) FROM {sql.FINDINGS} WHERE {where}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT f.finding, f.rank, f.rule_code, f.name FROM {sql.FINDINGS} WHERE {where}"
                " AND (f.rank, f.rule_code, f.name) > (?, ?, ?) ORDER BY f.rank, f.rule_code, f.name LIMIT ?",
                (*values, *key, limit + 1),
            ).fetchall()
            found = [Finding.FromString(row[0]) for row in rows[:limit]]
            return FindingPage(found, parcel_rows.next_key(rows, limit, lambda row: list(row[1:])), total)

        return await self._database.read(work)

    async def summarize(self, areas: Sequence[str]) -> list[LandSummary]:
        """How each of these communes of today stands, in the order given."""
        marks = ", ".join("?" * len(areas))
        rows = await self._all(f"SELECT * FROM summary WHERE area IN ({marks})", tuple(areas))
        known = {
            area: parcel_rows.summary(area, parcels, area_m2, json.loads(counts), newest, *sides)
            for area, parcels, area_m2, counts, newest, *sides in rows
        }
        return [known.get(area, LandSummary(area)) for area in areas]

    async def put_layer(self, layer: str, outlines: Sequence[AreaOutline]) -> None:
        """Put outlines, one for an area, in the place of all that a layer has: as a whole or not at all."""
        await self._database.write(lambda connection: area_layers.put(connection, layer, outlines))

    async def layer(self, layer: str, areas: Sequence[str]) -> list[AreaOutline]:
        """The outlines of areas in the order given; an area without one is left out."""
        return await self._database.read(lambda connection: area_layers.get(connection, layer, areas))

    async def close(self) -> None:
        """Release the file."""
        await self._database.close()

    async def _all(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return await self._database.read(lambda connection: connection.execute(statement, values).fetchall())

    async def _one(self, statement: str, values: Sequence[object]) -> tuple[bytes, ...] | None:
        return await self._database.read(lambda connection: connection.execute(statement, values).fetchone())


def _running(connection: sqlite3.Connection, name: str) -> int:
    """Id of an import that is running.

    Raises:
        NotFound: there is no such import.
        Conflict: it has ended.
    """
    row = connection.execute("SELECT id, state FROM import WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(name)
    if row[1] != parcel_rows.RUNNING:
        raise parcel_rows.ended(name)
    return int(row[0])


def _keep(connection: sqlite3.Connection, import_id: int, import_: Import) -> None:
    connection.execute(
        "UPDATE import SET state = ?, record = ? WHERE id = ?", (import_.state, import_.SerializeToString(), import_id)
    )


def _put_parcel(connection: sqlite3.Connection, import_id: int, parcel: Parcel) -> None:
    version = connection.execute(
        "INSERT INTO version (import, name, commune, area, sheet_key, number_key, area_m2, west, south, east, north,"
        " parcel, error_count, warning_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sql.version_row(import_id, parcel),
    ).lastrowid
    connection.execute("INSERT INTO geometry VALUES (?, ?, ?)", (version, parcel.source_wkb, parcel.wgs84_wkb))
    if parcel.HasField("bounds"):
        box = parcel.bounds
        connection.execute(
            "INSERT INTO bounds VALUES (?, ?, ?, ?, ?)",
            (version, box.west_deg, box.east_deg, box.south_deg, box.north_deg),
        )
    connection.executemany("INSERT OR IGNORE INTO alias VALUES (?, ?)", [(name, version) for name in parcel.aliases])


def _put_finding(connection: sqlite3.Connection, import_id: int, finding: Finding) -> None:
    cursor = connection.execute(
        "INSERT OR IGNORE INTO finding (import, rank, rule_code, name, parcel, longitude, latitude, finding)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        sql.finding_row(import_id, finding),
    )
    if cursor.rowcount:
        connection.executemany(
            "INSERT INTO participant VALUES (?, ?)",
            [(name, cursor.lastrowid) for name in parcel_rows.participants(finding)],
        )
        if finding.HasField("location"):
            east, north = finding.location.longitude_deg, finding.location.latitude_deg
            connection.execute("INSERT INTO place VALUES (?, ?, ?, ?, ?)", (cursor.lastrowid, east, east, north, north))


def _head(connection: sqlite3.Connection, name: str, columns: str) -> tuple[bytes, int, bytes, bytes] | None:
    """The current version by name, else the first by name among those that had this name before."""
    query = (
        f"SELECT {columns} FROM {sql.CURRENT} JOIN geometry AS g ON g.version = v.id WHERE {{}} ORDER BY v.name LIMIT 1"
    )
    for condition in ("h.name = ?", "v.id IN (SELECT version FROM alias WHERE alias = ?)"):
        row: tuple[bytes, int, bytes, bytes] | None = connection.execute(query.format(condition), (name,)).fetchone()
        if row is not None:
            return row
    return None
