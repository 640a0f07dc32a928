"""A file becomes parcels and findings in a child; a hostile one costs bounded time and memory, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import struct
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import shapely
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState

from services.core.errors import (
    InvalidField,
    NgocLinhError,
    Overloaded,
    RefusedFile,
    TooLarge,
    Unavailable,
    UnreadableFile,
)
from services.core.sections.work import LandSettings
from services.land import child, reader
from services.land.reader import Workers
from tests.gis import files
from tests.services.land.sheets import OPTIONS, read, request
from tests.waiting import until

TIGHT = LandSettings(reader_timeout_s=20, reader_memory_mb=1024)
BOUND_S = 40
"""More than `TIGHT` allows, with room for a busy machine."""


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No child and no temporary folder outlives a call."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert _readers() == []


def _readers() -> list[int]:
    """The reader children of this process."""
    return [pid for pid in _children() if "reader_child" in _command(pid)]


def _children() -> list[int]:
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                pids.append(int(entry.name))
    return pids


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".gml"])
async def test_a_sheet_in_order_gives_parcels_and_no_finding_of_weight(tmp_path: Path, suffix: str) -> None:
    path = files.write(tmp_path / f"to3{suffix}", files.squares(3), files.cadastral_columns(3))
    answer = await read(path, **OPTIONS)
    assert answer.steps == ["reading", "crs", "validation"]
    assert answer.done.state == ImportState.IMPORT_STATE_COMMITTED
    assert (answer.done.coordinate_system, answer.done.coordinate_system_origin) == ("EPSG:5899", "file")
    assert (answer.done.parcel_count, answer.done.error_count, answer.done.warning_count) == (3, 0, 0)
    assert [parcel.name for parcel in answer.parcels] == [f"parcels/2004-20944-3-{number}" for number in (1, 2, 3)]
    first = answer.parcels[0]
    assert (first.commune, first.current_area) == ("areas/2004-20944", "areas/2025-20944")
    assert (first.declared_area_m2, first.scale, first.land_use_code) == (400, 1000, "ONT")
    assert first.computed_area_m2 == pytest.approx(400)
    assert shapely.from_wkb(first.source_wkb).equals(files.squares(1)[0])
    west, south, east, north = shapely.from_wkb(first.wgs84_wkb).bounds
    assert (first.bounds.west_deg, first.bounds.north_deg) == (west, north)
    assert 108.0 < west < east < 108.2
    assert 15.1 < south < north < 15.2


async def test_without_a_name_no_parcels_come(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(3), files.cadastral_columns(3))
    answer = await read(path, name="", **OPTIONS)
    assert answer.parcels == []
    assert answer.done.parcel_count == 3


async def test_findings_name_their_parcels_in_both_languages(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(files.EAST, files.NORTH), (files.EAST + 9, files.NORTH + 9), (files.EAST + 9, files.NORTH), (files.EAST, files.NORTH + 9)])  # fmt: skip
    columns = {**files.cadastral_columns(2), "dt_phap_ly": [40.0, 500.0]}
    path = files.write(tmp_path / "a.gpkg", [bow_tie, files.squares(2)[1]], columns)
    answer = await read(path, **OPTIONS)
    invalid = next(finding for finding in answer.findings if finding.rule_code == "G02")
    assert invalid.parcel == "parcels/2004-20944-3-1"
    assert getattr(invalid, "import") == "imports/i1"
    assert shapely.from_wkb(invalid.location_wkb).equals_exact(shapely.Point(files.EAST + 4.5, files.NORTH + 4.5), 1e-6)
    assert 108.0 < invalid.location.longitude_deg < 108.2
    assert answer.parcels[0].error_count == 1
    area = next(finding for finding in answer.findings if finding.rule_code == "A01")
    assert (area.measured_value, area.unit_code) == (pytest.approx(100), "m2")
    assert "thửa 2" in area.message.vi or "400" in area.message.vi
    assert answer.done.error_count == sum(finding.severity == 3 for finding in answer.findings)


async def test_the_same_file_gives_the_same_findings_by_name(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(5, gap=0.5), files.cadastral_columns(5))
    first, second = await read(path, **OPTIONS), await read(path, name="imports/i2", **OPTIONS)
    assert [finding.name for finding in first.findings] == [finding.name for finding in second.findings]
    assert len({finding.name for finding in first.findings}) == len(first.findings)


async def test_equal_keys_get_the_number_of_their_record(tmp_path: Path) -> None:
    columns = {**files.cadastral_columns(3), "so_thua": ["7", "7", "8"]}
    answer = await read(files.write(tmp_path / "a.gpkg", files.squares(3), columns), **OPTIONS)
    assert [parcel.name.rpartition("-")[2] for parcel in answer.parcels] == ["7", "7~1", "8"]
    assert "K01" in answer.codes()


async def test_an_unknown_edition_is_said_once(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(3), files.cadastral_columns(3))
    answer = await read(path)
    assert answer.parcels[0].name == "parcels/unknown-20944-3-1"
    assert answer.parcels[0].commune == answer.parcels[0].current_area == ""
    said = [finding for finding in answer.findings if finding.rule_code == "K02"]
    assert [(finding.severity, finding.record) for finding in said] == [(1, -1)]
    dated = await read(path, as_of_date="2024-06-30")
    assert dated.parcels[0].name == "parcels/2004-20944-3-1"
    named = await read(path, edition=2025)
    assert named.parcels[0].name == "parcels/2025-20944-3-1"


async def test_a_former_number_becomes_an_alias(tmp_path: Path) -> None:
    columns = {**files.cadastral_columns(2), "soHieuToBanDoCu": ["1", ""], "soThuTuThuaCu": ["77", ""]}
    answer = await read(files.write(tmp_path / "a.gpkg", files.squares(2), columns), **OPTIONS)
    assert [list(parcel.aliases) for parcel in answer.parcels] == [["parcels/2004-20944-1-77"], []]


async def test_records_without_numbers_are_named_after_the_file(tmp_path: Path) -> None:
    path = files.write(tmp_path / "ruong vườn.gpkg", files.squares(2), {"ten": ["a", "b"]})
    answer = await read(path)
    assert [parcel.name for parcel in answer.parcels] == ["parcels/unknown-unknown-ruong.vườn-1", "parcels/unknown-unknown-ruong.vườn-2"]  # fmt: skip
    assert (await read(path)).parcels[1].name == answer.parcels[1].name


async def test_degrees_in_geojson_are_placed_and_measured_in_metres(tmp_path: Path) -> None:
    shapes = [shapely.box(108.10, 15.10, 108.101, 15.101)]
    answer = await read(files.write_geojson(tmp_path / "a.geojson", shapes, [{"so_to": 3, "so_thua": 7}]), **OPTIONS)
    assert answer.done.coordinate_system == "EPSG:4326"
    assert answer.parcels[0].computed_area_m2 == pytest.approx(107.5 * 110.6, rel=0.01)
    assert shapely.from_wkb(answer.parcels[0].source_wkb).equals(shapes[0])


async def test_a_wrong_meridian_rejects_the_sheet_and_keeps_no_parcel(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(3), files.cadastral_columns(3), crs="EPSG:9217")
    answer = await read(path, **OPTIONS)
    assert answer.done.state == ImportState.IMPORT_STATE_REJECTED
    assert answer.parcels == []
    assert answer.codes(3) == ["C02"]
    assert "5899" in answer.done.problem.vi


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"coordinate_system": "108-99"}, "coordinate_system"),
        ({"commune": "areas/2004-99999"}, "options.commune"),
        ({"commune": "areas/1990-20944"}, "options.commune"),
        ({"as_of_date": "31/02/2024"}, "options.as_of_date"),
        ({"edition": 2010}, "options.edition"),
        ({"scale": 7}, "options.scale"),
    ],
)
async def test_options_that_mean_nothing_are_told_by_field(tmp_path: Path, options: dict[str, str], field: str) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(1))
    with pytest.raises(InvalidField) as caught:
        await read(path, **options)
    assert caught.value.field == field
    assert caught.value.vi != caught.value.en


async def test_a_file_that_cannot_be_used_is_told_as_its_kind_of_error(tmp_path: Path) -> None:
    (tmp_path / "empty.shp").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty") as caught:
        await read(tmp_path / "empty.shp")
    assert caught.value.vi == "Tệp rỗng (0 byte)."
    zone_unknown = files.write(tmp_path / "a.shp", files.squares(2))
    zone_unknown.with_suffix(".prj").unlink()
    with pytest.raises(NgocLinhError) as unknown:
        await read(zone_unknown)
    assert unknown.value.reason == "UNKNOWN_COORDINATE_SYSTEM"


# ---------------------------------------------------------------- hostile files


class Listener:
    """A loopback server that counts who calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/x"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


