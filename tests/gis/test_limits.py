"""Tables of accuracy: the worked numbers of the circular, and that an unchecked table carries no ERROR."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from gis.limits import area_tolerance_m2, limit, position_error_m, scales, table, tolerance
from gis.model import Context, ParcelTable, Severity
from gis.rules import RULES

SCALES = [200, 500, 1000, 2000, 5000, 10_000]


@pytest.mark.parametrize(
    ("scale", "area", "allowed"),
    [
        *((1000, area, allowed) for area, allowed in [(100, 0.83), (300, 2.43), (500, 3.43), (1000, 5.93)]),
        *((1000, area, allowed) for area, allowed in [(2000, 9.93), (5000, 18.93), (10_000, 28.93)]),
        *((500, area, allowed) for area, allowed in [(30, 0.25), (100, 0.81), (1000, 4.11)]),
        *((1000, 5, 0.35), (1000, 20_000, 38.93), (10_000, 10_010, 38.97)),
    ],
)
def test_area_tolerance_of_worked_examples(scale: int, area: float, allowed: float) -> None:
    assert float(area_tolerance_m2(scale, area)) == pytest.approx(allowed)


@pytest.mark.parametrize("scale", SCALES)
def test_area_tolerance_rises_with_the_area_and_falls_relative_to_it(scale: int) -> None:
    area = np.geomspace(50, 1e6, 200)
    allowed = area_tolerance_m2(scale, area)
    assert (np.diff(allowed) > 0).all()
    assert (np.diff(allowed / area) < 0).all()


def test_an_unknown_scale_has_no_area_tolerance() -> None:
    assert np.isnan(area_tolerance_m2(777, np.array([1.0, 2.0]))).all()


def test_position_error_by_scale_never_below_the_own_limit() -> None:
    assert position_error_m(Context(), SCALES).tolist() == [0.05, 0.07, 0.15, 0.30, 1.50, 3.00]
    assert position_error_m(Context(), [0, 777]).tolist() == [0.05, 0.05]
    wider = Context(tolerances={"rules.position_m": 0.10})
    assert position_error_m(wider, [0, 200, 500, 1000]).tolist() == [0.10, 0.10, 0.10, 0.15]


def test_a_record_has_its_own_scale_before_that_of_the_sheet() -> None:
    parcels = ParcelTable.from_geometry([None, None], scale=[500, 0])
    assert scales(parcels, Context(scale=2000)).tolist() == [500, 2000]


def test_the_caller_overrides_a_default() -> None:
    assert tolerance(Context(), "rules.overlap_m2") == limit("rules.overlap_m2").value == 0.01
    assert tolerance(Context(tolerances={"rules.overlap_m2": 1.5}), "rules.overlap_m2") == 1.5


def test_every_table_names_its_source_and_date_and_whether_it_was_checked() -> None:
    for row in table("accuracy.toml").values():
        assert row["source"]
        assert isinstance(row["valid_from"], date)
        assert row["verified"] is False


def test_no_rule_of_severity_error_rests_on_an_unchecked_table() -> None:
    resting = {"area_differs", "land_use_code_unknown"}
    assert all(RULES[rule].severity == Severity.WARNING for rule in resting)
