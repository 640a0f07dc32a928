"""Reports: whole, readable by other programs, and harmless whatever stands in a file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import openpyxl
import pyogrio
import pytest
import shapely
from ngoclinh.land.v1.parcel_pb2 import ImportOptions

from services.cli import reports
from services.core.config import Settings
from services.core.errors import InvalidField
from services.core.sections.doors import GatewaySettings
from services.core.sections.work import LandSettings
from services.gateway.app import Gateway
from services.gateway.reports import door
from services.gateway.reports.html import metres
from services.gateway.reports.model import Report
from services.gateway.serve import WebServer
from services.rpc.client import connect
from tests.gis import files
from tests.services.gateway.conftest import Answer, send
from tests.services.land.serving import ended, land, messages

FORMULA = '=HYPERLINK("http://example.vn","x")'
MARKUP = "<img src=x onerror=alert(1)></td>"


def overlapping(path: Path) -> Path:
    """Three parcels of which two overlap, with codes that spreadsheets damage and texts that programs would obey."""
    shapes = files.squares(3)
    shapes[1] = shapely.box(files.EAST + 18, files.NORTH, files.EAST + 40, files.NORTH + 20)
    columns = files.cadastral_columns(3) | {
        "so_thua": ["1", "25-1", "0007"],
        "ghi_chu": [FORMULA, MARKUP, "+84\u202e đất"],
        "ma_tinh": ["06978", "-1", "@x"],
    }
    return files.write(path, shapes, columns)


async def report_of(path: Path, **options: str) -> Report:
    return await reports.checked(path, ImportOptions(**options), LandSettings())


@pytest.fixture
async def report(tmp_path: Path) -> Report:
    return await report_of(overlapping(tmp_path / "thửa đất.gpkg"), commune="areas/2004-20944", as_of_date="2024-06-30")


async def test_the_workbook_keeps_codes_as_text_and_holds_no_formula(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(door.FORMATS["xlsx"].write(report)))
    assert book.sheetnames == ["Tóm tắt", "Phát hiện", "Thửa đất"]
    rows = list(book["Thửa đất"].iter_rows())
    names = [cell.value for cell in rows[0]]
    cells = {name: [row[place] for row in rows[1:]] for place, name in enumerate(names)}
    assert [cell.value for cell in cells["Thửa"]] == ["1", "25-1", "0007"]
    assert [cell.value for cell in cells["ma_tinh"]] == ["06978", "-1", "@x"]
    assert [cell.value for cell in cells["ghi_chu"]] == [FORMULA, MARKUP, "+84 đất"]
    for name in ("Thửa", "Tờ", "Mã xã", "ma_tinh", "ghi_chu"):
        assert {(cell.data_type, cell.number_format) for cell in cells[name]} == {("s", "@")}
    assert {cell.data_type for cell in cells["Diện tích pháp lý (m²)"]} == {"n"}
    every = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in every if cell.data_type == "f"]
    found = list(book["Phát hiện"].iter_rows(values_only=True))
    assert len(found) == len(report.findings) + 1
    overlap = next(row for row in found if row[1] == "T01")
    assert overlap[0] == "Lỗi"
    assert overlap[9] == pytest.approx(files.NORTH + 10, abs=10)
    assert overlap[10] == pytest.approx(files.EAST + 19, abs=1)


async def test_the_csv_has_a_byte_order_mark_and_no_cell_that_begins_a_formula(report: Report) -> None:
    report.findings[0].message.vi = FORMULA
    content = door.FORMATS["csv"].write(report)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == len(report.findings) + 1
    assert rows[1][5] == "'" + FORMULA
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]


async def test_gdal_opens_the_geopackage_with_its_layers_and_styles(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    path.write_bytes(door.FORMATS["gpkg"].write(report))
    layers = dict(pyogrio.list_layers(path).tolist())
    assert layers | {"layer_styles": None} == {
        "thua_dat": "Unknown",
        "phat_hien": "Point",
        "vung_phat_hien": "Unknown",
        "layer_styles": None,
    }
    meta, _, wkb, values = pyogrio.raw.read(path, layer="thua_dat")
    fields = dict(zip(meta["fields"], values, strict=True))
    assert meta["crs"] == "EPSG:5899"
    assert shapely.equals(shapely.from_wkb(wkb), report.shapes).all()
    assert fields["so_thua"].tolist() == ["1", "25-1", "0007"]
    assert fields["muc_do"].tolist()[:2] == ["Lỗi", "Lỗi"]
    assert fields["ghi_chu"].tolist() == [FORMULA, MARKUP, "+84 đất"]
    assert pyogrio.read_info(path, layer="phat_hien", force_feature_count=True)["features"] == len(report.findings)
    _, _, faces, _ = pyogrio.raw.read(path, layer="vung_phat_hien")
    assert shapely.area(shapely.from_wkb(faces)).sum() == pytest.approx(40)
    with sqlite3.connect(path) as db:
        styles = db.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        assert db.execute("PRAGMA application_id").fetchone()[0] == struct.unpack(">i", b"GPKG")[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert {(name, column, default) for name, column, default, _ in styles} == {
        (name, "geom", 1) for name in ("thua_dat", "phat_hien", "vung_phat_hien")
    }
    for _, _, _, qml in styles:
        renderer = ET.fromstring(qml.partition("\n")[2]).find("renderer-v2")
        assert renderer is not None
        symbols = {symbol.get("name") for symbol in renderer.iter("symbol")}
        categories = {one.get("value"): one.get("symbol") for one in renderer.iter("category")}
        assert set(categories) >= {"Lỗi", "Cảnh báo", "Thông tin"}
        assert set(categories.values()) == symbols


async def test_geojson_lies_where_the_parcels_lie(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(door.FORMATS["geojson"].write(report))
    body = json.loads(path.read_bytes())
    layers = [feature["properties"]["layer"] for feature in body["features"]]
    assert layers == ["parcels"] * 3 + ["findings"] * len(report.findings)
    meta, _, wkb, _ = pyogrio.raw.read(path)
    west, south, east, north = shapely.total_bounds(shapely.from_wkb(wkb))
    assert meta["crs"] == "EPSG:4326"
    assert 108.0 < west < east < 108.2
    assert 15.1 < south < north < 15.2


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_is_whole_and_nothing_of_a_file_becomes_markup(report: Report) -> None:
    report.findings[0].message.vi = MARKUP
    report.done.file_name = "<script>alert(1)</script>.gpkg"
    tags = Tags(door.FORMATS["html"].write(report))
    assert not {"script", "img", "link", "iframe"} & set(tags.names)
    assert tags.links == []
    assert MARKUP in tags.text
    assert "<script>alert(1)</script>.gpkg" in tags.text
    assert "EPSG:5899 (VN-2000 / TM-3 107-45)" in tags.text
    assert "tờ 3 thửa 25-1" in tags.text
    assert "Xã Trà Mai (20944, 2004)" in tags.text
    assert tags.names.count("path") >= 3
    assert tags.names.count("circle") >= 1


def test_coordinates_as_vietnamese_papers_print_them() -> None:
    assert metres(1677297.166) == "1\u00a0677\u00a0297,17"
    assert metres(108.1234567) == "108,123457"


@pytest.mark.parametrize("ending", list(door.FORMATS))
async def test_a_report_without_parcels_and_findings_is_written(ending: str, report: Report) -> None:
    empty = Report(report.done, [], [], {}, report.made)
    assert door.FORMATS[ending].write(empty)


async def test_geometry_that_cannot_be_drawn_stops_no_report(report: Report) -> None:
    report.parcels[0].source_wkb = b"\x01\x03broken"
    report.parcels[1].source_wkb = shapely.to_wkb(shapely.LineString([(0, 0), (np.inf, 1)]))
    for format_ in door.FORMATS.values():
        assert format_.write(Report(report.done, report.parcels, report.findings, report.rules, report.made))


async def test_a_check_under_the_wrong_meridian_is_drawn_under_the_right_one(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2), files.cadastral_columns(2), crs="EPSG:9216")
    report = await report_of(path, commune="areas/2004-20944", as_of_date="2024-06-30")
    assert (report.assumed, report.done.coordinate_system, len(report.parcels)) == (True, "EPSG:5899", 2)
    assert report.findings[0].rule_code == "C02"
    page = Tags(door.FORMATS["html"].write(report))
    assert "theo hệ gợi ý EPSG:5899 (VN-2000 / TM-3 107-45)" in page.text


def test_a_binary_format_is_never_printed() -> None:
    with pytest.raises(InvalidField, match="--out"):
        reports.require_out("xlsx", None)
    reports.require_out("html", None)


# ---------------------------------------------------------------- over HTTP


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[int, object]]:
    """A gateway before the real land services: its port, and the services."""
    async with land(folder) as services:
        settings = Settings(data_dir=folder, gateway=GatewaySettings(port=0))
        async with connect(services.target) as channel:
            web = WebServer(Gateway(channel, settings).app, settings.gateway)
            await web.start()
            try:
                yield web.port, services
            finally:
                await web.stop()


async def fetch(port: int, path: str) -> Answer:
    return await asyncio.to_thread(send, port, "GET", path)


async def test_an_import_is_downloaded_in_every_format(tmp_path: Path) -> None:
    path = overlapping(tmp_path / "Thửa đất xã.gpkg")
    async with served(tmp_path) as (port, services):
        imports = services.imports  # type: ignore[attr-defined]
        import_ = await imports.UploadImport(messages(path, commune="areas/2004-20944", as_of_date="2024-06-30"))
        running = await fetch(port, f"/v1/{import_.name}/report.xlsx")
        done = await ended(imports, import_.name)
        answers = {ending: await fetch(port, f"/v1/{import_.name}/report.{ending}") for ending in door.FORMATS}
        unknown = await fetch(port, "/v1/imports/none/report.xlsx")
        wrong = await fetch(port, f"/v1/{import_.name}/report.exe")
    assert running.status in (200, 409)
    assert {answer.status for answer in answers.values()} == {200}
    assert (unknown.status, wrong.status, wrong.reason) == (404, 400, "INVALID_FIELD")
    for ending, answer in answers.items():
        assert answer.headers["content-type"] == door.FORMATS[ending].media_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        saved = answer.headers.get("content-disposition", "")
        assert saved.startswith('attachment; filename="thua-dat-xa-kiem-tra.') == (ending != "html")
    assert "default-src 'none'" in answers["html"].headers["content-security-policy"]
    found = openpyxl.load_workbook(io.BytesIO(answers["xlsx"].body))["Phát hiện"]
    assert found.max_row - 1 == done.error_count + done.warning_count + done.info_count
    (tmp_path / "a.gpkg").write_bytes(answers["gpkg"].body)
    _, _, wkb, _ = pyogrio.raw.read(tmp_path / "a.gpkg", layer="thua_dat")
    _, _, source, _ = pyogrio.raw.read(path)
    assert list(wkb) == list(source), "bit for bit as in the file"