async def test_no_file_makes_the_reader_call_out(tmp_path: Path, listener: Listener) -> None:
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{listener.url}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    schema = (
        '<?xml version="1.0"?><gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' xsi:schemaLocation="urn:x {listener.url}.xsd"><gml:featureMember><a><geom xlink:href="{listener.url}#b"/></a>'
        "</gml:featureMember></gml:FeatureCollection>"
    )
    doctype = f'<!DOCTYPE a SYSTEM "{listener.url}"><a xmlns:gml="http://www.opengis.net/gml"/>'
    link = {"type": "link", "properties": {"href": listener.url}}
    linked = json.dumps({"type": "FeatureCollection", "features": [], "crs": link})
    for name, text in (
        ("a.gml", vrt),
        ("b.gml", schema),
        ("c.gml", doctype),
        ("d.geojson", linked),
        ("e.geojson", listener.url),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(NgocLinhError):
            await read(tmp_path / name)
    assert listener.calls == 0


async def test_a_vrt_does_not_open_another_file(tmp_path: Path) -> None:
    secret = files.write(tmp_path / "secret.gpkg", files.squares(1), files.cadastral_columns(1))
    for name in ("thua.gml", "thua.gpkg", "thua.zip"):
        path = tmp_path / name
        path.write_text(
            f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
        )
        with pytest.raises(RefusedFile):
            await read(path)
        with pytest.raises(RefusedFile):
            await read(files.pack(tmp_path / "packed.zip", {name: path}))


async def test_a_recursive_view_and_a_bomb_end_within_their_bounds(tmp_path: Path) -> None:
    endless = "CREATE VIEW thua AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, x'' AS geom FROM n"
    view = files.geopackage_by_hand(tmp_path / "a.gpkg", [], ["DROP TABLE thua", endless])
    bomb = files.pack(tmp_path / "b.zip", {"a.gpkg": b"SQLite format 3\0" + bytes(200 << 20)})
    start = time.monotonic()
    with pytest.raises(RefusedFile):
        await read(view, land=TIGHT)
    with pytest.raises(RefusedFile):
        await read(bomb, land=TIGHT)
    assert time.monotonic() - start < BOUND_S


def tangle(vertices: int, seed: int = 1) -> shapely.Polygon:
    """A ring that crosses itself everywhere: what makes repair explode."""
    rng = random.Random(seed)
    return shapely.Polygon(
        [(files.EAST + rng.random() * 100, files.NORTH + rng.random() * 100) for _ in range(vertices)]
    )


async def test_tangled_rings_are_findings_or_end_at_the_limit(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", [tangle(400, seed) for seed in range(20)], files.cadastral_columns(20))
    start = time.monotonic()
    try:
        answer = await read(path, land=LandSettings(reader_timeout_s=8), **OPTIONS)
        assert answer.codes().count("G02") == 20
    except TooLarge:
        pass
    assert time.monotonic() - start < BOUND_S


async def test_a_parcel_with_too_many_vertices_is_a_finding(tmp_path: Path) -> None:
    circle = shapely.Point(files.EAST, files.NORTH).buffer(50, quad_segs=500)
    path = files.write(tmp_path / "a.gpkg", [circle, files.squares(9)[8]], files.cadastral_columns(2))
    answer = await read(path, land=LandSettings(max_vertices=1000), **OPTIONS)
    assert [(finding.rule_code, finding.record) for finding in answer.findings if finding.severity == 3] == [("G05", 0)]


async def test_counts_that_lie_about_a_ring_cost_nothing(tmp_path: Path) -> None:
    huge = struct.pack("<BIII", 1, 3, 1, 0xFFFFFFF0)
    many = struct.pack("<BII", 1, 6, 0xFFFFFFF0)
    nested = struct.pack("<BII", 1, 7, 1) * 50_000
    good = shapely.to_wkb(files.squares(1)[0])
    path = files.geopackage_by_hand(tmp_path / "a.gpkg", [good, huge, many, nested])
    start = time.monotonic()
    try:
        answer = await read(path, land=TIGHT)
        assert answer.done.parcel_count == 4
        assert {finding.record for finding in answer.findings if finding.rule_code == "G05"} >= {1, 2}
    except (UnreadableFile, TooLarge):
        pass
    assert time.monotonic() - start < BOUND_S


async def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    files.geopackage_by_hand(path, [])
    with sqlite3.connect(path) as db:
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60) INSERT INTO thua (so_to) SELECT hex(zeroblob(8000000)) FROM n")  # fmt: skip
    db.close()
    with pytest.raises(TooLarge, match="memory"):
        await read(path, land=LandSettings(reader_memory_mb=512, reader_timeout_s=60))


async def test_time_is_bounded_and_the_child_is_gone(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2000), files.cadastral_columns(2000))
    start = time.monotonic()
    with pytest.raises(TooLarge, match=r"more than 0\.05 seconds"):
        await read(path, land=LandSettings(reader_timeout_s=0.05))
    assert time.monotonic() - start < BOUND_S


