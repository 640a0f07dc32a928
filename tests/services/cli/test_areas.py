"""The command `areas`: what a text means on a day, and the registers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services import cli
from services.cli.areas import app
from tests.gis import files
from tests.services.land.test_outlines import TRA_MY, around

RUNNER = CliRunner()


def run(*arguments: str) -> str:
    result = RUNNER.invoke(app, arguments, env={"COLUMNS": "200", "NGOCLINH_LANG": "vi"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(("day", "title"), [("2025-06-30", "Xã Trà Dơn"), ("2025-07-01", "Xã Trà Leng")])
def test_a_code_means_what_it_meant_on_the_day(day: str, title: str) -> None:
    (found,) = json.loads(run("resolve", "20938", "--as-of", day, "--format", "json"))["candidates"]
    assert found["area"]["title"] == title
    assert found["area"]["level"] == "AREA_LEVEL_COMMUNE"
    assert found["current_areas"] == ["areas/2025-20938"]


def test_the_table_names_unit_surroundings_and_successor() -> None:
    table = run("resolve", "xã Trà Dơn, huyện Nam Trà My", "--as-of", "2026-01-01")
    for part in ("areas/2004-20938", "Xã Trà Dơn", "Huyện Nam Trà My, Tỉnh Quảng Nam", "Xã Trà Leng", "hiện nay"):
        assert part in table


def test_units_are_listed_by_part_of_the_name_and_level() -> None:
    assert "Xã Nam Trà My" in run("list", "nam tra my")
    found = json.loads(run("list", "--edition", "2004", "--level", "district", "--format", "json"))["areas"]
    assert len(found) == 696
    assert {area["level"] for area in found} == {"AREA_LEVEL_DISTRICT"}


def test_wrong_input_is_told_in_words() -> None:
    for arguments in (
        ["list", "--parent", "areas/2004-49"],
        ["list", "--edition", "1999"],
        ["resolve", "Trà Leng", "--as-of", "hôm qua"],
    ):
        result = RUNNER.invoke(app, arguments, env={"NGOCLINH_LANG": "vi"})
        assert result.exit_code == 2, arguments
        assert result.stderr.strip()


@pytest.mark.parametrize(
    ("lang", "loaded", "skipped"),
    [
        ("vi", "Đã nạp ranh giới 1 xã, phường (EPSG:4326); bỏ qua 1 bản ghi.", "bản ghi 2, 99999: không phải mã xã"),
        (
            "en",
            "Outlines of 1 communes loaded (EPSG:4326); 1 records skipped.",
            "record 2, 99999: no code of a commune",
        ),
    ],
)
def test_outlines_are_loaded_and_what_is_skipped_is_told(tmp_path: Path, lang: str, loaded: str, skipped: str) -> None:
    square = around(TRA_MY)
    path = files.write_geojson(tmp_path / "xa.geojson", [square, square], [{"code": "20944"}, {"code": "99999"}])
    flags = ["--data-dir", str(tmp_path / "data"), "--lang", lang, "areas", "import"]
    result = RUNNER.invoke(cli.app, [*flags, str(path)])
    assert result.exit_code == 0, result.output
    assert loaded in result.stdout
    assert skipped in result.stderr
    told = json.loads(RUNNER.invoke(cli.app, [*flags, str(path), "--format", "json"]).stdout)
    assert (told["outline_count"], told["skipped"][0]["record"]) == (1, 1)


@pytest.mark.parametrize("crs", ["5899", "x"])
def test_outlines_that_cannot_be_used_end_with_2(tmp_path: Path, crs: str) -> None:
    path = files.write_geojson(tmp_path / "xa.geojson", [around(TRA_MY)], [{"code": "20944"}])
    flags = ["--data-dir", str(tmp_path / "data"), "areas", "import"]
    for arguments in ([str(path), "--crs", crs], [str(tmp_path / "none.geojson")]):
        result = RUNNER.invoke(cli.app, [*flags, *arguments])
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.strip()
