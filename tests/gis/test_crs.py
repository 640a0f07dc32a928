"""Coordinate systems: the table, how they are written, detection, resolution, transformation."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from gis import crs
from gis.crs.detect import answer
from gis.crs.transform import points
from services.core.areas import register
from services.core.errors import InvalidField, UnknownCoordinateSystem, UnusableCoordinateSystem

NAM_TRA_MY = "areas/2025-20944"
CENTRE = np.array([[540_000.0, 1_673_000.0]])
"""In xã Nam Trà My, EPSG:5899."""


def rows(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "data" / "land" / "crs" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestTable:
    def test_holds_eighteen_zones_of_three_degrees_two_of_six_and_four_deprecated(self) -> None:
        found = crs.systems()
        assert len(found) == 24
        assert [one.central_meridian for one in found] == sorted(one.central_meridian for one in found)
        good = [one for one in found if not one.deprecated]
        assert {(one.scale_factor, one.six_degrees) for one in good} == {(0.9999, False), (0.9996, True)}
        assert all((one.false_easting, one.false_northing) == (500_000, 0) for one in good)
        assert all((one.false_easting, one.false_northing) == (0, 500_000) for one in found if one.deprecated)

    def test_agrees_with_the_published_tables(self, shared: Path) -> None:
        for row in rows(shared, "vn2000_crs.csv"):
            known = crs.system(int(row["epsg"]))
            assert known is not None
            assert known.title == row["name"]
            assert known.central_meridian == pytest.approx(float(row["central_meridian"]))
        provinces = rows(shared, "province_crs.csv")
        assert len(provinces) == 63
        for row in provinces:
            assert crs.local_systems(f"areas/2004-{row['code_old']}") == (int(row["epsg"]),), row["province_old"]

    def test_a_merged_province_has_several_systems(self) -> None:
        assert set(crs.local_systems("areas/2025-51")) == {5898, 9216}
        assert crs.local_systems("areas/2025-48") == (5899,)
        assert crs.local_systems(NAM_TRA_MY) == (5899,)
        assert crs.local_systems("areas/2025-99999") == ()


class TestParse:
    @pytest.mark.parametrize(
        "text",
        [
            *("5899", "EPSG:5899", "epsg:5899", " 5899 ", "107-45", "107°45'", "107 45", "107.75", "107,75"),
            *("TM-3 107-45", "coordinateSystems/5899", "urn:ogc:def:crs:EPSG::5899"),
        ],
    )
    def test_many_ways_to_write_one_zone(self, text: str) -> None:
        assert crs.parse(text) == 5899

    def test_a_meridian_means_the_zone_of_three_degrees(self) -> None:
        assert crs.parse("105") == 5897
        assert crs.parse("105-30") == 9209
        assert crs.parse("28992") == 28992

    @pytest.mark.parametrize("text", ["107-33", "auto?", "", "999999", "12", "107-45-00"])
    def test_refuses_what_is_no_system(self, text: str) -> None:
        with pytest.raises(InvalidField) as caught:
            crs.parse(text)
        assert caught.value.vi != caught.value.en

    @pytest.mark.parametrize(("code", "right"), [(6956, 5896), (6957, 5897), (6958, 5898), (6959, 5899)])
    def test_refuses_deprecated_codes_and_names_the_right_one(self, code: int, right: int) -> None:
        with pytest.raises(UnusableCoordinateSystem) as caught:
            crs.parse(f"EPSG:{code}")
        assert caught.value.details["suggested_crs"] == f"EPSG:{right}"
        assert str(right) in caught.value.vi


class TestIdentify:
    @pytest.mark.parametrize(
        "code", [*(one.epsg for one in crs.systems()), 4756, 4326, 4258, 28992, 31287, 3006, 32648]
    )
    @pytest.mark.parametrize("version", ["WKT2_2019", "WKT1_GDAL", "WKT1_ESRI"])
    def test_finds_the_code_in_every_dialect(self, code: int, version: str) -> None:
        assert crs.identify(CRS.from_epsg(code).to_wkt(version)) == code

    def test_knows_a_zone_by_its_numbers_whatever_its_name(self) -> None:
        proj = "+proj=tmerc +lat_0=0 +lon_0=107.75 +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +units=m"
        assert crs.identify(proj) == 5899
        assert crs.identify(f"{proj} +towgs84=-191.9,-39.3,-111.45,0.0093,-0.0198,0.0043,0.2529") == 5899
        swapped = proj.replace("+x_0=500000 +y_0=0", "+x_0=0 +y_0=500000")
        assert crs.identify(swapped) == 6959

    @pytest.mark.parametrize("text", ["", "nonsense", 'LOCAL_CS["x"]', "+proj=tmerc +lon_0=107.1 +k=0.9999"])
    def test_says_so_where_it_finds_none(self, text: str) -> None:
        assert crs.identify(text) == 0


class TestTransform:
    def test_control_points_within_a_millimetre_and_back_within_two(self, shared: Path) -> None:
        forward, back = [], []
        for row in rows(shared, "control_points.csv"):
            epsg = int(row["epsg"])
            lonlat = np.array([[float(row["lon_wgs84"]), float(row["lat_wgs84"])]])
            plane = np.array([[float(row["east"]), float(row["north"])]])
            forward.append(np.hypot(*(points(lonlat, 4326, epsg) - plane)[0]))
            metres = np.array([111_320 * np.cos(np.radians(lonlat[0, 1])), 110_574])
            back.append(np.hypot(*((points(plane, epsg, 4326) - lonlat)[0] * metres)))
        assert len(forward) == 200
        assert max(forward) < 0.001
        assert max(back) < 0.002

    def test_the_choice_of_the_library_would_be_off_in_the_mekong_delta(self) -> None:
        spot = shapely.Point(525_000, 1_100_000)
        ours = crs.to_wgs84(np.array([spot], dtype=object), 5897)[0]
        theirs = Transformer.from_crs(5897, 4326, always_xy=True).transform(spot.x, spot.y)
        assert 0.7 < np.hypot((ours.x - theirs[0]) * 109_000, (ours.y - theirs[1]) * 110_574) < 0.9

    def test_shapes_go_there_and_back(self) -> None:
        shapes = np.array(
            [shapely.box(537_600, 1_677_300, 537_610, 1_677_310), None, shapely.Point(540_000, 1_673_000)]
        )
        there = crs.to_wgs84(shapes, 5899)
        assert there[1] is None
        assert there[0].centroid.x == pytest.approx(108.1018, abs=0.0001)
        again = crs.from_wgs84(there, 5899)
        assert shapely.hausdorff_distance(again[0], shapes[0]) < 0.002

    def test_foreign_systems_are_x_east_too(self) -> None:
        amsterdam = crs.to_wgs84(np.array([shapely.Point(121_000, 487_000)], dtype=object), 28992)[0]
        assert (amsterdam.x, amsterdam.y) == (pytest.approx(4.88, abs=0.05), pytest.approx(52.37, abs=0.05))

    def test_infinite_vertices_stay_infinite(self) -> None:
        line = shapely.LineString([(540_000, 1_673_000), (np.inf, np.inf), (1e308, 1e308)])
        xy = shapely.get_coordinates(crs.to_wgs84(np.array([line], dtype=object), 5899))
        assert np.isfinite(xy[0]).all()
        assert not np.isfinite(xy[1:]).any()


class TestDetect:
    def test_points_of_a_commune_are_told_in_their_zone(self, shared: Path) -> None:
        """The two that are not lie farther from the commune's point than its reach; a 6° zone is 700 m beside a 3° one."""
        told = []
        for row in rows(shared, "control_points.csv"):
            if int(row["epsg"]) == 3405:
                continue
            best = answer(
                crs.detect(np.array([[float(row["east"]), float(row["north"])]]), f"areas/2025-{row['commune']}")
            )
            assert best is None or best.epsg == int(row["epsg"])
            told.append(best is not None)
        assert len(told) == 190
        assert sum(told) >= 188

    @pytest.mark.parametrize("epsg", [9214, 9215, 9216, 5899, 5898, 9217, 9218, 3405, 3406])
    def test_a_sheet_of_one_commune_in_every_zone_that_reaches_it(self, epsg: int) -> None:
        unit = register().get(NAM_TRA_MY)
        assert unit is not None
        best = answer(crs.detect(points(np.array([[unit.lon, unit.lat]]), 4326, epsg), NAM_TRA_MY))
        assert best is not None
        assert best.epsg == epsg

    def test_swapped_axes(self) -> None:
        best = answer(crs.detect(CENTRE[:, ::-1], NAM_TRA_MY))
        assert best is not None
        assert (best.epsg, best.swapped) == (5899, True)

    def test_degrees(self) -> None:
        assert [(one.epsg, one.swapped) for one in crs.detect(np.array([[108.1, 15.1]]))] == [(4326, False)]
        assert [(one.epsg, one.swapped) for one in crs.detect(np.array([[15.1, 108.1]]))] == [(4326, True)]
        assert [(one.epsg, one.swapped) for one in crs.detect(np.array([[-6.5, 53.8]]))] == [(4326, False)]

    def test_without_a_commune_no_zone_is_an_answer(self) -> None:
        found = crs.detect(CENTRE)
        assert len(found) > 5
        assert answer(found) is None

    def test_a_province_decides_by_its_own_meridian(self) -> None:
        best = answer(crs.detect(CENTRE, "areas/2004-49"))
        assert best is not None
        assert best.epsg == 5899

    def test_numbers_of_the_old_datum_and_of_nowhere_have_no_candidate(self) -> None:
        assert crs.detect(np.array([[18_500_000.0, 1_673_000.0]])) == []
        assert crs.detect(np.array([[np.nan, 1.0], [np.inf, 2.0]])) == []
        assert crs.detect(np.zeros((0, 2))) == []

    def test_a_few_broken_coordinates_do_not_mislead(self) -> None:
        mixed = np.vstack([np.repeat(CENTRE, 20, axis=0), [[np.nan, 0]], [[1e308, -1e308]], [[0, 0]]])
        best = answer(crs.detect(mixed, NAM_TRA_MY))
        assert best is not None
        assert best.epsg == 5899


