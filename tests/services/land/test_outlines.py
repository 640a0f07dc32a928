"""Outlines of communes: whatever file they come in, they lie in WGS 84; what cannot be used is told and changes nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import shapely
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline, AreaOutlines, AreaOutlinesHeader
from ngoclinh.land.v1.import_service_pb2 import UploadAreaOutlinesRequest
from ngoclinh.land.v1.land_service_pb2 import GetAreaOutlinesRequest

from gis import crs
from services.core.areas import register
from services.land import layers
from services.rpc import status
from tests.gis import files
from tests.services.land.serving import Land, land

LENG, TRA_MY = "areas/2025-20938", "areas/2025-20944"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Land]:
    async with land(tmp_path / "data") as services:
        yield services


def around(name: str, size: float = 0.02) -> shapely.Polygon:
    """A square around a commune's point, WGS 84."""
    unit = register().get(name)
    assert unit is not None
    assert unit.lon is not None
    assert unit.lat is not None
    return shapely.box(unit.lon - size, unit.lat - size, unit.lon + size, unit.lat + size)


def messages(path: Path, **known: Any) -> Iterator[UploadAreaOutlinesRequest]:
    yield UploadAreaOutlinesRequest(header=AreaOutlinesHeader(file_name=path.name, **known))
    content = path.read_bytes()
    for start in range(0, len(content), 100_000):
        yield UploadAreaOutlinesRequest(chunk=content[start : start + 100_000])


async def load(served: Land, path: Path, **known: Any) -> AreaOutlines:
    answer: AreaOutlines = await served.imports.UploadAreaOutlines(messages(path, **known))
    return answer


