"""`ngoclinh parcels` as a user calls it: real files, exit codes, words, JSON, GeoJSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shapely

from gis.synthetic import FAULT_KINDS, fabric, inject
from tests.gis import files

SAMPLES = (
    "vn_ai4smallfarms.gpkg",
    "nl_brp_2023.gpkg",
    "at_inspire_schlaege_2025.gpkg.zip",
    "se_arslager_skifte_2023.shp.zip",
    "ie_gsaa_2024.gml.zip",
)
OVERLAP_M2 = 0.01
FLAGS = ("--commune", "20944", "--edition", "2004", "--as-of", "2024-06-30", "--scale", "1000")


def ngoclinh(*arguments: str | Path, folder: Path, lang: str = "en") -> subprocess.CompletedProcess[str]:
    """Run the program in a folder of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NGOCLINH_")}
    program = Path(sys.executable).parent / "ngoclinh"
    command = [program, "--lang", lang, "--data-dir", folder / "data", "parcels", *arguments]
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment | {"COLUMNS": "160"},
    )


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", SAMPLES)
def test_real_samples_agree_with_the_facts(shared: Path, tmp_path: Path, name: str) -> None:
    fact = next(
        each for each in json.loads((shared / "data/land/parcels/facts.json").read_text()) if each["file"] == name
    )
    done = ngoclinh("validate", shared / "data/land/parcels" / name, "--format", "json", folder=tmp_path)
    report = report_of(done)
    assert done.returncode == (1 if report["error_count"] else 0)
    assert (report["file"], report["parcel_count"], report["crs"]) == (name, fact["features"], fact["crs"])
    found = {
        tuple(sorted([finding["record"], *finding["related_records"]]))
        for finding in report["findings"]
        if finding["rule_code"] == "T01"
    }
    assert found == {(a, b) for a, b, area in fact["overlaps"] if area > OVERLAP_M2}
    codes = [finding["rule_code"] for finding in report["findings"]]
    assert "T03" not in codes
    assert not {"G01", "G02", "G03", "G04", "G05"} & set(codes), "no geometry of the samples is invalid"
    if fact["file"].startswith("ie"):
        places = [finding["location"] for finding in report["findings"] if finding.get("location")]
        assert all(-6.7 < place["longitude_deg"] < -6.2 for place in places)
    assert report["error_count"] == sum(finding["severity"] == "SEVERITY_ERROR" for finding in report["findings"])