class TestResolve:
    def test_the_file_is_believed(self) -> None:
        found = crs.resolve(CENTRE, file_crs="EPSG:5899")
        assert (found.epsg, found.plane, found.origin, found.problem) == (5899, 5899, "file", "")
        assert (found.stops, found.foreign, found.geographic) == (False, False, False)

    def test_the_user_goes_before_the_file(self) -> None:
        found = crs.resolve(CENTRE, file_crs="EPSG:9216", user_crs="107-45")
        assert (found.epsg, found.origin, found.problem, found.declared) == (5899, "user", "overruled", 9216)
        assert crs.resolve(CENTRE, file_crs="EPSG:5899", user_crs="5899").problem == ""

    def test_projected_numbers_need_a_commune_or_province(self) -> None:
        with pytest.raises(UnknownCoordinateSystem) as caught:
            crs.resolve(CENTRE)
        assert "xã" in caught.value.vi
        assert "EPSG:5899" in caught.value.details["candidates"]
        assert crs.resolve(CENTRE, user_crs="auto", commune=NAM_TRA_MY).origin == "detected"

    def test_the_default_of_a_format_is_no_statement(self) -> None:
        found = crs.resolve(CENTRE, file_crs="EPSG:4326", assumed=True, commune=NAM_TRA_MY)
        assert (found.epsg, found.origin, found.problem) == (5899, "detected", "missing")
        with pytest.raises(UnknownCoordinateSystem) as caught:
            crs.resolve(CENTRE, file_crs="EPSG:4326", assumed=True)
        assert "4326" not in caught.value.vi

    def test_degrees_are_brought_into_the_zone_of_the_place(self) -> None:
        trang_bom = np.array([[107.0, 10.95]])  # Đồng Nai, 107-45, though 107-00 is nearer
        assert crs.resolve(trang_bom, file_crs="EPSG:4326").plane == 5899
        assert crs.resolve(np.array([[108.1, 15.1]])).plane == 5899
        ireland = crs.resolve(np.array([[-6.5, 53.8]]), file_crs="EPSG:4258")
        assert (ireland.plane, ireland.foreign, ireland.geographic) == (32629, True, True)
        assert crs.resolve(np.array([[151.2, -33.9]]), file_crs="EPSG:4326").plane == 32756
        vientiane = crs.resolve(np.array([[102.63, 17.96]]), file_crs="EPSG:4326")
        assert vientiane.foreign

    @pytest.mark.parametrize(
        ("code", "centre"),
        [(28992, (150e3, 450e3)), (31287, (525e3, 487e3)), (3006, (4e5, 6.16e6)), (32648, (6.25e5, 2.3e6))],
    )
    def test_foreign_planes_are_used_as_they_are(self, code: int, centre: tuple[float, float]) -> None:
        found = crs.resolve(np.array([centre]), file_crs=f"EPSG:{code}")
        assert (found.epsg, found.plane, found.foreign, found.stops) == (code, code, True, False)

    def test_a_foreign_plane_with_numbers_from_elsewhere_contradicts(self) -> None:
        found = crs.resolve(np.array([[5.1, 52.3]]), file_crs="EPSG:28992")
        assert (found.problem, found.suggestion) == ("contradicts", 4326)

    def test_several_communes_are_one_place(self) -> None:
        five = [f"areas/2025-{code}" for code in ("20944", "20941", "20950", "20938", "20959")]
        assert crs.resolve(CENTRE, commune=five).epsg == 5899
        assert crs.resolve(CENTRE, file_crs="EPSG:9216", commune=five).suggestion == 5899

    def test_a_sheet_at_the_edge_of_its_commune_is_no_fault(self) -> None:
        away = CENTRE + np.array([[15_000, 0]])
        found = crs.resolve(away, file_crs="EPSG:5899", commune=NAM_TRA_MY)
        assert (found.suggestion, found.distance_km) == (0, 0.0)

    def test_nothing_to_tell_from_is_no_crash(self) -> None:
        found = crs.resolve(np.full((3, 2), np.nan), file_crs="EPSG:5899")
        assert (found.epsg, found.stops) == (5899, False)
        assert not crs.resolve(np.zeros((0, 2))).stops
