"""Overlaps, duplicates and gaps: the same answer as comparing all pairs, on clean, damaged and hostile sheets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import shapely

from gis.coverage import coverage
from gis.engine import validate
from gis.faces import width_m
from gis.gaps import gaps
from gis.model import Context, Finding, Geometries, ParcelTable, Severity
from gis.synthetic import FAULT_KINDS, fabric, inject
from gis.synthetic.faults import Fault

LIMIT_M2 = 0.01


def table(shapes: Iterable[shapely.Geometry]) -> ParcelTable:
    return ParcelTable.from_geometry(shapes)


def all_pairs(shapes: Geometries) -> dict[tuple[int, int], float]:
    """Common areas above the limit, by comparing every pair whose boxes meet."""
    first, second = shapely.STRtree(shapes).query(shapes)
    first, second = first[first < second], second[first < second]
    area = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    big = area > LIMIT_M2
    return dict(zip(zip(first[big].tolist(), second[big].tolist(), strict=True), area[big].tolist(), strict=True))


def ground_gaps(shapes: Geometries) -> list[shapely.Polygon]:
    """Thin faces that the boundary of all parcels together encloses, and none of them covers."""
    union = shapely.union_all(shapes)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.node(union.boundary))))
    open_ground = faces[~shapely.intersects(union, shapely.point_on_surface(faces))]
    return [face for face in open_ground if face.area > LIMIT_M2 and width_m(face) < 2]


def serious(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity > Severity.INFO]


def named(finding: Finding) -> frozenset[int]:
    return frozenset((finding.record, *finding.related))


def missed(faults: Iterable[Fault], findings: list[Finding]) -> list[Fault]:
    found: dict[str, list[frozenset[int]]] = {}
    for finding in findings:
        found.setdefault(finding.rule, []).append(named(finding))
    return [fault for fault in faults if not any(fault.records <= records for records in found.get(fault.rule, []))]


def unexplained(faults: Iterable[Fault], findings: list[Finding]) -> list[Finding]:
    """Findings that no fault explains. A spike or bow-tie may overlap a neighbour: that is told too."""
    expected = {(fault.rule, fault.records) for fault in faults}
    broken = {fault.record for fault in faults if fault.kind in {"bow_tie", "spike"}}
    return [
        finding
        for finding in findings
        if not any(finding.rule == rule and records <= named(finding) for rule, records in expected)
        and not (finding.rule == "parcels_overlap" and named(finding) & broken)
    ]


@pytest.mark.parametrize("share", [0.0, 0.03, 0.15])
def test_clean_fabric_has_no_finding(share: float) -> None:
    made = fabric(2500, seed=7, t_junction_share=share)
    assert (made.t_junctions > 0) == (share > 0)
    assert serious(validate(table(made.geometry), Context(epsg=5899))) == []


@pytest.mark.parametrize("grid_m", [0.01, 0.001, 0.0001])
def test_clean_fabric_on_other_grids_has_no_finding(grid_m: float) -> None:
    """On a coarse grid slivers at T-junctions may exceed the limit of area; corners that all neighbours have never do."""
    shapes = shapely.set_precision(fabric(900, seed=3).geometry, grid_m, mode="pointwise")
    assert serious(validate(table(shapes[shapely.is_valid(shapes)]), Context(epsg=5899))) == []


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.03], ids=["clean", "T-junctions"])
def test_every_fault_in_twenty_thousand_parcels_is_found_and_nothing_else(share: float) -> None:
    made = fabric(20_000, seed=11, t_junction_share=share).geometry
    assert len(made) >= 20_000
    assert serious(validate(table(made), Context(epsg=5899))) == []
    kinds = [kind for _ in range(30) for kind in FAULT_KINDS]
    shapes, faults = inject(made, kinds, seed=5)
    assert sorted(fault.kind for fault in faults) == sorted(kinds)
    found = serious(validate(table(shapes), Context(epsg=5899)))
    assert missed(faults, found) == []
    assert unexplained(faults, found) == []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "damage",
    ["jitter", "missing vertices", "moved", "two sheets", "two surveys", "two fabrics", "rounded", "off the grid"],
)
def test_overlaps_are_those_of_all_pairs(damage: str, seed: int) -> None:
    shapes = damaged(fabric(225, seed, t_junction_share=0.05 * (seed % 3)).geometry, damage, seed)
    found = coverage(table(shapes), Context())
    copies = {record for group in found.duplicates for record in group[1:]}
    same = {(one, other) for group in found.duplicates for one in group for other in group}
    mine = {(one.first, one.second): one.area_m2 for one in found.overlaps}
    want = {pair: area for pair, area in all_pairs(shapes).items() if pair not in same and not copies & set(pair)}
    assert mine == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("damage", ["jitter", "missing vertices", "moved"])
def test_gaps_are_the_thin_faces_outside_the_union(damage: str, seed: int) -> None:
    shapes = damaged(fabric(225, seed).geometry, damage, seed)
    found = gaps(table(shapes), Context())
    assert found is not None
    mine = sorted(gap.area_m2 for gap in found)
    want = sorted(face.area for face in ground_gaps(shapes))
    assert mine == pytest.approx(want, abs=1e-6)


def damaged(shapes: Geometries, how: str, seed: int) -> Geometries:
    """A fabric after one kind of damage; what would become invalid stays as it was."""
    rng = np.random.default_rng(seed)
    made = shapes.copy()
    if how == "off the grid":
        size = 10 ** rng.uniform(-6, -2.5)
        rings = [shapely.get_coordinates(shape)[:-1] for shape in shapes]
        moved = [shapely.Polygon(ring + rng.normal(0, size, ring.shape)) for ring in rings]
        return np.array([shape if shape.is_valid else old for shape, old in zip(moved, shapes, strict=True)])
    for record in rng.choice(len(shapes), len(shapes) // 5, replace=False).tolist():
        ring = shapely.get_coordinates(shapes[record])[:-1]
        size = 10 ** rng.uniform(-4, -1)
        if how == "jitter":
            ring = np.round(ring + rng.normal(0, size, ring.shape), 3)
        elif how == "missing vertices":
            ring = ring[rng.random(len(ring)) > 0.3]
        elif how == "moved":
            ring = np.round(ring + rng.normal(0, 5 * size, 2), 3)
        shape = shapely.Polygon(ring) if len(ring) > 3 else shapes[record]
        made[record] = shape if shape.is_valid else shapes[record]
    if how == "two sheets":
        made = np.concatenate([made, shapes])
        made[0] = shapely.union(shapes[0], shapes[1])
    if how == "two surveys":
        made = np.concatenate([shapes, shapely.transform(shapes, lambda xy: np.round(np.add(xy, [2.137, 1.4]), 3))])
    if how == "two fabrics":
        made = np.concatenate([shapes, fabric(100, seed + 50).geometry])
    if how == "rounded":
        made = shapely.set_precision(made, 0.01, mode="pointwise")
        made = made[shapely.is_valid(made)]
    return made


def test_the_width_of_a_strip_is_its_thickness() -> None:
    assert width_m(shapely.box(0, 0, 100, 0.05)) == pytest.approx(0.05, rel=1e-3)


def test_a_gap_names_the_parcels_along_it_and_not_those_at_its_corners() -> None:
    shapes, faults = inject(fabric(100, seed=1).geometry, ["gap"], seed=2)
    found = gaps(table(shapes), Context())
    assert found is not None
    assert [frozenset(gap.records) for gap in found] == [faults[0].records]


def test_an_invalid_parcel_hides_no_overlap_with_another() -> None:
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    found = serious(validate(table([bow_tie, shapely.box(8, 4, 20, 6)]), Context()))
    assert [(one.rule, one.record) for one in found] == [("ring_crosses_itself", 0), ("parcels_overlap", 0)]
    assert found[1].measured == pytest.approx(4.0)


def test_copies_of_an_invalid_parcel_are_found() -> None:
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    found = serious(validate(table([bow_tie, bow_tie]), Context()))
    assert [(one.rule, one.record) for one in found if one.rule != "ring_crosses_itself"] == [("parcels_duplicate", 0)]


def test_an_invalid_parcel_with_too_many_vertices_is_told_once() -> None:
    angle = np.arange(2001) * 2 * np.pi * 1000 / 2001
    star = shapely.Polygon(100 * np.column_stack([np.cos(angle), np.sin(angle)]))
    found = validate(table([star, shapely.box(0, 0, 1, 1)]), Context())
    assert not star.is_valid
    assert ("parcels_overlap", "geometry") in [(one.rule, one.details.get("missing")) for one in found]
    assert [one.rule for one in serious(found)] == ["ring_crosses_itself"]


def test_a_pile_of_parcels_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis.coverage.MOST_OVERLAPS", 10)
    rng = np.random.default_rng(0)
    pile = [shapely.box(x, y, x + 50, y + 50) for x, y in rng.uniform(0, 1, (30, 2))]
    found = validate(table(pile), Context())
    overlaps = [one for one in found if one.rule == "parcels_overlap"]
    assert len(overlaps) == 10 + 30 + 1
    assert [one.details["case"] for one in overlaps if one.record < 0] == ["ended"]
    assert [one.details["missing"] for one in found if one.rule == "gap_between_parcels"] == ["order"]


def test_tangled_boundaries_are_not_searched_for_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis.faces.MOST_CROSSINGS", -1)
    assert gaps(table([shapely.box(0, 0, 9, 9), shapely.box(5, 5, 20, 20)]), Context()) is not None
    monkeypatch.setattr("gis.faces.MOST_CROSSINGS", -10_000)
    assert gaps(table([shapely.box(0, 0, 9, 9), shapely.box(5, 5, 20, 20)]), Context()) is None


def test_many_copies_are_one_finding() -> None:
    found = serious(validate(table([shapely.box(0, 0, 10, 10)] * 3000), Context()))
    assert [(one.rule, one.details["count"], len(one.related)) for one in found] == [("parcels_duplicate", "3000", 50)]


def test_a_far_away_parcel_does_not_disturb_the_others() -> None:
    shapes, faults = inject(fabric(100, seed=4).geometry, ["overlap"], seed=4)
    far = shapely.box(9e7, -9e7, 9e7 + 10, -9e7 + 10)
    found = serious(validate(table([*shapes, far]), Context()))
    assert [named(one) for one in found] == [faults[0].records]
