"""PostgreSQL with PostGIS keeps the clauses of `ParcelStore`, and what it alone has to keep."""

from __future__ import annotations

import asyncio
import json
import math
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.message import Message
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import ImportOptions, ImportState

from gis.mvt import Tile
from gis.synthetic import nam_tra_my_sheet
from services.adapters.cluster import parcel_conditions as conditions
from services.adapters.cluster.parcels_postgis import PostgisParcelStore
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.core.errors import Conflict, Unavailable
from services.core.ports import ParcelStore
from services.core.sections.work import LandSettings
from services.land.importer import Importer
from services.land.tiles import Tiles
from services.land.uploads import Uploads
from tests.conftest import ROOT
from tests.contracts.parcel_store import MEASURED, ParcelStoreContract, finding_names, names, of_import
from tests.contracts.parcel_store_worker import (
    AREA,
    PARCELS_IN_AN_IMPORT,
    a_finding,
    a_parcel,
    an_import,
    put,
)
from tests.engines import Postgres

pytestmark = pytest.mark.cluster

FACTORY = "services.adapters.cluster.parcels_postgis:PostgisParcelStore"
COMMITTED, RUNNING = ImportState.IMPORT_STATE_COMMITTED, ImportState.IMPORT_STATE_RUNNING


class TestPostgisParcelStore(ParcelStoreContract):
    factory = FACTORY

    @pytest.fixture(autouse=True)
    def server(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def location(self, tmp_path: Path) -> str:
        return self.postgres.database()

    def fresh(self, place: str) -> str:
        name = place.rpartition("/")[2]
        self.postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
        self.postgres.sql(f"CREATE DATABASE {name}")
        return place

    def unmeasure(self, place: str) -> None:
        dropped = ", ".join(f"DROP COLUMN {column}" for column in MEASURED)
        self.postgres.sql(
            f"ALTER TABLE parcels.summary {dropped}; DELETE FROM parcels.migration WHERE name = '0005_extents'",
            place.rpartition("/")[2],
        )


@pytest.fixture
def place(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
async def store(place: str) -> AsyncIterator[PostgisParcelStore]:
    async with PostgisParcelStore(place) as store:
        yield store


# ---------------------------------------------------------------- imports at the same time


async def test_imports_of_the_same_parcels_at_once_come_one_after_the_other(store: PostgisParcelStore) -> None:
    async def bring(number: int) -> None:
        parcels = [a_parcel(record, computed_area_m2=float(number)) for record in range(50)]
        await put(store, number, parcels, [a_finding(f"f{number}", parcels[0])])

    await asyncio.gather(*(bring(number) for number in range(1, 7)))
    page = await store.parcels(ParcelFilter(), 100)
    assert len({getattr(parcel, "import") for parcel in page.parcels}) == 1, "one import won as a whole"
    history = await store.history(page.parcels[0].name)
    assert len(history) == 6
    assert history[-1].computed_area_m2 == page.parcels[0].computed_area_m2, "the last of the history is current"
    [summary] = await store.summarize([AREA])
    assert (summary.parcel_count, summary.error_count) == (50, 1)
    assert summary.area_m2 == 50 * page.parcels[0].computed_area_m2


async def test_two_who_end_the_same_import_at_once_end_it_once(store: PostgisParcelStore) -> None:
    await store.begin_import(an_import(1))
    await store.put_parcels("imports/i1", [a_parcel(1)])
    ends = await asyncio.gather(
        store.commit(an_import(1, COMMITTED)),
        store.fail(an_import(1, ImportState.IMPORT_STATE_CANCELLED)),
        return_exceptions=True,
    )
    [refused] = [end for end in ends if end is not None]
    assert isinstance(refused, Conflict)
    kept = await store.import_("imports/i1")
    assert kept is not None
    assert (kept.state == COMMITTED) == (await names(store) == [a_parcel(1).name])


async def test_a_cancelled_import_leaves_no_row(store: PostgisParcelStore, place: str) -> None:
    await store.begin_import(an_import(1))
    await store.put_parcels("imports/i1", [a_parcel(number) for number in range(20)])
    with pytest.raises(Conflict):
        await store.put_parcels("imports/i1", [a_parcel(30), a_parcel(3)])
    await store.fail(an_import(1, ImportState.IMPORT_STATE_CANCELLED))
    with psycopg.connect(place) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM parcels.version), (SELECT count(*) FROM parcels.head)"
        ).fetchone()
    assert counts == (0, 0)


# ---------------------------------------------------------------- the server dies


