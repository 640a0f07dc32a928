"""The engine: order, what stops it, stable ids, GeoJSON; and that nothing in a file can make it fail."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import crs
from gis.engine import validate
from gis.model import Context, Finding, ParcelTable, Severity
from gis.report import finding_ids
from gis.rules import RULES, message
from gis.synthetic import fabric, inject

KINDS = ["overlap", "gap", "sliver_overlap", "sliver_gap", "bow_tie", "spike", "duplicate"]


def sheet(seed: int = 0) -> ParcelTable:
    shapes, _ = inject(fabric(324, seed, t_junction_share=0.02).geometry, KINDS, seed)
    return ParcelTable.from_geometry(shapes)


def outline(findings: list[Finding]) -> list[tuple[str, int, list[int], float]]:
    """Findings without their order, their place and the last digits of their measure."""
    return sorted(
        (
            one.rule,
            int(one.severity),
            sorted((one.record, *one.related)),
            round(one.measured or 0, 2),
        )
        for one in findings
    )


class TestOrder:
    def test_most_serious_first_then_code_then_record(self) -> None:
        found = validate(sheet(), Context(epsg=5899))
        keys = [(-one.severity, RULES[one.rule].code, one.record) for one in found]
        assert keys == sorted(keys)
        assert {one.severity for one in found} == {Severity.ERROR, Severity.WARNING, Severity.INFO}

    def test_stops_after_an_error_of_the_coordinate_system(self) -> None:
        xy = np.array([[540_000.0, 1_673_000.0]])
        resolved = crs.resolve(xy, file_crs="EPSG:9216", commune="areas/2025-20944")
        found = validate(sheet(), Context(epsg=9216, crs=resolved))
        assert [one.rule for one in found] == ["central_meridian_wrong"]

    def test_goes_on_after_a_warning_of_the_coordinate_system(self) -> None:
        xy = np.array([[540_000.0, 1_673_000.0]])
        found = validate(sheet(), Context(epsg=5899, crs=crs.resolve(xy, user_crs="5899")))
        assert {"coordinate_system_unusable", "parcels_overlap"} <= {one.rule for one in found}

    def test_progress_rises_to_one(self) -> None:
        told: list[float] = []
        validate(sheet(), Context(), told.append)
        assert told == sorted(told)
        assert told[-1] == 1.0

    def test_an_empty_sheet_has_no_finding(self) -> None:
        assert validate(ParcelTable.from_geometry([]), Context()) == []

    def test_a_table_can_be_checked_in_two_contexts(self) -> None:
        table = sheet()
        strict, loose = (
            [one for one in validate(table, ctx) if one.rule == "parcels_overlap"]
            for ctx in (Context(), Context(tolerances={"rules.overlap_m2": 2.0}))
        )
        assert len(strict) > len(loose) > 0


class TestInvariance:
    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 3), east=st.integers(-200_000, 200_000), north=st.integers(-500_000, 500_000))
    def test_moving_the_sheet_by_whole_metres_changes_nothing(self, seed: int, east: int, north: int) -> None:
        table = sheet(seed)
        moved = shapely.transform(table.geometry, lambda xy: np.round(np.add(xy, [east, north]), 3))
        assert outline(validate(ParcelTable.from_geometry(moved), Context())) == outline(validate(table, Context()))

    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 3), order=st.integers(0, 10_000))
    def test_the_order_of_the_records_changes_numbers_only(self, seed: int, order: int) -> None:
        table = sheet(seed)
        places = np.random.default_rng(order).permutation(len(table)).tolist()
        shuffled = ParcelTable.from_geometry(table.geometry[places])
        found = validate(shuffled, Context())
        renumbered = [
            Finding(
                one.rule,
                one.severity,
                places[one.record] if one.record >= 0 else -1,
                tuple(places[other] for other in one.related),
                measured=one.measured,
            )
            for one in found
        ]
        assert outline(renumbered) == outline(validate(table, Context()))
        assert set(finding_ids(found, shuffled)) == set(finding_ids(validate(table, Context()), table))

    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 3), turn=st.integers(1, 40), backwards=st.booleans())
    def test_start_and_direction_of_the_rings_change_nothing(self, seed: int, turn: int, backwards: bool) -> None:
        table = sheet(seed)
        turned = []
        for number, shape in enumerate(table.geometry):
            ring = np.roll(shapely.get_coordinates(shape)[:-1], turn * (number + 1), axis=0)
            turned.append(shapely.Polygon(ring[::-1] if backwards and number % 3 else ring))
        assert outline(validate(ParcelTable.from_geometry(turned), Context())) == outline(validate(table, Context()))


class TestIds:
    def test_the_same_data_give_the_same_ids_and_no_two_are_equal(self) -> None:
        first, second = (finding_ids(validate(table, Context()), table) for table in (sheet(), sheet()))
        assert first == second
        assert len(set(first)) == len(first)
        assert all(len(one) == 26 and one.isalnum() for one in first)

    def test_twins_in_every_respect_are_numbered(self) -> None:
        twins = [shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])] * 3
        table = ParcelTable.from_geometry(twins)
        found = validate(table, Context())
        assert len(set(finding_ids(found, table))) == len(found)

    def test_a_parcel_is_known_by_its_key_where_it_has_one(self) -> None:
        def ids(shift: float, number: str) -> list[str]:
            shape = shapely.Polygon([(shift, 0), (shift + 1, 1), (shift + 1, 0), (shift, 1), (shift, 0)])
            columns = {"commune": ["areas/2004-20944"], "sheet": ["1"], "number": [number], "land_use_code": ["QQQ"]}
            table = ParcelTable.from_geometry([shape], **columns)
            found = [one for one in validate(table, Context()) if one.rule == "land_use_code_unknown"]
            return finding_ids(found, table)

        assert ids(0, "7") == ids(5, "7")
        assert ids(0, "7") != ids(0, "8")


def hostile_shapes() -> st.SearchStrategy[shapely.Geometry | None]:
    number = st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(-50, 50),
        st.integers(-5, 5).map(float),
        st.sampled_from([0.0, 1e-9, 0.0005, 1e9, 1e308, -1e308]),
    )
    corner = st.tuples(number, number)
    ring = st.lists(corner, min_size=3, max_size=12)
    polygon = st.builds(lambda shell, holes: _made(shapely.Polygon, shell, holes), ring, st.lists(ring, max_size=2))
    small = st.one_of(
        st.none(),
        polygon,
        ring.map(lambda xy: _made(shapely.LineString, xy)),
        corner.map(lambda xy: _made(shapely.Point, xy)),
        st.sampled_from(
            [shapely.Polygon(), shapely.MultiPolygon(), shapely.GeometryCollection(), shapely.LineString()]
        ),
    )
    many = st.lists(polygon, max_size=3).map(
        lambda parts: shapely.MultiPolygon([one for one in parts if one is not None])
    )
    group = st.lists(small, max_size=3).map(lambda parts: shapely.GeometryCollection([one for one in parts if one]))
    return st.one_of(small, many, group)


def _made(kind: Callable[..., shapely.Geometry], *arguments: Any) -> shapely.Geometry | None:
    """A shape, or None where GEOS refuses to build it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return kind(*arguments)
        except shapely.errors.GEOSException:
            return None


