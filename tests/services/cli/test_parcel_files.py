"""Files of offices through the command line: what is wrong, in Vietnamese, and a report to take along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from gis import crs
from gis.crs import transform
from tests.gis import files, legacy
from tests.services.cli.test_parcels import ngoclinh


def test_a_shapefile_in_tcvn3_and_the_zone_of_another_province_is_understood_in_vietnamese(tmp_path: Path) -> None:
    here = np.array(files.squares(3), dtype=object)
    there = crs.to_wgs84(here, 5899)
    moved = shapely.transform(there, lambda lonlat: np.round(transform.points(lonlat, transform.WGS84, 9216), 3))
    columns = files.cadastral_columns(3) | {"ten_xa": [legacy.tcvn3("Xã Trà Mai")] * 3}
    path = files.write(tmp_path / "thua.shp", moved.tolist(), columns, crs=None, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink(missing_ok=True)
    told = ngoclinh("validate", path, "--as-of", "2024-06-30", folder=tmp_path, lang="vi")
    words = " ".join(told.stdout.split())
    assert told.returncode == 0
    assert "không thuộc hệ của tỉnh (EPSG:5899 (VN-2000 / TM-3 107-45))" in words
    assert "mà thuộc EPSG:9216 (VN-2000 / TM-3 107-30)" in words
    assert "đã sửa “X· Trµ Mai” thành “Xã Trà Mai”" in words
    out = tmp_path / "ket-qua.gpkg"
    written = ngoclinh("validate", path, "--format", "gpkg", "--out", out, folder=tmp_path)
    assert written.returncode == 0
    meta, _, wkb, values = pyogrio.raw.read(out, layer="thua_dat")
    assert meta["crs"] == "EPSG:9216"
    assert shapely.equals(shapely.from_wkb(wkb), moved).all()
    assert values[list(meta["fields"]).index("ten_xa")].tolist() == ["Xã Trà Mai"] * 3


@pytest.mark.parametrize("ending", ["xlsx", "csv", "gpkg", "html", "geojson"])
def test_a_report_is_written_in_every_format(tmp_path: Path, ending: str) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2), files.cadastral_columns(2))
    out = tmp_path / f"b.{ending}"
    done = ngoclinh("validate", path, "--format", ending, "--out", out, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.stat().st_size > 50
    missing = ngoclinh("validate", path, "--format", ending, folder=tmp_path)
    assert missing.returncode == (2 if ending in ("xlsx", "gpkg") else 0)