async def test_kill_9_of_the_server_leaves_whole_imports_only_and_loses_none_that_was_told() -> None:
    rng = random.Random(11)
    with Postgres() as server:
        for _ in range(3):
            place = server.database()
            told = run_while_the_server_dies(server, place, after=3, rng=rng)
            server.start()
            async with PostgisParcelStore(place) as store:
                imports = (await store.imports(1000))[0]
                committed = [import_ for import_ in imports if import_.state == COMMITTED]
                assert told == list(range(1, len(told) + 1))
                assert len(committed) in (len(told), len(told) + 1)
                assert len(await names(store)) == PARCELS_IN_AN_IMPORT
                assert len(await store.history(a_parcel(0).name)) == len(committed)
                for import_ in committed:
                    assert len(await finding_names(store, of_import(import_.name))) == PARCELS_IN_AN_IMPORT
                assert (await store.summarize([AREA]))[0].error_count == PARCELS_IN_AN_IMPORT
                for left in (import_ for import_ in imports if import_.state == RUNNING):
                    number = int(left.name.removeprefix("imports/i"))
                    parcels = [a_parcel(record) for record in range(PARCELS_IN_AN_IMPORT + 1)]
                    await put(store, number, parcels, [a_finding("again", parcels[0])])
                    assert len(await names(store)) == PARCELS_IN_AN_IMPORT + 1
                    assert (await store.summarize([AREA]))[0].error_count == 1
                await put(store, 1000, [a_parcel(1)], [])


def run_while_the_server_dies(server: Postgres, place: str, after: int, rng: random.Random) -> list[int]:
    """The imports that were acknowledged to a process until the server was killed at a random moment."""
    command = [sys.executable, "-m", "tests.contracts.parcel_store_worker", FACTORY, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(after)]
        time.sleep(rng.random() * 0.2)
        server.kill()
        told += [int(line) for line in child.stdout if line.strip().isdigit()]
    assert child.returncode, "the process was told that the server is gone"
    return told


async def test_a_store_works_again_when_the_server_does() -> None:
    with Postgres() as server:
        async with PostgisParcelStore(server.database()) as store:
            await put(store, 1, [a_parcel(1)], [])
            server.kill()
            with pytest.raises(Unavailable) as gone:
                await names(store)
            assert str(server.port) in gone.value.vi
            server.start()
            assert await names(store) == [a_parcel(1).name]
            await put(store, 2, [a_parcel(2)], [])


# ---------------------------------------------------------------- indexes


SPARSE = 4000
"""Parcels beside those that a filter asks for: with few the planner rightly reads a whole table."""


