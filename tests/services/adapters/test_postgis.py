"""The schema `parcels`: coordinate systems of VN-2000, what users may not do, views for QGIS, on the real server."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
import yaml
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline
from psycopg import errors
from pyproj import CRS
from pyproj.crs import CoordinateOperation

from gis.crs.systems import GEOGRAPHIC, TM3, UTM, system
from gis.crs.transform import DATUM_SHIFT, points
from services.adapters.cluster import migrate
from services.adapters.cluster.parcels_postgis import PostgisParcelStore
from services.adapters.cluster.postgres import Postgres
from services.core.errors import Unavailable
from tests.conftest import ROOT
from tests.contracts.parcel_store_worker import AREA, a_finding, a_parcel, put
from tests.engines import Postgres as Server

pytestmark = pytest.mark.cluster

SINGLE = range(9205, 9219)
DELTA = (104.24, 9.35, 107.11, 11.04)
"""West, south, east, north of EPSG:5194, which PROJ prefers there."""
METRES = 111_320.0
"""Of a degree, at most."""


@pytest.fixture(scope="module")
def url(postgres: Server) -> str:
    """A database with an empty store."""
    return postgres.database()


@pytest.fixture
async def store(url: str) -> PostgisParcelStore:
    """The store, its schema made."""
    async with PostgisParcelStore(url) as store:
        await store.database.prepare()
        return store


@pytest.fixture
def connection(store: PostgisParcelStore, url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody who knows only SQL."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


# ---------------------------------------------------------------- coordinate systems


def position_vector() -> str:
    """EPSG:6960 as TOWGS84 wants it: the rotations of the method Coordinate Frame negated."""
    operation = CoordinateOperation.from_epsg(DATUM_SHIFT)
    assert operation.method_name.startswith("Coordinate Frame")
    shift = {parameter.name: parameter.value for parameter in operation.params}
    axes = ("X", "Y", "Z")
    values = [shift[f"{axis}-axis translation"] for axis in axes] + [-shift[f"{axis}-axis rotation"] for axis in axes]
    return ",".join(repr(value) for value in (*values, shift["Scale difference"]))


@pytest.mark.parametrize("epsg", [*SINGLE, 5897, 5899])
def test_a_zone_is_written_as_proj_says_it(connection: psycopg.Connection[Any], epsg: int) -> None:
    [(authority, code, srtext, proj4text)] = connection.execute(
        "SELECT auth_name, auth_srid, srtext, proj4text FROM spatial_ref_sys WHERE srid = %s", (epsg,)
    ).fetchall()
    plain = CRS.from_epsg(epsg).to_wkt("WKT1_GDAL")
    ellipsoid = 'AUTHORITY["EPSG","7030"]],'
    expected = plain.replace(ellipsoid, f"{ellipsoid}TOWGS84[{position_vector()}],", 1)
    zone = system(epsg)
    assert zone is not None
    assert (authority, code) == ("EPSG", epsg)
    assert srtext == expected.replace("VN-2000 / TM-3 107-45", "VN-2000 / TM-3 Da Nang zone")
    assert proj4text == (
        f"+proj=tmerc +lat_0=0 +lon_0={zone.central_meridian:g} +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 "
        f"+towgs84={position_vector()} +units=m +no_defs"
    )


@pytest.mark.parametrize("epsg", [*TM3, *UTM, GEOGRAPHIC])
def test_postgis_transforms_as_the_readers_do(connection: psycopg.Connection[Any], epsg: int) -> None:
    zone = system(epsg)
    middle, width = (zone.central_meridian, 3 if zone.six_degrees else 1.5) if zone else (106.0, 3)
    degrees = np.array([
        (longitude, latitude)
        for longitude in np.linspace(middle - width, middle + width, 7)
        for latitude in np.linspace(8.4, 23.3, 16)
    ])  # fmt: skip
    there = points(degrees, 4326, epsg)
    back = points(there, epsg, 4326)
    rows = connection.execute(
        """
        SELECT ST_X(there), ST_Y(there), ST_X(back), ST_Y(back), ST_X(lawful), ST_Y(lawful) FROM (
            SELECT n, ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), %(epsg)s) AS there,
                ST_Transform(ST_SetSRID(ST_MakePoint(x, y), %(epsg)s), 4326) AS back,
                parcels.to_wgs84(ST_SetSRID(ST_MakePoint(x, y), %(epsg)s)) AS lawful
            FROM unnest(%(lon)s::float8[], %(lat)s::float8[], %(x)s::float8[], %(y)s::float8[])
                WITH ORDINALITY AS given (lon, lat, x, y, n)
        ) AS moved ORDER BY n
        """,
        {"epsg": epsg, "lon": [*degrees[:, 0]], "lat": [*degrees[:, 1]], "x": [*there[:, 0]], "y": [*there[:, 1]]},
    ).fetchall()
    found = np.array(rows, dtype=float)
    west, south, east, north = DELTA
    beside = (
        np.abs(degrees - ((west + east) / 2, (south + north) / 2)) > ((east - west) / 2, (north - south) / 2)
    ).any(axis=1)
    per_unit = METRES if epsg == GEOGRAPHIC else 1.0
    assert np.abs(found[:, 4:6] - back).max() * METRES < 1e-6, "everywhere"
    assert np.abs(found[beside, 0:2] - there[beside]).max() * per_unit < 1e-6
    assert np.abs(found[beside, 2:4] - back[beside]).max() * METRES < 1e-6
    assert beside.any()


def test_codes_that_are_there_already_stay_as_they_are(postgres: Server) -> None:
    url = postgres.database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute(
            "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, proj4text) VALUES (9210, 'EPSG', 9210, '+proj=longlat')"
        )
        for script in migrate.scripts("parcels")[:1] * 2:
            connection.execute(script.statements)
        kept = connection.execute(
            "SELECT count(*), min(proj4text) FILTER (WHERE srid = 9210) FROM spatial_ref_sys WHERE srid BETWEEN 9205 AND 9218"
        ).fetchone()
    assert kept == (14, "+proj=longlat")


# ---------------------------------------------------------------- what a user may not do


async def test_who_may_not_make_the_extension_is_told_what_an_administrator_does(postgres: Server) -> None:
    url = _owned(postgres, "plain_office")
    async with PostgisParcelStore(url) as store:
        with pytest.raises(Unavailable) as refused:
            await store.import_("imports/x")
        assert "không được tạo phần mở rộng PostGIS" in refused.value.vi
        assert (
            "CREATE EXTENSION postgis SCHEMA public; GRANT INSERT ON spatial_ref_sys TO plain_office;"
            in refused.value.en
        )
        assert refused.value.vi != refused.value.en
        database = url.rpartition("/")[2]
        postgres.sql("CREATE EXTENSION postgis SCHEMA public", database)
        with pytest.raises(Unavailable, match="GRANT INSERT ON spatial_ref_sys TO plain_office"):
            await store.import_("imports/x")
        postgres.sql("GRANT INSERT ON spatial_ref_sys TO plain_office", database)
        assert await store.import_("imports/x") is None, "nothing needs to be started anew"


async def test_a_database_as_the_operator_of_kubernetes_makes_it_is_enough(postgres: Server) -> None:
    objects = yaml.safe_load_all((ROOT / "k8s/components/cnpg/cluster.yaml").read_text(encoding="utf-8"))
    (bootstrap,) = (each["spec"]["bootstrap"]["initdb"] for each in objects if each["kind"] == "Cluster")
    url = _owned(postgres, bootstrap["owner"])
    for statement in bootstrap["postInitApplicationSQL"]:
        postgres.sql(statement, url.rpartition("/")[2])
    async with PostgisParcelStore(url) as store:
        assert await store.import_("imports/x") is None, "the schema is made by a user without privileges"


async def test_a_server_without_postgis_is_told_in_both_languages(postgres: Server, tmp_path: Path) -> None:
    [script, *_] = migrate.scripts("parcels")
    text = script.statements.decode().replace("IF NOT EXISTS postgis SCHEMA", "IF NOT EXISTS no_such_extension SCHEMA")
    (tmp_path / "0001_coordinate_systems.sql").write_text(text)
    store = Postgres(postgres.database(), "parcels", tmp_path)
    with pytest.raises(Unavailable, match="lacks PostGIS") as missing:
        await store.prepare()
    assert "chưa cài PostGIS" in missing.value.vi
    await store.close()


def _owned(postgres: Server, role: str) -> str:
    """The address of a new database for a role without privileges that owns it."""
    name = postgres.database().rpartition("/")[2]
    postgres.sql(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    postgres.sql(f"ALTER DATABASE {name} OWNER TO {role}")
    return postgres.dsn(name).replace("postgres@", f"{role}@")


# ---------------------------------------------------------------- views


async def test_a_reader_opens_the_views_and_no_table(postgres: Server) -> None:
    url = postgres.database()
    documented = re.findall(r"```sql\n(.+?)```", (ROOT / "docs/qgis.md").read_text(), re.DOTALL)[0]
    square = shapely.box(500_000, 1_600_000, 500_100, 1_600_050)
    line = shapely.LineString([(108, 15), (108.001, 15.001)])
    async with PostgisParcelStore(url) as store:
        parcels = [
            a_parcel(1, source_wkb=shapely.to_wkb(square), land_use_code="LUC"),
            a_parcel(2, source_wkb=b"\0no WKB", wgs84_wkb=shapely.to_wkb(line)),
        ]
        await put(store, 1, parcels, [a_finding("f", parcels[0])])
        await store.put_layer("communes", [AreaOutline(area=AREA, wgs84_wkb=parcels[0].wgs84_wkb)])
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(documented.encode())
        tables = [name for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'parcels'")]
    with psycopg.connect(url.replace("postgres@", "qgis@"), autocommit=True) as reader:
        rows = reader.execute(
            "SELECT number, land_use_code, ST_Area(shape::geography), GeometryType(shape) FROM parcels.current"
            " ORDER BY name"
        ).fetchall()
        assert rows[0][:2] == ("1", "LUC")
        assert rows[0][2] == pytest.approx(0.001**2 * METRES**2 * math.cos(math.radians(15)), rel=0.01)
        assert rows[0][3] == "MULTIPOLYGON"
        assert rows[1] == ("2", "", None, None), "a line is no polygon to draw"
        assert reader.execute(
            "SELECT srid, ST_SRID(shape), ST_Area(shape) FROM parcels.current_in_plane ORDER BY name"
        ).fetchall() == [(5899, 5899, 5000.0), (5899, None, None)]
        assert reader.execute("SELECT severity, parcel, ST_X(place) FROM parcels.current_findings").fetchall() == [
            ("ERROR", parcels[0].name, pytest.approx(108.0015))
        ]
        assert reader.execute("SELECT layer, area, ST_NPoints(shape) FROM parcels.current_outlines").fetchall() == [
            ("communes", AREA, 5)
        ]
        for name in tables:
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(f"SELECT * FROM parcels.{name}")
        shown = reader.execute(
            "SELECT f_table_name, type, srid FROM geometry_columns WHERE f_table_schema = 'parcels' AND f_table_name = 'current'"
        ).fetchall()
        assert shown == [("current", "MULTIPOLYGON", 4326)], "what QGIS offers"
    assert {"import", "version", "head", "finding", "outline"} <= set(tables)


async def test_a_map_window_of_qgis_is_answered_from_the_index_of_shapes(
    store: PostgisParcelStore, connection: psycopg.Connection[Any]
) -> None:
    async with PostgisParcelStore(connection.info.dsn) as other:
        await put(other, 50, [a_parcel(number) for number in range(3000)], [])
    plan = connection.execute(
        "EXPLAIN SELECT id, shape FROM parcels.current WHERE shape && ST_MakeEnvelope(108.1, 15, 108.103, 15.1, 4326)"
    ).fetchall()
    assert any("head_shape" in line for (line,) in plan), plan
