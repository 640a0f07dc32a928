"""Communes as shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline

from services.core.areas import register
from services.gateway.cells import cells
from tests.services.gateway.conftest import Ask

NAM_TRA_MY = [f"areas/2025-{code}" for code in ("20944", "20941", "20950", "20938", "20959")]


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return cells(unit.name for unit in register().units(2025, 3))


def test_every_commune_has_a_cell_that_holds_its_point(whole: dict[str, Any]) -> None:
    units = register().units(2025, 3)
    assert len(whole) == len(units) == 3321
    for unit in units:
        assert whole[unit.name].is_valid
        assert whole[unit.name].buffer(0.004).covers(shapely.Point(unit.lon, unit.lat)), unit.title


def test_cells_do_not_overlap(whole: dict[str, Any]) -> None:
    shapes = list(whole.values())
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection([shapes[i] for i in left], [shapes[j] for j in right]))
    assert max(shared[left != right]) < 1e-5  # square degrees: what rounding to a metre makes of a long border


def test_neighbours_stay_neighbours_and_a_part_is_cut_like_the_whole(whole: dict[str, Any]) -> None:
    part = cells(NAM_TRA_MY)
    for name in NAM_TRA_MY:
        assert part[name].symmetric_difference(whole[name]).area < 1e-4
    assert part["areas/2025-20944"].buffer(1e-4).intersects(part["areas/2025-20941"])


async def test_the_communes_asked_for_come_as_geojson_and_say_that_they_are_schematic(ask: Ask) -> None:
    query = "&".join(f"areas={name}" for name in [*NAM_TRA_MY, "areas/2025-00000"])
    answer = await ask("GET", f"/v1/areas.geojson?{query}")
    assert answer.headers["content-type"] == "application/geo+json"
    features = json.loads(answer.body)["features"]
    assert [feature["properties"]["name"] for feature in features] == NAM_TRA_MY
    assert {feature["properties"]["outline"] for feature in features} == {"schematic"}
    assert features[0]["properties"]["title"] == "Xã Nam Trà My"


async def test_a_commune_with_a_loaded_outline_comes_with_it_and_the_others_stay_schematic(ask: Ask) -> None:
    outline = shapely.MultiPolygon(
        [shapely.box(108.1, 15.1, 108.2, 15.2), shapely.box(108.3, 15.1, 108.31234567, 15.2)]
    )
    store = ask.parcels  # type: ignore[attr-defined]
    await store.put_layer("communes", [AreaOutline(area=NAM_TRA_MY[1], wgs84_wkb=shapely.to_wkb(outline))])
    query = "&".join(f"areas={name}" for name in [*NAM_TRA_MY, NAM_TRA_MY[1], "areas/2004-20944", "x"])
    features = json.loads((await ask("GET", f"/v1/areas.geojson?{query}")).body)["features"]
    kinds = {feature["id"]: feature["properties"]["outline"] for feature in features}
    assert list(kinds) == NAM_TRA_MY
    assert [name for name, kind in kinds.items() if kind == "loaded"] == [NAM_TRA_MY[1]]
    shape = shapely.from_geojson(json.dumps(features[1]["geometry"]))
    assert shape.symmetric_difference(outline).area < 1e-6
    assert "15.2" in json.dumps(features[1]["geometry"])
    assert "108.312346" in json.dumps(features[1]["geometry"]), "rounded to a tenth of a metre"


async def test_all_communes_at_once_are_asked_for_in_parts(ask: Ask) -> None:
    names = [unit.name for unit in register().units(2025, 3)][:1200]
    wkb = shapely.to_wkb(shapely.box(108.1, 15.1, 108.2, 15.2))
    await ask.parcels.put_layer(  # type: ignore[attr-defined]
        "communes", [AreaOutline(area=name, wgs84_wkb=wkb) for name in names[::2]]
    )
    query = "&".join(f"areas={name}" for name in names)
    features = json.loads((await ask("GET", f"/v1/areas.geojson?{query}")).body)["features"]
    assert [feature["properties"]["outline"] for feature in features] == ["loaded", "schematic"] * 600
