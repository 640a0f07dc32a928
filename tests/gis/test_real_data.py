"""Real geometries: agreement on validity, and the overlaps of real parcels that others counted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from gis import crs
from gis.engine import validate
from gis.model import Context, Finding, ParcelTable

FILES = [
    "vn_ai4smallfarms.gpkg",
    "nl_brp_2023.gpkg",
    "at_inspire_schlaege_2025.gpkg.zip",
    "se_arslager_skifte_2023.shp.zip",
    "ie_gsaa_2024.gml.zip",
]


def test_validity_is_that_of_the_published_cases(shared: Path) -> None:
    lines = (shared / "data" / "land" / "geometry" / "isvalid.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases:
            shape = shapely.from_wkt(case["wkt"], on_invalid="ignore")
            found = validate(ParcelTable.from_geometry([shape]), Context())
            wrong = {one.rule: one.details for one in found if one.rule in VALIDITY}
            if shape is None:
                assert not case["expected"]
                assert wrong["coordinates_unusable"]["case"] == "none"
            elif shape.geom_type not in {"Polygon", "MultiPolygon"} or shape.is_empty:
                assert set(wrong) <= {"coordinates_unusable", "ring_not_closed"}
            else:
                compared += 1
                assert not set(wrong) - {"boundary_spike"} if case["expected"] else wrong, case
    assert len(cases) == 839
    assert compared > 100


VALIDITY = {
    "ring_not_closed",
    "ring_crosses_itself",
    "ring_touches_itself",
    "rings_badly_nested",
    "coordinates_unusable",
    "boundary_spike",
}
"""Rules of which one speaks where a polygon is not valid. A spike may be a line out and back; most spikes are valid."""


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, Any]:
    listed = json.loads((shared / "data" / "land" / "parcels" / "facts.json").read_text(encoding="utf-8"))
    return {fact["file"]: fact for fact in listed}


def checked(shared: Path, fact: dict[str, Any]) -> tuple[crs.Resolved, list[Finding]]:
    import pyogrio

    path = str(shared / "data" / "land" / "parcels" / fact["file"])
    layer = None if fact["file"].endswith("gml.zip") else fact["layer"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        about, _, blobs, _ = pyogrio.raw.read(f"/vsizip/{path}" if path.endswith(".zip") else path, layer=layer)
    shapes = np.asarray(shapely.from_wkb(blobs), dtype=object)
    resolved = crs.resolve(shapely.get_coordinates(shapes), file_crs=about["crs"])
    table = ParcelTable.from_geometry(crs.to_plane(shapes, resolved))
    return resolved, validate(table, Context(epsg=resolved.plane, crs=resolved, foreign=resolved.foreign))


@pytest.mark.parametrize("file", FILES)
def test_overlaps_of_real_parcels_are_those_counted_by_others(shared: Path, facts: dict[str, Any], file: str) -> None:
    fact = facts[file]
    resolved, found = checked(shared, fact)
    assert f"EPSG:{resolved.epsg}" == fact["crs"]
    assert resolved.foreign
    want = {(one, other): area for one, other, area in fact["overlaps"] if area > 0.01}
    mine = {(one.record, one.related[0]): one.measured for one in found if one.rule == "parcels_overlap"}
    assert mine == pytest.approx(want, abs=1e-6)
    rules = {one.rule for one in found}
    assert not rules & {"parcels_duplicate", "ring_crosses_itself", "ring_touches_itself", "coordinates_unusable"}
    assert sum(one.rule == "parcel_key_repeated" for one in found) == 1


def test_gaps_of_real_parcels_are_thin(shared: Path, facts: dict[str, Any]) -> None:
    gaps = {
        file: [one for one in checked(shared, fact)[1] if one.rule == "gap_between_parcels"]
        for file, fact in facts.items()
    }
    assert {file: len(found) for file, found in gaps.items() if found} == {
        "nl_brp_2023.gpkg": 1,
        "at_inspire_schlaege_2025.gpkg.zip": 10,
    }
    for gap in (*gaps["nl_brp_2023.gpkg"], *gaps["at_inspire_schlaege_2025.gpkg.zip"]):
        assert gap.related
        assert float(gap.details["width_m"]) < 0.3