async def test_a_reader_that_is_left_early_ends_its_child(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2), files.cadastral_columns(2))
    answers = reader.read_file(path, Import(name="imports/i1"), LandSettings())
    await anext(answers)
    await answers.aclose()  # type: ignore[attr-defined]


async def test_folders_of_a_killed_service_are_swept_away(tmp_path: Path, nothing_is_left_behind: Path) -> None:
    left = nothing_is_left_behind / "ngoclinh-reader-999999999-abc"
    left.mkdir()
    child._sweep.cache_clear()
    await read(files.write(tmp_path / "a.gpkg", files.squares(2)))
    assert not left.exists()


# ---------------------------------------------------------------- requests


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    workers = Workers(LandSettings(), count=1)
    yield workers
    await workers.close()


SQUARE = files.squares(1)[0]


OPEN = [(files.EAST, files.NORTH), (files.EAST + 9, files.NORTH), (files.EAST + 9, files.NORTH + 9)]


async def test_the_three_forms_of_a_geometry_give_the_same_report(workers: Workers) -> None:
    forms = ({"wkb": shapely.to_wkb(SQUARE)}, {"wkt": SQUARE.wkt}, {"geojson": shapely.to_geojson(SQUARE)})
    key = {"sheet": "3", "number": "7", "declared_area_m2": 500, "land_use_code": "ONT"}
    reports = [await workers.validate(request(form | key, coordinate_system="107-45", **OPTIONS)) for form in forms]
    assert reports[0] == reports[1] == reports[2]
    assert (reports[0].crs, reports[0].crs_origin, reports[0].parcel_count) == ("EPSG:5899", "user", 1)
    assert [finding.rule_code for finding in reports[0].findings if finding.severity > 1] == ["A01"]
    assert reports[0].findings[0].parcel == "parcels/2004-20944-3-7"


