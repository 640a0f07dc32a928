"""The core rules of a sheet against PostGIS: parcels per CPU second, on fabrics without and with T-junctions.

Ours are the rules about validity (G02 to G04), declared areas (A01), overlaps (T01), copies (T03) and gaps (T02) with
their findings. The peer is what one writes in SQL for the same: `ST_IsValid`, `ST_Area`, a self-join over the index with
`ST_Relate` and `ST_Intersection`, and the holes of `ST_Union`. Its table and its index are made beforehand, and it runs in
one process without a limit that would slow it down; what counts is that process's CPU seconds. Both must name the same
invalid parcels, the same wrong areas, the same pairs and the same gaps.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely

from bench.harness import Peer, compare, engine, quick
from gis.gaps import torn
from gis.limits import limit, table
from gis.model import Context, Geometries, ParcelTable
from gis.rules import RULES
from gis.synthetic import FAULT_KINDS, fabric, inject
from tests.engines import Postgres

CASES = (("land_rules_postgis_clean", 0.0, 10.0), ("land_rules_postgis_t_junctions", 0.03, 5.0))
SCALE = 1000
VALIDITY = ("ring_crosses_itself", "ring_touches_itself", "rings_badly_nested")
CORE = (*VALIDITY, "area_differs", "parcels_overlap", "parcels_duplicate", "gap_between_parcels")
WRONG_AREAS = 0.01
"""Share of the parcels whose declared area is wrong."""


@dataclass(frozen=True)
class Answer:
    """What one of the two found."""

    invalid: set[int]
    wrong_areas: set[int]
    pairs: set[tuple[int, int]]
    gaps: Geometries
    """Their outlines, shape (k,)."""


def ours(sheet: ParcelTable, ctx: Context) -> Answer:
    """By the rules; nothing is kept from an earlier round."""
    fresh = ParcelTable(**{**vars(sheet), "memo": {}})
    found = [finding for rule in CORE for finding in RULES[rule](fresh, ctx) if finding.record >= 0]

    def records(*rules: str) -> set[int]:
        return {one.record for one in found if one.rule in rules}

    pairs = {(one.record, one.related[0]) for one in found if one.rule == "parcels_overlap"}
    for group in (sorted((one.record, *one.related)) for one in found if one.rule == "parcels_duplicate"):
        pairs |= {(first, second) for first in group for second in group if first < second}
    outlines = [one.location for one in found if one.rule == "gap_between_parcels"]
    return Answer(records(*VALIDITY), records("area_differs"), pairs, np.array(outlines, dtype=object))


def tolerance_sql(area: str) -> str:
    """The allowed difference of areas, linear between the knots, as an expression."""
    row = table("accuracy.toml")["area"]["scale"][str(SCALE)]
    low, terms = row["base_upto_m2"], [str(row["base_m2"])]
    for high, per_10_m2 in row["per_10_m2"]:
        terms.append(f"{per_10_m2 / 10!r} * greatest(least({area}, {high}) - {low}, 0)")
        low = high
    return " + ".join([*terms, f"{row['beyond_per_10_m2'] / 10!r} * greatest({area} - {low}, 0)"])


OVERLAP_M2, GAP_M2, GAP_WIDTH_M = (limit(f"rules.{key}").value for key in ("overlap_m2", "gap_m2", "gap_width_m"))
INVALID = "CREATE TEMP TABLE broken ON COMMIT DROP AS SELECT id FROM parcel WHERE NOT ST_IsValid(geom)"
AREAS = f"""
    SELECT id FROM parcel WHERE abs(ST_Area(geom) - declared) > {tolerance_sql("declared")}
    AND NOT EXISTS (SELECT FROM broken WHERE broken.id = parcel.id)
"""
REPAIR = """
    UPDATE parcel SET geom = ST_MakeValid(geom, 'method=structure keepcollapsed=false') FROM broken
    WHERE parcel.id = broken.id
"""
PAIRS = f"""
    SELECT a.id, b.id FROM parcel AS a JOIN parcel AS b ON a.geom && b.geom AND a.id < b.id
    WHERE ST_Relate(a.geom, b.geom, 'T********') AND ST_Area(ST_Intersection(a.geom, b.geom)) > {OVERLAP_M2}
"""
GAPS = f"""
    WITH part AS (SELECT (ST_Dump(ST_Union(geom))).geom FROM parcel),
    ring AS (SELECT ST_DumpRings(geom) AS ring FROM part),
    hole AS (SELECT (ring).geom FROM ring WHERE (ring).path[1] > 0)
    SELECT ST_AsBinary(geom) FROM hole
    WHERE ST_Area(geom) > {GAP_M2} AND 2 * ST_Area(geom) / ST_Perimeter(geom) < {GAP_WIDTH_M}
"""


def by_sql(connection: psycopg.Connection[Any]) -> Answer:
    """By SQL; the table is afterwards as before."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        return connection.execute(statement.encode()).fetchall()

    with connection.transaction(force_rollback=True):
        connection.execute(INVALID)
        invalid = {record for (record,) in rows("SELECT id FROM broken")}
        areas = {record for (record,) in rows(AREAS)}
        connection.execute(REPAIR)
        pairs = set(rows(PAIRS))
        holes = shapely.from_wkb([wkb for (wkb,) in rows(GAPS)])
    return Answer(invalid, areas, pairs, np.asarray(holes, dtype=object))


