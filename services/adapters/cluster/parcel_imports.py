"""Imports in PostGIS: staged by COPY, made visible in one transaction, taken back without a trace."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel

from services.adapters import parcel_rows as rows
from services.adapters.cluster.postgres_pool import Connection
from services.core.errors import NotFound
from services.core.names import number_key

_COLUMNS: dict[str, str] = {
    "import": "int8",
    "name": "text",
    "commune": "text",
    "area": "text",
    "sheet": "text",
    "number": "text",
    "sheet_key": "text",
    "number_key": "text",
    "land_use_code": "text",
    "declared_area_m2": "float8",
    "area_m2": "float8",
    "scale": "int4",
    "srid": "int4",
    "west": "float8",
    "south": "float8",
    "east": "float8",
    "north": "float8",
    "error_count": "int4",
    "warning_count": "int4",
    "aliases": "text[]",
    "record": "bytea",
    "source": "bytea",
    "wgs84": "bytea",
}
"""Columns of `version` and their types."""

_COPY = f"COPY version ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_PUT_FINDING = (
    "INSERT INTO finding (import, rank, rule_code, name, parcel, longitude, latitude, participants, message, record)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
_HEAD = (
    "name, import, commune, area, sheet_key, number_key, area_m2, west, south, east, north, error_count, warning_count,"
    " aliases"
)
_MEASURE = """
    UPDATE summary SET
        (west, south, east, north) = (
            SELECT min(h.west), min(h.south), max(h.east), max(h.north) FROM head AS h WHERE h.area = summary.area
        ),
        (focus_west, focus_south, focus_east, focus_north) = (
            SELECT min(h.west), min(h.south), max(h.east), max(h.north)
            FROM head AS h WHERE h.area = summary.area AND h.west IS NOT NULL
            GROUP BY trunc((h.west + h.east) * 50), trunc((h.south + h.north) * 50)
            ORDER BY count(*) FILTER (WHERE h.error_count > 0) DESC, count(*) DESC, 1, 2 LIMIT 1
        )
    WHERE area = ANY(%s)
"""
"""Where the parcels of communes lie. A square is 0.01 degrees wide; a parcel is in that of the middle of its bounds."""
_COMMITS = 0x70617263656C73
"""Key of the advisory lock under which what is current changes: the letters "parcels"."""
WHOLE_S = 900
"""Most seconds for a statement about all parcels of an import: a province has some million."""
MANY = 1000
"""Parcels of an import after which the planner's statistics are made anew at once."""


@asynccontextmanager
async def patience(connection: Connection) -> AsyncIterator[None]:
    """Let the statements of this transaction take as long as an import needs."""
    await connection.execute(f"SET LOCAL statement_timeout = '{WHOLE_S}s'; SET LOCAL lock_timeout = '{WHOLE_S}s'")
    usual, connection.patience_s = connection.patience_s, WHOLE_S + 5.0
    try:
        yield
    finally:
        connection.patience_s = usual


async def running(connection: Connection, name: str) -> int:
    """Id of an import that is running; nobody else changes it until the transaction ends.

    Raises:
        NotFound: there is no such import.
        Conflict: it has ended.
    """
    cursor = await connection.execute("SELECT id, state FROM import WHERE name = %s FOR UPDATE", (name,))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(name)
    if row[1] != rows.RUNNING:
        raise rows.ended(name)
    return int(row[0])


async def begin(connection: Connection, import_: Import) -> None:
    """Keep a new import in state RUNNING; one that runs already starts anew."""
    cursor = await connection.execute(
        "INSERT INTO import (name, state, record) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (import_.name, import_.state, import_.SerializeToString()),
    )
    if not cursor.rowcount:
        async with patience(connection):
            import_id = await running(connection, import_.name)
            await connection.execute("DELETE FROM version WHERE import = %s", (import_id,))
            await connection.execute("DELETE FROM finding WHERE import = %s", (import_id,))
            await _keep(connection, import_id, import_)


def version_rows(parcels: Sequence[Parcel]) -> list[tuple[object, ...]]:
    """The columns of `version` besides the import."""
    return [
        (
            parcel.name,
            parcel.commune,
            parcel.current_area,
            parcel.sheet,
            parcel.number,
            number_key(parcel.sheet),
            number_key(parcel.number),
            parcel.land_use_code,
            parcel.declared_area_m2 if parcel.HasField("declared_area_m2") else None,
            parcel.computed_area_m2,
            parcel.scale,
            _srid(parcel.coordinate_system),
            *rows.corners(parcel),
            parcel.error_count,
            parcel.warning_count,
            list(parcel.aliases),
            rows.record(parcel),
            parcel.source_wkb,
            parcel.wgs84_wkb,
        )
        for parcel in parcels
    ]