@pytest.mark.parametrize(
    "form",
    [
        {"wkb": files.open_polygon(OPEN)},
        {"wkt": f"POLYGON (({', '.join(f'{x} {y}' for x, y in OPEN)}))"},
        {"geojson": json.dumps({"type": "Polygon", "coordinates": [OPEN]})},
    ],
)
async def test_an_open_ring_is_a_finding(workers: Workers, form: dict[str, str]) -> None:
    report = await workers.validate(request(form, coordinate_system="5899"))
    assert [finding.rule_code for finding in report.findings if finding.severity == 3] == ["G01"]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"wkt": "POLYGON ((0 0, 9"}, "parcels[1].wkt"),
        ({"geojson": '{"a": 1}'}, "parcels[1].geojson"),
        ({"geojson": "[" * 100_000}, "parcels[1].geojson"),
        ({"wkb": b"\x01\x03\x00"}, "parcels[1].wkb"),
    ],
)
async def test_what_is_no_geometry_is_told_by_its_place(workers: Workers, form: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        await workers.validate(request({"wkt": SQUARE.wkt}, form, coordinate_system="5899"))
    assert caught.value.field == field


@pytest.mark.parametrize("number", ["nan", "inf", "1e308", "-1e308"])
async def test_numbers_that_are_no_coordinates_are_findings(workers: Workers, number: str) -> None:
    wkt = f"POLYGON ((537600 1677300, 537620 1677300, {number} 1677320, 537600 1677300))"
    report = await workers.validate(request({"wkt": wkt}, {"wkt": SQUARE.wkt}, coordinate_system="5899"))
    assert ("G05", 0) in [(finding.rule_code, finding.record) for finding in report.findings]


async def test_projected_numbers_without_a_zone_are_refused(workers: Workers) -> None:
    with pytest.raises(NgocLinhError) as caught:
        await workers.validate(request({"wkt": SQUARE.wkt}))
    assert caught.value.reason == "UNKNOWN_COORDINATE_SYSTEM"
    report = await workers.validate(request({"wkt": SQUARE.wkt}, commune="areas/2004-20944"))
    assert (report.crs, report.crs_origin) == ("EPSG:5899", "detected")
    degrees = shapely.to_geojson(shapely.box(108.1, 15.1, 108.101, 15.101))
    assert (await workers.validate(request({"geojson": degrees}))).crs == "EPSG:4326"


async def test_a_request_that_takes_too_long_is_killed_and_the_next_is_served(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workers.validate(request({"wkt": SQUARE.wkt}, coordinate_system="5899"))
    monkeypatch.setattr(reader, "INLINE_LIMIT_S", 0.02)
    heavy = request(*({"wkb": shapely.to_wkb(tangle(300, seed))} for seed in range(300)), coordinate_system="5899")
    start = time.monotonic()
    with pytest.raises(TooLarge, match=r"0\.02 seconds"):
        await workers.validate(heavy)
    assert time.monotonic() - start < BOUND_S
    monkeypatch.setattr(reader, "INLINE_LIMIT_S", 30)
    assert (await workers.validate(request({"wkt": SQUARE.wkt}, coordinate_system="5899"))).parcel_count == 1


async def test_a_child_that_dies_while_it_works_is_told_and_replaced(workers: Workers) -> None:
    heavy = request(*({"wkb": shapely.to_wkb(tangle(300, seed))} for seed in range(300)), coordinate_system="5899")
    working = asyncio.create_task(workers.validate(heavy))
    await until(_readers)
    await asyncio.sleep(0.5)
    for pid in _readers():
        os.kill(pid, signal.SIGSEGV)
    with pytest.raises(UnreadableFile, match="broke down") as caught:
        await working
    assert "dừng đột ngột" in caught.value.vi


async def test_a_child_that_is_killed_from_outside_may_be_asked_again(workers: Workers) -> None:
    heavy = request(*({"wkb": shapely.to_wkb(tangle(300, seed))} for seed in range(300)), coordinate_system="5899")
    working = asyncio.create_task(workers.validate(heavy))
    await until(_readers)
    for pid in _readers():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="try again"):
        await working


async def test_a_child_that_died_while_it_waited_is_replaced(workers: Workers) -> None:
    await workers.warm()
    for pid in _readers():
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.3)
    assert (await workers.validate(request({"wkt": SQUARE.wkt}, coordinate_system="5899"))).parcel_count == 1


async def test_a_crowd_is_served_in_turn_and_turned_away_beyond_the_limit(workers: Workers) -> None:
    asked = [workers.validate(request({"wkt": SQUARE.wkt}, coordinate_system="5899")) for _ in range(40)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert len(refused) == 8
    assert all(answer in refused or answer.parcel_count == 1 for answer in answers)  # type: ignore[union-attr]


async def test_a_warm_child_answers_again_and_again(workers: Workers) -> None:
    asked = request({"wkt": SQUARE.wkt, "sheet": "3", "number": "7"}, coordinate_system="5899", **OPTIONS)
    await workers.warm()
    children = _readers()
    for _ in range(15):
        assert (await workers.validate(asked)).parcel_count == 1
    assert _readers() == children
