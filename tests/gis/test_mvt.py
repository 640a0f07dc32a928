"""Tiles, read back, draw what was put in."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from gis import mvt
from gis.crs import to_wgs84
from gis.synthetic.fabric import fabric
from tests.gis import tiles

TILE = mvt.Tile(14, 13109, 7513)
WEST, SOUTH, EAST, NORTH = TILE.bounds()
UNIT = (EAST - WEST) / mvt.EXTENT


def drawn(shape: shapely.Geometry | None) -> list[int]:
    (commands,) = mvt.polygons(np.array([shape], dtype=object), TILE)
    return commands


def read(commands: list[int]) -> shapely.Geometry:
    data = mvt.encode([mvt.layer("a", mvt.POLYGON, [commands], [{}])])
    return tiles.shape(tiles.features(data, "a")[0][1])


def units(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    """A box by tile units, y down, in degrees."""
    height = (NORTH - SOUTH) / mvt.EXTENT
    return shapely.box(WEST + x0 * UNIT, NORTH - y1 * height, WEST + x1 * UNIT, NORTH - y0 * height)


@pytest.mark.parametrize("tile", [mvt.Tile(0, 0, 0), TILE, mvt.Tile(22, 3356000, 1923400)])
def test_places_are_those_of_web_mercator(tile: mvt.Tile) -> None:
    west, south, east, north = tile.bounds()
    corners = tile.locate(np.array([(west, north), (east, south)]))
    assert corners == pytest.approx(np.array([(0, 0), (mvt.EXTENT, mvt.EXTENT)]), abs=1e-3)
    place = np.array([(west + 0.3 * (east - west), south + 0.4 * (north - south))])
    half = 20037508.342789244
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(*place[0])
    expected = [((x / half + 1) / 2 * 2**tile.z - tile.x), ((1 - y / half) / 2 * 2**tile.z - tile.y)]
    assert tile.locate(place)[0] / mvt.EXTENT == pytest.approx(expected, abs=1e-6)


def test_every_parcel_of_a_fabric_comes_back_within_a_unit() -> None:
    shapes = to_wgs84(fabric(400, 3, origin=(545_000.0, 1_676_000.0)).geometry, 5899)
    lon, lat = shapely.get_coordinates(shapely.centroid(shapely.union_all(shapes)))[0]
    zero = mvt.Tile(0, 0, 0).locate(np.array([(lon, lat)]))[0] / mvt.EXTENT * 2**15
    tile = mvt.Tile(15, *map(int, zero))
    window = shapely.box(*tile.bounds())
    seen = 0
    for parcel, commands in zip(shapes, mvt.polygons(shapes, tile), strict=True):
        inside = parcel.intersection(window)
        if not commands:
            assert inside.area < 1e-12
            continue
        seen += 1
        back = tiles.on_earth(read(commands), tile).intersection(window)
        one_unit = (window.bounds[2] - window.bounds[0]) / mvt.EXTENT
        assert back.symmetric_difference(inside).area <= one_unit * (inside.length + 4 * one_unit)
    assert seen > 50


def test_rings_run_as_the_format_asks_whatever_way_they_came() -> None:
    outer, hole = units(100, 100, 900, 900), units(300, 300, 500, 500)
    for shell in (outer.exterior.coords, list(outer.exterior.coords)[::-1]):
        for inner in (hole.exterior.coords, list(hole.exterior.coords)[::-1]):
            back = read(drawn(shapely.Polygon(shell, [inner])))
            assert back.area == 800 * 800 - 200 * 200
            assert len(back.geoms[0].interiors) == 1


def test_parts_of_a_multipolygon_are_one_feature() -> None:
    back = read(drawn(shapely.MultiPolygon([units(0, 0, 10, 10), units(20, 20, 40, 40)])))
    assert sorted(part.area for part in back.geoms) == [100, 400]


def test_shapes_end_in_the_buffer() -> None:
    back = read(drawn(shapely.box(WEST - 1, SOUTH - 1, EAST + 1, NORTH + 1)))
    assert back.bounds == (-mvt.BUFFER, -mvt.BUFFER, mvt.EXTENT + mvt.BUFFER, mvt.EXTENT + mvt.BUFFER)
    corner = read(drawn(units(4000, 4000, 9000, 9000)))
    assert corner.bounds == (4000, 4000, mvt.EXTENT + mvt.BUFFER, mvt.EXTENT + mvt.BUFFER)


@pytest.mark.parametrize(
    "shape",
    [
        None,
        shapely.Polygon(),
        shapely.Point(WEST, NORTH),
        shapely.LineString([(WEST, NORTH), (EAST, SOUTH)]),
        shapely.Polygon([(WEST, NORTH), (np.inf, NORTH), (EAST, SOUTH)]),
        shapely.from_wkt("POLYGON ((0 0, nan 1, 1 1, 0 0))"),
        shapely.box(WEST + UNIT, SOUTH + UNIT, WEST + 1.2 * UNIT, SOUTH + 1.2 * UNIT),
        shapely.box(EAST + 1, SOUTH, EAST + 2, NORTH),
        shapely.Polygon([(WEST, SOUTH), (EAST, NORTH), (WEST, SOUTH), (EAST, NORTH)]),
    ],
)
def test_what_cannot_be_seen_draws_nothing(shape: shapely.Geometry | None) -> None:
    assert drawn(shape) == []


def test_a_hole_goes_with_its_outer_ring_and_a_tiny_hole_alone() -> None:
    tiny = shapely.Polygon(units(100, 100, 100.3, 100.3).exterior, [units(90, 90, 95, 95).exterior])
    assert drawn(tiny) == []
    holed = shapely.Polygon(units(100, 100, 200, 200).exterior, [units(150, 150, 150.2, 150.2).exterior])
    assert read(drawn(holed)).area == 100 * 100


def test_a_bow_tie_is_drawn() -> None:
    x, y = WEST + 100 * UNIT, SOUTH + 100 * UNIT
    tie = shapely.Polygon([(x, y), (x + 90 * UNIT, y + 60 * UNIT), (x + 90 * UNIT, y), (x, y + 50 * UNIT)])
    assert not tie.is_valid
    assert (
        len(tiles.rings(tiles.features(mvt.encode([mvt.layer("a", mvt.POLYGON, [drawn(tie)], [{}])]), "a")[0][1])) == 1
    )


@given(st.lists(st.tuples(st.floats(-9000, 13000), st.floats(-9000, 13000)), min_size=3, max_size=12))
def test_no_ring_whatever_it_looks_like_leaves_the_buffer_or_loses_its_winding(
    corners: list[tuple[float, float]],
) -> None:
    height = (NORTH - SOUTH) / mvt.EXTENT
    commands = drawn(shapely.Polygon([(WEST + x * UNIT, NORTH - y * height) for x, y in corners]))
    if commands:
        (ring,) = tiles.rings(tiles.features(mvt.encode([mvt.layer("a", mvt.POLYGON, [commands], [{}])]), "a")[0][1])
        assert tiles.doubled_area(ring) > 0
        assert all(-mvt.BUFFER <= number <= mvt.EXTENT + mvt.BUFFER for place in ring for number in place)
        assert all(one != other for one, other in zip(ring, ring[1:] + ring[:1], strict=True))


def test_attributes_are_shared_and_keep_their_kinds() -> None:
    places = np.array([(WEST, NORTH), ((WEST + EAST) / 2, NORTH), (EAST + 1, NORTH)])
    properties: list[dict[str, mvt.Value]] = [{"so": "1", "n": 1}, {"so": "1", "n": -1, "x": 1.5}, {"so": "unseen"}]
    data = mvt.encode(
        [mvt.layer("p", mvt.POINT, mvt.points(places, TILE), properties), mvt.layer("q", mvt.POINT, [], [])]
    )
    found = tiles.features(data, "p")
    assert [attributes for attributes, _ in found] == properties[:2]
    assert [tiles.rings(feature) for _, feature in found] == [[[(0, 0)]], [[(2048, 0)]]]
    layer = tiles.layers(data)["p"]
    assert (layer.version, layer.extent, list(layer.keys)) == (2, 4096, ["so", "n", "x"])
    assert len(layer.values) == 4
    assert list(tiles.layers(data)) == ["p"], "an empty layer is left out"
