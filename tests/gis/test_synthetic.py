"""The generator: what it says is true."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis.engine import validate
from gis.model import Severity
from gis.synthetic import FAULT_KINDS, fabric, inject, nam_tra_my_sheet
from services.core.areas import register


def test_a_fabric_is_a_valid_coverage_on_the_millimetre_grid() -> None:
    shapes = fabric(900, seed=2).geometry
    assert len(shapes) == 900
    assert shapely.coverage_is_valid(shapes)
    xy = shapely.get_coordinates(shapes)
    assert np.abs(np.round(xy, 3) - xy).max() < 1e-9
    assert 300 < np.median(shapely.area(shapes)) < 500
    assert 14 < shapely.get_num_coordinates(shapes).mean() < 22


def test_the_seed_decides_everything() -> None:
    one, same, other = (fabric(100, seed, 0.05).geometry for seed in (1, 1, 2))
    assert shapely.equals_exact(one, same).all()
    assert not shapely.equals_exact(one, other).any()


def test_t_junctions_stand_on_one_side_only() -> None:
    made = fabric(900, seed=2, t_junction_share=0.03)
    vertices = (shapely.get_num_coordinates(made.geometry) - 1).sum()
    assert made.t_junctions / vertices == pytest.approx(0.03, abs=0.005)
    plain = fabric(900, seed=2).geometry
    assert shapely.area(shapely.symmetric_difference(plain, made.geometry)).max() < 0.02
    assert not shapely.coverage_is_valid(made.geometry)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_kind_of_fault_can_be_put_in(kind: str) -> None:
    plain = fabric(400, seed=6).geometry
    shapes, faults = inject(plain, [kind] * 3, seed=1)
    assert [(fault.kind, fault.rule) for fault in faults] == [(kind, FAULT_KINDS[kind][0])] * 3
    changed = ~shapely.equals_exact(shapes[: len(plain)], plain)
    if kind == "duplicate":
        assert not changed.any()
        assert all(shapes[fault.record].equals(shapes[fault.other]) for fault in faults)
    else:
        assert set(np.flatnonzero(changed).tolist()) == {fault.record for fault in faults}
        assert all(shapes[fault.record].is_valid == (kind != "bow_tie") for fault in faults)


def test_too_many_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        inject(fabric(100, seed=1).geometry, ["gap"] * 100, seed=1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sheet_of_nam_tra_my_has_its_labelled_faults_and_no_others(seed: int) -> None:
    demo = nam_tra_my_sheet(seed)
    found = [one for one in validate(demo.parcels, demo.context) if one.severity > Severity.INFO]
    named = [(one.rule, frozenset((one.record, *one.related))) for one in found]
    for fault in demo.faults:
        assert any(fault.rule == rule and fault.records <= records for rule, records in named), fault
    for rule, records in named:
        assert any(
            (rule == fault.rule and fault.records <= records) or (rule == "parcels_overlap" and fault.record in records)
            for fault in demo.faults
        ), (rule, records)
    assert len({rule for rule, _ in named}) >= 9


def test_the_sheet_of_nam_tra_my_lies_in_its_five_communes_and_says_that_it_is_invented() -> None:
    demo = nam_tra_my_sheet()
    communes = set(demo.parcels.commune.tolist())
    assert communes == {f"areas/2004-{code}" for code in ("20944", "20941", "20950", "20938", "20959")}
    assert all(register().get(name) for name in communes)
    written = demo.geojson()
    assert "synthetic" in written["name"]
    assert {feature["properties"]["ghi_chu"] for feature in written["features"]} == {"dữ liệu giả lập"}
    assert len(written["features"]) == len(demo.parcels)