async def _fill(place: str) -> None:
    async with PostgisParcelStore(place) as store:
        parcels = [
            a_parcel(
                record,
                sheet=str(record // 50),
                current_area=f"areas/2025-{record % 40:05}",
                aliases=[f"parcels/x{record}"],
            )
            for record in range(2, SPARSE)
        ]
        for number, part in enumerate((parcels[start::20] for start in range(20)), start=2):
            await put(store, number, part, [a_finding(f"f{parcel.record}", parcel) for parcel in part[::2]])
        await put(store, 1, [a_parcel(1)], [a_finding("f", a_parcel(1))])


@pytest.fixture(scope="module")
def large(postgres: Postgres) -> str:
    """A database with imports of many parcels and findings, and a small one."""
    place = postgres.database()
    asyncio.run(_fill(place))
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return place


@pytest.mark.parametrize(
    "filter_",
    [
        ParcelFilter(areas=[AREA]),
        ParcelFilter(areas=[AREA, "areas/2025-00003"]),
        ParcelFilter(commune="areas/2004-20944", sheet="3", number="1"),
        ParcelFilter(bounds=a_parcel(1).bounds),
        ParcelFilter(**{"import": "imports/i1"}),
        FindingFilter(**{"import": "imports/i1"}),
        FindingFilter(parcel=a_parcel(2).name),
        FindingFilter(bounds=a_parcel(1).bounds),
        FindingFilter(areas=[AREA]),
    ],
)
async def test_a_filter_is_answered_from_an_index(large: str, filter_: Message) -> None:
    if isinstance(filter_, ParcelFilter):
        tables, (where, values) = conditions.HEADS, conditions.parcel_condition(filter_)
    else:
        assert isinstance(filter_, FindingFilter)
        tables, where, values = conditions.finding_condition(filter_)
    steps = explained(large, f"{tables} WHERE {where}", values)
    assert not [step for step in steps if "Seq Scan" in step and "Seq Scan on import" not in step], steps


async def test_a_former_name_is_found_from_an_index(large: str) -> None:
    async with PostgisParcelStore(large) as store:
        found = await store.get("parcels/x1234")
    assert found is not None
    assert found.record == 1234
    steps = explained(large, f"{conditions.HEADS} WHERE {conditions.FORMER}", ["parcels/x1234"])
    assert any("head_aliases" in step for step in steps), steps
    assert not any("Seq Scan" in step for step in steps), steps


def explained(place: str, what: str, values: list[object]) -> list[str]:
    """How the server would count rows."""
    with psycopg.connect(place, options="-c search_path=parcels,public") as connection:
        plan = connection.execute(f"EXPLAIN SELECT count(*) FROM {what}".encode(), values).fetchall()
    return [step for (step,) in plan]


# ---------------------------------------------------------------- both stores


SHEETS = (
    "vn_ai4smallfarms.gpkg",
    "nl_brp_2023.gpkg",
    "at_inspire_schlaege_2025.gpkg.zip",
    "se_arslager_skifte_2023.shp.zip",
    "ie_gsaa_2024.gml.zip",
)


async def test_real_sheets_stand_the_same_in_both_stores(postgres: Postgres, shared: Path, tmp_path: Path) -> None:
    files = [shared / "data/land/parcels" / sheet for sheet in (*SHEETS, SHEETS[0])]
    found = await _in_both(postgres.database(), tmp_path, files, ImportOptions())
    assert len(found["parcels"]) > 300
    assert len(found["findings"]) > 10


async def test_a_sheet_of_invented_parcels_stands_the_same_in_both_stores(postgres: Postgres, tmp_path: Path) -> None:
    files = [tmp_path / f"sheet{seed}.geojson" for seed in (1, 2, 1)]
    for seed, file in zip((1, 2, 1), files, strict=True):
        file.write_text(json.dumps(nam_tra_my_sheet(seed).geojson()))
    found = await _in_both(postgres.database(), tmp_path, files, ImportOptions(edition=2004))
    assert len(found["parcels"]) > 400
    assert len(found["findings"]) > 15
    assert sum(summary.parcel_count for summary in found["summaries"]) == len(found["parcels"])
    assert any(summary.rules for summary in found["summaries"])


async def _in_both(place: str, folder: Path, files: Sequence[Path], options: ImportOptions) -> dict[str, Any]:
    """Import files into both stores; what they answer is the same and comes back."""
    async with (
        PostgisParcelStore(place) as cluster,
        SqliteParcelStore(folder / "parcels.sqlite") as embedded,
        SqliteBus(folder / "bus.sqlite") as bus,
    ):
        stores: list[ParcelStore] = [cluster, embedded]
        for store in stores:
            for number, file in enumerate(files, start=1):
                await _import(store, bus, file, folder / type(store).__name__, number, options)
        found, expected = [await _everything(store, len(files)) for store in stores]
    for key, value in found.items():
        assert value == expected[key], key
    assert any(len(history) > 1 for history in found["history"].values()), "a file that comes again"
    assert any(found["neighbours"].values())
    assert any(found["tiles"].values())
    return found


async def _import(
    store: ParcelStore, bus: SqliteBus, file: Path, folder: Path, number: int, options: ImportOptions
) -> None:
    """Bring a file in as import `number` by the importer of the service."""
    name = f"imports/real{number}"
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    await asyncio.to_thread(shutil.copy, file, folder / f"real{number}")
    import_ = an_import(number)
    import_.name, import_.file_name = name, file.name
    import_.options.CopyFrom(options)
    await store.begin_import(import_)
    importer = Importer(
        store, bus, Uploads(folder, 64), LandSettings(), clock=lambda: import_.update_time.ToDatetime(UTC)
    )
    await importer.start()
    async with asyncio.timeout(120):
        while True:
            kept = await store.import_(name)
            if kept is not None and kept.state != RUNNING:
                break
            await asyncio.sleep(0.05)
    await importer.close()
    assert kept.state == COMMITTED, kept


async def _everything(store: ParcelStore, imports: int) -> dict[str, Any]:
    """What a store answers about all that it holds."""
    listed = (await store.parcels(ParcelFilter(), 10_000)).parcels
    areas = sorted({parcel.current_area for parcel in listed if parcel.current_area}) or [AREA]
    whole = {parcel.name: await store.get(parcel.name) for parcel in listed}
    tiles = Tiles(store)
    middles = [
        ((box.west_deg + box.east_deg) / 2, (box.south_deg + box.north_deg) / 2)
        for box in (parcel.bounds for parcel in listed[::40])
        if box.ByteSize()
    ]
    drawn = {}
    for longitude, latitude in middles:
        for zoom in (9, 12, 15, 17):
            tile = _tile(zoom, longitude, latitude)
            drawn[tile] = await tiles.draw(tile)
    by_import = [of_import(f"imports/real{number}") for number in range(1, imports + 1)]
    summaries = await store.summarize(areas)
    return {
        "imports": (await store.imports(100))[0],
        "parcels": whole,
        "order": [parcel.name for parcel in listed],
        "history": {name: await store.history(name) for name in list(whole)[::7]},
        "neighbours": {name: await store.neighbours(name) for name in list(whole)[::7]},
        "findings": (await store.findings(FindingFilter(), 10_000)).findings,
        "findings by import": [(await store.findings(filter_, 10_000)).findings for filter_ in by_import],
        "summaries": [replace(summary, area_m2=round(summary.area_m2, 6)) for summary in summaries],
        "tiles": drawn,
    }


def _tile(zoom: int, longitude: float, latitude: float) -> Tile:
    down = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2
    return Tile(zoom, int((longitude + 180) / 360 * 2**zoom), int(down * 2**zoom))