async def refused(served: Land, path: Path, **known: Any) -> str:
    """The reason for which a file is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await load(served, path, **known)
    assert list((served.folder / "outlines").iterdir()) == []
    return status.reason(status.from_rpc_error(caught.value))


async def outlines(served: Land, *names: str) -> dict[str, shapely.Geometry]:
    answer = await served.parcels.GetAreaOutlines(GetAreaOutlinesRequest(areas=names))
    return {one.area: shapely.from_wkb(one.wgs84_wkb) for one in answer.outlines}


async def test_real_outlines_come_back_as_they_are(served: Land, shared: Path) -> None:
    path = shared / "data/land/areas/nam_tra_my.geojson"
    features = json.loads(path.read_text())["features"]
    answer = await load(served, path)
    assert (answer.outline_count, answer.skipped_count, answer.coordinate_system) == (14, 0, "EPSG:4326")
    assert answer.update_time.seconds > 0
    names = [f"areas/2025-{feature['properties']['code']}" for feature in features]
    found = await outlines(served, *names, "areas/2025-00004")
    assert list(found) == names
    for name, feature in zip(names, features, strict=True):
        assert shapely.equals(found[name], shapely.from_geojson(json.dumps(feature["geometry"])))
    assert list((served.folder / "outlines").iterdir()) == [], "the file is not kept"


@pytest.mark.parametrize(
    ("suffix", "column", "system"),
    [(".gpkg", "ma_xa", 5899), (".shp", "MA_DVHC", 9216), (".gml", "maXa", 4756), (".geojson", "code", 4326)],
)
async def test_every_kind_of_file_and_system_brings_the_same(
    served: Land, tmp_path: Path, suffix: str, column: str, system: int
) -> None:
    squares = [around(LENG), around(TRA_MY)]
    moved = crs.from_wgs84(np.array(squares, dtype=object), system)
    columns = {column: ["20938", "20944"], "ten": ["Trà Leng", "Nam Trà My"]}
    path = files.write(tmp_path / f"xa{suffix}", list(moved), columns, crs=f"EPSG:{system}")
    if suffix == ".shp":
        path = files.pack(tmp_path / "xa.zip", files.shapefile_parts(path))
    answer = await load(served, path)
    assert (answer.outline_count, answer.coordinate_system) == (2, f"EPSG:{system}")
    found = await outlines(served, TRA_MY, LENG)
    for name, square in ((LENG, squares[0]), (TRA_MY, squares[1])):
        assert found[name].symmetric_difference(square).area < 1e-9


async def test_what_cannot_be_used_is_skipped_with_its_reason(served: Land, tmp_path: Path) -> None:
    bow = shapely.Polygon([(108.1, 15.1), (108.2, 15.2), (108.2, 15.1), (108.1, 15.2)])
    rows: list[tuple[str, shapely.Geometry]] = [
        ("20944", around(TRA_MY)),
        ("20941", bow),
        ("99999", around(TRA_MY)),
        ("20938", shapely.Point(108.1, 15.2)),
        ("20950", shapely.affinity.translate(around(TRA_MY), 3, 0)),
        ("20941", around(TRA_MY)),
    ]
    path = files.write_geojson(tmp_path / "xa.geojson", [row[1] for row in rows], [{"code": row[0]} for row in rows])
    answer = await load(served, path)
    assert (answer.outline_count, answer.skipped_count) == (1, 4)
    assert [(one.record, one.code) for one in answer.skipped] == [
        (1, "20941"), (2, "99999"), (3, "20938"), (4, "20950"),
    ]  # fmt: skip
    for one, word in zip(answer.skipped, ("not valid", "no code", "no area", "lies"), strict=True):
        assert word in one.reason.en
        assert one.reason.vi
    assert list(await outlines(served, "areas/2025-20941", TRA_MY)) == [TRA_MY], "half an outline is none"


async def test_parts_of_one_commune_become_one_outline(served: Land, tmp_path: Path) -> None:
    square = around(TRA_MY)
    island = shapely.affinity.translate(square, 0.05)
    path = files.write_geojson(tmp_path / "xa.geojson", [square, island], [{"ma_xa": 20944}, {"ma_xa": 20944}])
    assert (await load(served, path)).outline_count == 1
    (found,) = (await outlines(served, TRA_MY)).values()
    assert found.geom_type == "MultiPolygon"
    assert shapely.equals(found, square.union(island))


async def test_a_file_takes_the_place_of_the_one_before_and_a_bad_one_changes_nothing(
    served: Land, tmp_path: Path
) -> None:
    first = files.write_geojson(tmp_path / "1.geojson", [around(LENG)], [{"code": "20938"}])
    second = files.write_geojson(tmp_path / "2.geojson", [around(TRA_MY)], [{"code": "20944"}])
    await load(served, first)
    await load(served, second)
    assert list(await outlines(served, LENG, TRA_MY)) == [TRA_MY]
    nameless = files.write_geojson(tmp_path / "3.geojson", [around(LENG)], [{"ten": "Trà Leng"}])
    unknown = files.write_geojson(tmp_path / "4.geojson", [around(LENG)], [{"code": "99999"}])
    swapped = files.write_geojson(
        tmp_path / "5.geojson", [shapely.transform(around(LENG), lambda xy: xy[:, ::-1])], [{"code": "20938"}]
    )
    (tmp_path / "6.geojson").write_text("{")
    assert await refused(served, nameless) == "UNREADABLE_FILE"
    assert await refused(served, unknown) == "UNREADABLE_FILE"
    assert await refused(served, swapped) == "UNUSABLE_COORDINATE_SYSTEM"
    assert await refused(served, tmp_path / "6.geojson") == "UNREADABLE_FILE"
    assert await refused(served, first, coordinate_system="5899") == "UNUSABLE_COORDINATE_SYSTEM"
    assert await refused(served, first, coordinate_system="x") == "INVALID_FIELD"
    assert list(await outlines(served, LENG, TRA_MY)) == [TRA_MY]


async def test_outlines_that_do_not_fit_into_one_answer_come_in_several(served: Land) -> None:
    names = [unit.name for unit in register().units(2025, 3)[:60]]
    large = [AreaOutline(area=name, wgs84_wkb=bytes(200_000)) for name in names]
    await served.store.put_layer(layers.COMMUNES, large)
    found, token, answers = [], "", 0
    while answers == 0 or token:
        page = await served.parcels.GetAreaOutlines(GetAreaOutlinesRequest(areas=names[::-1], page_token=token))
        found += [one.area for one in page.outlines]
        token, answers = page.next_page_token, answers + 1
    assert (found, answers) == (names[::-1], 4)
    first = await served.parcels.GetAreaOutlines(GetAreaOutlinesRequest(areas=names))
    other = GetAreaOutlinesRequest(areas=names[1:], page_token=first.next_page_token)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.parcels.GetAreaOutlines(other)
    assert status.reason(status.from_rpc_error(caught.value)) == "INVALID_PAGE_TOKEN"