def test_a_sheet_in_order_ends_with_0_and_one_with_errors_with_1(tmp_path: Path) -> None:
    good = files.write(tmp_path / "good.gpkg", files.squares(3), files.cadastral_columns(3))
    done = ngoclinh("validate", good, *FLAGS, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good.gpkg: 3 parcels, EPSG:5899" in done.stdout
    overlapping = [files.squares(1)[0], shapely.affinity.translate(files.squares(1)[0], 15)]
    bad = files.write(tmp_path / "bad.gpkg", overlapping, files.cadastral_columns(2))
    done = ngoclinh("validate", bad, *FLAGS, folder=tmp_path, lang="vi")
    assert (done.returncode, done.stderr) == (1, "")
    assert "chồng lấn" in done.stdout
    assert "2004-20944-3-1" in done.stdout
    assert "LỖI" in done.stdout


def test_geojson_holds_every_finding_at_its_place(tmp_path: Path) -> None:
    overlapping = [files.squares(1)[0], shapely.affinity.translate(files.squares(1)[0], 15)]
    bad = files.write(tmp_path / "bad.gpkg", overlapping, files.cadastral_columns(2))
    out = tmp_path / "findings.geojson"
    done = ngoclinh("validate", bad, *FLAGS, "--format", "geojson", "--out", out, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    features = json.loads(out.read_text())["features"]
    report = report_of(ngoclinh("validate", bad, *FLAGS, "--format", "json", folder=tmp_path))
    assert [feature["id"] for feature in features] == [finding["name"] for finding in report["findings"]]
    overlap = next(feature for feature in features if feature["properties"]["rule_code"] == "T01")
    west, south, east, north = shapely.geometry.shape(overlap["geometry"]).bounds
    assert 108.0 < west < east < 108.2
    assert 15.1 < south < north < 15.2
    assert overlap["properties"]["message"]["vi"] != overlap["properties"]["message"]["en"]


def test_degrees_in_geojson_are_accepted(tmp_path: Path) -> None:
    shapes = [shapely.box(108.10, 15.10, 108.1001, 15.1001)]
    path = files.write_geojson(tmp_path / "a.geojson", shapes, [{"so_to": 3, "so_thua": 7}])
    report = report_of(ngoclinh("validate", path, "--format", "json", folder=tmp_path))
    assert report["crs"] == "EPSG:4326"


def test_the_meridian_may_be_named_or_detected(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(2), files.cadastral_columns(2))
    path.with_suffix(".prj").unlink()
    named = report_of(ngoclinh("validate", path, "--crs", "107-45", "--format", "json", folder=tmp_path))
    assert (named["crs"], named["crs_origin"]) == ("EPSG:5899", "user")
    flags = ("--commune", "areas/2004-20944", "--format", "json")
    found = report_of(ngoclinh("validate", path, *flags, folder=tmp_path))
    assert (found["crs"], found["crs_origin"]) == ("EPSG:5899", "detected")


@pytest.mark.parametrize(("lang", "words"), [("vi", "bị cụt"), ("en", "cut short")])
def test_a_truncated_shapefile_is_told_with_exit_code_2(tmp_path: Path, lang: str, words: str) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(40))
    path.write_bytes(path.read_bytes()[:1000])
    for target in (path, files.pack(tmp_path / "a.zip", files.shapefile_parts(path))):
        done = ngoclinh("validate", target, folder=tmp_path, lang=lang)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert "1000" in done.stderr


def test_other_unusable_input_is_told_with_exit_code_2(tmp_path: Path) -> None:
    secret = files.write(tmp_path / "secret.gpkg", files.squares(1), files.cadastral_columns(1))
    (tmp_path / "empty.gpkg").write_bytes(b"")
    (tmp_path / "vrt.gml").write_text(
        f"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    zone = files.write(tmp_path / "zone.shp", files.squares(2))
    zone.with_suffix(".prj").unlink()
    projected = files.write_geojson(tmp_path / "zone.geojson", files.squares(2), [{}, {}])
    for arguments, words in (
        ((tmp_path / "empty.gpkg",), "empty (0 bytes)"),
        ((tmp_path / "vrt.gml",), "OGR-VRT"),
        ((zone,), "cannot be told"),
        ((projected,), "cannot be told"),
        ((tmp_path / "none.gpkg",), "There is no file"),
        ((secret, "--crs", "108-99"), "no EPSG code"),
        ((secret, "--crs", "6959"), "deprecated"),
        ((secret, "--commune", "99999"), "no commune"),
        ((secret, "--as-of", "hôm qua"), "no date"),
    ):
        done = ngoclinh("validate", *arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert words in done.stderr, arguments
        assert "Traceback" not in done.stderr


def test_a_deprecated_code_in_a_file_is_an_error_and_no_crash(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6959"}}
    path = files.write_geojson(tmp_path / "a.geojson", files.squares(2), [{}, {}], crs=crs)
    for form in ("json", "geojson", "table"):
        done = ngoclinh("validate", path, "--format", form, folder=tmp_path)
        assert done.returncode == 1, done.stderr
        assert "C06" in done.stdout


def test_markup_and_control_signs_in_a_file_stay_text(tmp_path: Path) -> None:
    columns = {**files.cadastral_columns(2), "so_thua": ["[red]\x1b[31m1\u202e", "[red]\x1b[31m1\u202e"]}
    path = files.write(tmp_path / "a.gpkg", files.squares(2), columns)
    done = ngoclinh("validate", path, *FLAGS, folder=tmp_path)
    assert "[red]" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


def test_rules_are_listed(tmp_path: Path) -> None:
    done = ngoclinh("rules", "--format", "json", folder=tmp_path)
    rules = json.loads(done.stdout)["rules"]
    codes = [rule["code"] for rule in rules]
    assert codes == sorted(codes)
    issue = "G01 G02 G03 G04 G05 G07 G09 T01 T02 T03 C01 C02 C03 C06 A01 K01 K02 K03 K04 K05"
    assert set(issue.split()) <= set(codes)
    assert "chồng lấn" in ngoclinh("rules", folder=tmp_path, lang="vi").stdout.lower()


def test_import_takes_a_whole_shapefile_and_says_how_it_ended(tmp_path: Path) -> None:
    path = files.write(tmp_path / "to 3.shp", files.squares(3), files.cadastral_columns(3))
    done = ngoclinh("import", path, *FLAGS, "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    import_ = json.loads(done.stdout)
    assert (import_["state"], import_["parcel_count"]) == ("IMPORT_STATE_COMMITTED", 3)
    assert import_["coordinate_system_origin"] == "file", "the .prj came along"
    overlapping = [files.squares(1)[0], shapely.affinity.translate(files.squares(1)[0], 15)]
    bad = files.write(tmp_path / "bad.gpkg", overlapping, files.cadastral_columns(2))
    done = ngoclinh("import", bad, *FLAGS, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "T01" in done.stdout
    (tmp_path / "cut.gpkg").write_bytes(bad.read_bytes()[:5000])
    done = ngoclinh("import", tmp_path / "cut.gpkg", folder=tmp_path)
    assert done.returncode == 2
    assert "cut short" in done.stderr


@pytest.mark.parametrize("t_junctions", [0.0, 0.03])
def test_every_labelled_fault_of_a_fabric_is_found_and_nothing_on_a_clean_one(
    tmp_path: Path, t_junctions: float
) -> None:
    clean = fabric(2000, 5, t_junctions).geometry
    done = ngoclinh("validate", files.write(tmp_path / "clean.gpkg", clean), "--format", "json", folder=tmp_path)
    report = report_of(done)
    assert [finding["rule_code"] for finding in report["findings"] if finding["severity"] != "SEVERITY_INFO"] == []
    faulty, faults = inject(clean, sorted(FAULT_KINDS) * 5, 6)
    done = ngoclinh("validate", files.write(tmp_path / "faulty.gpkg", faulty), "--format", "json", folder=tmp_path)
    assert done.returncode == 1
    found = [
        (finding["rule"].removeprefix("rules/"), {finding["record"], *finding["related_records"]})
        for finding in report_of(done)["findings"]
    ]
    assert len(faults) > 20
    missed = [
        fault for fault in faults if not any(rule == fault.rule and fault.records <= records for rule, records in found)
    ]
    assert missed == []