def same(sheet: ParcelTable, ctx: Context) -> Callable[[Answer, Answer], bool]:
    """Whether two answers agree.

    Holes that an invalid boundary or a spike tears are left to the rules about those: they are no gaps for us, and are
    taken out of the peer's answer before the two are compared.
    """

    def agree(mine: Answer, theirs: Answer) -> bool:
        holes = theirs.gaps[~torn(sheet, ctx, theirs.gaps, shapely.point_on_surface(theirs.gaps))]
        middle = shapely.point_on_surface(mine.gaps)
        hole, gap = shapely.STRtree(middle).query(holes, predicate="contains")
        alike = np.isclose(shapely.area(holes[hole]), shapely.area(mine.gaps[gap]), rtol=0, atol=GAP_M2)
        for label, one, other in (
            ("invalid", mine.invalid, theirs.invalid),
            ("areas", mine.wrong_areas, theirs.wrong_areas),
            ("pairs", mine.pairs, theirs.pairs),
            ("gaps", (len(mine.gaps), True), (len(holes), len(np.unique(hole[alike])) == len(mine.gaps))),
        ):
            if one != other:
                print(f"{label}: {one} {other}", file=sys.stderr)
                return False
        return True

    return agree


def backend_seconds(connection: psycopg.Connection[Any]) -> Callable[[], float]:
    """A clock of the CPU seconds, user and system, of the server's process behind a connection."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat")
    ticks = os.sysconf("SC_CLK_TCK")

    def seconds() -> float:
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    return seconds


def load(connection: psycopg.Connection[Any], sheet: ParcelTable) -> None:
    """The table of the peer, with its index and its statistics.

    No index on `id`: from some 100,000 parcels on the planner would scan it for `a.id < b.id` beside every window of the
    self-join, which takes hours.
    """
    connection.execute("DROP TABLE IF EXISTS parcel")
    connection.execute("CREATE TABLE parcel (id integer, declared double precision, geom geometry)")
    shapes = shapely.to_wkb(shapely.set_srid(sheet.geometry, 5899), hex=True, include_srid=True)
    with connection.cursor().copy("COPY parcel FROM STDIN") as copy:
        for record, (declared, shape) in enumerate(zip(sheet.declared_area_m2.tolist(), shapes, strict=True)):
            copy.write_row((record, declared, shape))
    connection.execute("CREATE INDEX ON parcel USING gist (geom)")
    connection.execute("VACUUM ANALYZE parcel")


def sheet_of(count: int, t_junction_share: float) -> ParcelTable:
    """A fabric with about 1 % of faults of every kind, and as many wrong areas."""
    clean = fabric(count, seed=1, t_junction_share=t_junction_share).geometry
    kinds = [kind for _ in range(count // 700) for kind in FAULT_KINDS]
    shapes, _ = inject(clean, kinds, seed=1)
    declared = shapely.area(shapes).round(1)
    rng = np.random.default_rng(1)
    wrong = rng.choice(len(shapes), int(len(shapes) * WRONG_AREAS), replace=False)
    declared[wrong] *= rng.uniform(0.5, 2, len(wrong))
    return ParcelTable.from_geometry(shapes, declared_area_m2=declared, scale=[SCALE] * len(shapes))


def main() -> int:
    """Measures both kinds of fabric."""
    small = quick(__doc__ or "")
    count, rounds = (20_000, 3) if small else (200_000, 3)
    with engine(Postgres) as server, psycopg.connect(server.database(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("SET work_mem = '512MB'; SET max_parallel_workers_per_gather = 0; SET jit = off")
        [[version]] = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'").fetchall()
        [[geos]] = connection.execute("SELECT postgis_geos_version()").fetchall()
        for name, share, goal in CASES:
            sheet, ctx = sheet_of(count, share), Context(epsg=5899)
            load(connection, sheet)
            found = ours(sheet, ctx)
            compare(
                name,
                ours=lambda sheet=sheet, ctx=ctx: ours(sheet, ctx),  # type: ignore[misc]
                peer=lambda: by_sql(connection),
                peer_named=Peer("PostGIS", f"{version} (GEOS {geos}, PostgreSQL {server_version(connection)})"),
                peer_clock=backend_seconds(connection),
                count=len(sheet),
                unit="parcels/cpu_s",
                goal=goal,
                rounds=rounds,
                same=same(sheet, ctx),
                extra={
                    "parcels": len(sheet),
                    "vertices": int(shapely.get_num_coordinates(sheet.geometry).sum()),
                    "invalid": len(found.invalid),
                    "wrong_areas": len(found.wrong_areas),
                    "pairs": len(found.pairs),
                    "gaps": len(found.gaps),
                },
            )
    return 0


def server_version(connection: psycopg.Connection[Any]) -> str:
    """Of PostgreSQL. Example: "15.14"."""
    return f"{connection.info.server_version // 10000}.{connection.info.server_version % 10000}"


if __name__ == "__main__":
    sys.exit(main())