async def stage(connection: Connection, import_id: int, versions: Sequence[tuple[object, ...]]) -> None:
    """Add what `version_rows` gave to a running import."""
    async with connection.cursor().copy(_COPY) as copy:
        copy.set_types(list(_COLUMNS.values()))
        for version in versions:
            await copy.write_row((import_id, *version))


async def stage_findings(connection: Connection, import_id: int, findings: Sequence[Finding]) -> None:
    """Add findings to a running import; the same finding again changes nothing."""
    await connection.cursor().executemany(
        _PUT_FINDING,
        [
            (
                import_id,
                rows.rank(finding.severity),
                finding.rule_code,
                finding.name,
                finding.parcel,
                *rows.place(finding),
                sorted(rows.participants(finding)),
                finding.message.vi,
                finding.SerializeToString(),
            )
            for finding in findings
        ],
    )


async def commit(connection: Connection, import_: Import) -> None:
    """Give the parcels of an import the heads, and count their communes anew; commits come one after the other."""
    async with patience(connection):
        await lock(connection)
        await _make_current(connection, import_)


async def _make_current(connection: Connection, import_: Import) -> None:
    import_id = await running(connection, import_.name)
    await _keep(connection, import_id, import_)
    await connection.execute(
        "UPDATE import SET commit_time = %s,"
        " commit_number = (SELECT coalesce(max(commit_number), 0) + 1 FROM import) WHERE id = %s",
        (import_.update_time.ToMicroseconds(), import_id),
    )
    cursor = await connection.execute(
        "SELECT area FROM version WHERE import = %(import)s AND area <> '' UNION"
        " SELECT h.area FROM version AS v JOIN head AS h ON h.name = v.name WHERE v.import = %(import)s AND h.area <> ''",
        {"import": import_id},
    )
    areas = [area for (area,) in await cursor.fetchall()]
    await connection.execute(
        "DELETE FROM head USING version AS v WHERE v.import = %s AND v.name = head.name", (import_id,)
    )
    cursor = await connection.execute(
        f"INSERT INTO head (version, {_HEAD}, shape)"
        f" SELECT id, {_HEAD}, CASE WHEN west IS NOT NULL THEN polygons(wgs84, 4326) END FROM version WHERE import = %s",
        (import_id,),
    )
    if cursor.rowcount > MANY:
        await connection.execute("ANALYZE head, finding")
    await _summarize(connection, areas)


async def fail(connection: Connection, import_: Import) -> None:
    """End an import without parcels; its findings stay."""
    async with patience(connection):
        import_id = await running(connection, import_.name)
        await connection.execute("DELETE FROM version WHERE import = %s", (import_id,))
        await _keep(connection, import_id, import_)


async def lock(connection: Connection) -> None:
    """Wait until nobody else changes what is current; it stays so until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_COMMITS,))


async def _keep(connection: Connection, import_id: int, import_: Import) -> None:
    await connection.execute(
        "UPDATE import SET state = %s, record = %s WHERE id = %s",
        (import_.state, import_.SerializeToString(), import_id),
    )


async def _summarize(connection: Connection, areas: Sequence[str]) -> None:
    await connection.execute("DELETE FROM summary WHERE area = ANY(%s)", (areas,))
    await connection.execute(
        """
        INSERT INTO summary (area, parcel_count, area_m2, counts, newest)
        SELECT h.area, count(*), sum(h.area_m2 ORDER BY h.version), coalesce(found.counts, '[]'), max(i.commit_time)
        FROM head AS h JOIN import AS i ON i.id = h.import LEFT JOIN (
            SELECT area, jsonb_agg(jsonb_build_array(rank, rule_code, number)) AS counts FROM (
                SELECT h.area, f.rank, f.rule_code, count(*) AS number
                FROM head AS h JOIN finding AS f ON f.parcel = h.name AND f.import = h.import
                WHERE h.area = ANY(%(areas)s) GROUP BY 1, 2, 3
            ) AS one GROUP BY 1
        ) AS found USING (area)
        WHERE h.area = ANY(%(areas)s) GROUP BY h.area, found.counts
        """,
        {"areas": areas},
    )
    await connection.execute(_MEASURE, (areas,))


def _srid(coordinate_system: str) -> int:
    """The number of "EPSG:5899"; 0 for anything else."""
    match = re.fullmatch(r"EPSG:(\d{1,6})", coordinate_system)
    return int(match[1]) if match else 0