class TestHostileInput:
    @settings(max_examples=100, deadline=None)
    @given(
        shapes=st.lists(hostile_shapes(), max_size=8),
        text=st.text(max_size=8),
        area=st.floats(allow_nan=True, allow_infinity=True),
        scale=st.integers(-5, 100_000),
    )
    def test_any_file_gives_findings_with_words(
        self, shapes: list[shapely.Geometry | None], text: str, area: float, scale: int
    ) -> None:
        count = len(shapes)
        table = ParcelTable.from_geometry(
            shapes,
            **{name: [text] * count for name in ("commune", "sheet", "number", "land_use_code")},
            declared_area_m2=[area] * count,
            scale=[scale] * count,
        )
        ctx = Context(epsg=5899, as_of=date(2025, 1, 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = validate(table, ctx)
            ids = finding_ids(found, table)
        assert len(set(ids)) == len(found)
        unusable = {one.record for one in found if one.rule in {"coordinates_unusable", "ring_not_closed"}}
        for record, shape in enumerate(shapes):
            if shape is None or not shape.geom_type.endswith("Polygon"):
                assert record in unusable
        for finding in found:
            assert all(message(finding))
            assert -1 <= finding.record < count

    @pytest.mark.parametrize("vertices", [300, 5000])
    def test_a_ring_that_crosses_itself_everywhere_costs_seconds(self, vertices: int) -> None:
        ring = np.random.default_rng(1).uniform(0, 100, (vertices, 2))
        table = ParcelTable.from_geometry([shapely.Polygon(ring), shapely.box(200, 0, 210, 10)])
        assert [one.rule for one in validate(table, Context()) if one.severity == Severity.ERROR] == [
            "ring_crosses_itself"
        ]
