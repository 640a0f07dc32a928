"""Parcels, findings and files as a cadastral officer uses them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page, expect

from gis.crs import from_wgs84
from gis.synthetic import fabric
from tests.browser.conftest import Product, sheet
from tests.e2e.program import eventually
from tests.gis import files

DRAWN = """(layer) => {
  const map = document.querySelector('nl-map')?.map;
  return map && map.getLayer(layer) ? map.queryRenderedFeatures({ layers: [layer] }).length : 0;
}"""
DROP = """async ([name, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  const zone = document.querySelector('.dropzone');
  for (const kind of ['dragover', 'drop'])
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def drawn(page: Page, layer: str) -> int:
    """Features of a layer on screen, once there are any."""
    return int(eventually(lambda: page.evaluate(DRAWN, layer), 120))


def drop(page: Page, name: str, data: bytes, edition: str = "") -> None:
    """Drop a file on the page, saying which register its commune codes belong to."""
    page.goto("/#/land")
    page.locator(".dropzone input[type=file]").wait_for(state="attached")
    page.locator(".dropzone summary").click()
    page.locator(".dropzone select[name=edition]").select_option(edition)
    page.evaluate(DROP, [name, base64.b64encode(data).decode()])
    page.wait_for_url("**/#/imports/*")


def shown(page: Page) -> list[str]:
    return page.locator(".finding-text").all_inner_texts()


def test_the_map_draws_parcels_and_a_click_on_one_tells_what_it_is(page: Page, product: Product) -> None:
    page.goto("/#/land")
    assert drawn(page, "parcels") > 0
    parcel = product.get("/v1/parcels?filter.sheet=1&filter.number=5&page_size=1")["parcels"][0]
    page.goto(f"/#/land?parcel={parcel['name']}")
    card = page.locator(".card.parcel")
    expect(card).to_contain_text("Thửa 5, tờ 1")
    expect(card).to_contain_text(parcel["land_use_code"])


def test_owners_are_shown_after_a_click_that_says_it_is_audited(page: Page, product: Product, tmp_path: Path) -> None:
    columns = files.cadastral_columns(2) | {"TENCHU": ["Phạm Thị Bịa", ""], "SO_CCCD": ["001000000000", ""]}
    file = files.write(tmp_path / "to3.gpkg", files.squares(2), columns)
    done = product.upload(file.name, file.read_bytes(), edition="2004")
    page.goto(f"/#/{done['name']}")
    expect(page.locator(".summary")).to_contain_text("TENCHU, SO_CCCD lưu riêng")
    page.goto("/#/land?parcel=parcels/2004-20944-3-1")
    card = page.locator(".card.parcel")
    expect(card).to_contain_text("Thửa 1, tờ 3")
    expect(card).not_to_contain_text("Phạm Thị Bịa")
    with page.expect_response("**/v1/parcels/2004-20944-3-1:owners"):
        card.get_by_role("button", name="Xem chủ sử dụng (được ghi nhật ký)").click()
    expect(card).to_contain_text("Phạm Thị Bịa")
    expect(card).to_contain_text("Lượt xem này đã được ghi nhật ký.")
    page.goto("/#/land?parcel=parcels/2004-20944-3-2")
    expect(card).to_contain_text("Thửa 2, tờ 3")
    expect(card).not_to_contain_text("chủ sử dụng")
    page.goto("/#/land?parcel=parcels/2004-20944-3-1")
    expect(card).to_contain_text("Thửa 1, tờ 3")
    expect(card).not_to_contain_text("Phạm Thị Bịa")


def test_a_click_on_a_finding_shows_its_message(page: Page, product: Product) -> None:
    found = product.get("/v1/findings?filter.rule_codes=T01&page_size=1")["findings"][0]
    place = found["location"]
    page.goto("/#/land")
    drawn(page, "parcels")
    page.evaluate(
        "([lon, lat]) => document.querySelector('nl-map').map.jumpTo({ center: [lon, lat], zoom: 19 })",
        [place["longitude_deg"], place["latitude_deg"]],
    )
    eventually(lambda: page.evaluate(DRAWN, "tile-findings"), 120)
    box = page.locator("nl-map canvas").bounding_box()
    assert box
    current = page.locator(".finding.current")

    def clicked() -> bool:  # what was drawn may be of the zoom before: click until the finding is under the pointer
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(1000)
        return current.count() == 1

    eventually(clicked, 120)
    texts = {one["message"]["vi"] for one in product.get("/v1/findings?page_size=1000")["findings"]}
    assert current.locator(".finding-text").inner_text() in texts
    expect(current.locator(".finding-place")).to_contain_text("X 1.6")  # north first, in metres of VN-2000


def test_a_dropped_file_shows_its_findings_and_the_way_to_each(page: Page, product: Product) -> None:
    drop(page, "to_2.geojson", sheet())
    expect(page.locator(".finding-text").first).to_be_visible(timeout=60_000)
    expect(page.locator(".summary")).to_contain_text("EPSG:5899")
    assert all(any("àáạăâđèêếìíòôơưùúụ" and ord(char) > 127 for char in text) for text in shown(page)[:5])
    first = page.locator(".finding-main").first
    first.click()
    expect(page.locator(".finding.current")).to_have_count(1)
    page.locator(".switches [data-switch=lang]").click()
    expect(page.locator(".summary")).to_contain_text("Coordinate system")


def test_a_file_in_the_wrong_zone_says_so_and_is_checked_again_with_the_right_one(page: Page) -> None:
    collection = json.loads(sheet())
    collection["crs"]["properties"]["name"] = "urn:ogc:def:crs:EPSG::9216"
    drop(page, "sai_kinh_tuyen.geojson", json.dumps(collection).encode(), "2004")
    cause = page.locator(".cause")
    expect(cause).to_contain_text("EPSG:5899")
    before = page.url
    cause.locator("button").click()
    page.wait_for_url(lambda url: url != before)
    expect(page.locator(".summary")).to_contain_text("Đã nhập")


def test_a_file_that_cannot_be_read_is_told_in_words(page: Page) -> None:
    drop(page, "hong.gpkg", b"SQLite format 3\x00" + bytes(200))
    expect(page.locator(".cause")).to_be_visible(timeout=60_000)
    expect(page.locator(".summary")).to_contain_text("Không đọc được")


def a_file(sheets: dict[str, Any]) -> bytes:
    """Parcels as a file, by the number of their sheet."""
    shapes: list[dict[str, Any]] = [
        {"type": "Feature", "properties": {"so_to": number, "so_thua": str(at)}, "geometry": json.loads(text)}
        for number, parcels in sheets.items()
        for at, text in enumerate(shapely.to_geojson(parcels))
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5899"}}
    return json.dumps({"type": "FeatureCollection", "crs": crs, "features": shapes}).encode()


def test_an_administrator_loads_outlines_and_reads_what_was_left_out(page: Page, product: Product) -> None:
    square = shapely.box(108.08, 15.14, 108.18, 15.24)
    shapes = {"20944": square, "99999": square}
    features = [
        {"type": "Feature", "properties": {"code": code}, "geometry": json.loads(shapely.to_geojson(shape))}
        for code, shape in shapes.items()
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    page.goto("/#/land")
    page.get_by_role("tab", name="Đợt nhập").click()
    panel = page.locator("details.outlines")
    panel.locator("summary").click()
    take = panel.get_by_label("Nạp tệp ranh giới")
    take.set_input_files({"name": "xã.geojson", "mimeType": "application/json", "buffer": data})
    expect(panel.get_by_role("status")).to_have_text("Đã nạp ranh giới 1 xã, phường (EPSG:4326).")
    expect(panel.locator("li")).to_contain_text("bản ghi 2, mã 99999: không phải mã xã")
    shapes_now = product.get("/v1/areas.geojson?areas=areas/2025-20944&areas=areas/2025-20938")["features"]
    assert [one["properties"]["outline"] for one in shapes_now] == ["loaded", "schematic"]
    with page.expect_response("**/v1/areaOutlines:upload*", timeout=60_000) as refused:
        take.set_input_files({"name": "hỏng.geojson", "mimeType": "application/json", "buffer": b"{"})
    assert refused.value.status == 400
    assert product.get("/v1/areas.geojson?areas=areas/2025-20944")["features"][0] == shapes_now[0], "nothing changed"


ON_SCREEN = """() => {
  const map = document.querySelector('nl-map')?.map;
  if (!map || !map.getLayer('parcels')) return [];
  const wide = (feature) => {
    const xs = feature.geometry.coordinates.flat(Infinity).filter((_, at) => at % 2 === 0);
    return map.project([Math.max(...xs), 0]).x - map.project([Math.min(...xs), 0]).x;
  };
  return map.queryRenderedFeatures({ layers: ['parcels'] }).map((one) => [one.properties.name, wide(one)]);
}"""
"""Name and width in pixels of the parcels on screen."""


def sheets_shown(page: Page) -> set[str]:
    """Sheets of the parcels on screen, of those that are large enough to be seen."""
    return {name.split("-")[-2] for name, width in page.evaluate(ON_SCREEN) if width > 10}


def test_where_sheets_lie_far_apart_the_first_view_shows_parcels_of_one(page: Page, product: Product) -> None:
    commune = "areas/2025-20923"
    at = product.get(f"/v1/{commune}")["centroid"]
    middle = from_wgs84(np.array([shapely.Point(at["longitude_deg"], at["latitude_deg"])], dtype=object), 5899)[0]
    sheets = {
        number: fabric(64, seed=7, origin=(round(middle.x) + east, round(middle.y))).geometry
        for number, east in (("71", 0), ("72", 6000))
    }
    done = product.upload("hai_to.geojson", a_file(sheets), commune=commune, edition="2025")
    assert done["state"] == "IMPORT_STATE_COMMITTED"
    [summary] = product.get(f"/v1/parcels:summarize?areas={commune}")["summaries"]
    assert summary["bounds"]["east_deg"] - summary["bounds"]["west_deg"] > 0.05
    assert summary["focus"]["east_deg"] - summary["focus"]["west_deg"] < 0.01
    area = product.ask("/v1/watchAreas", "POST", {"title": "Hai tờ", "areas": [commune]}).json["name"]
    try:
        page.goto("/#/land")
        page.get_by_label("Địa bàn theo dõi").select_option(area)
        page.reload()
        eventually(lambda: len(sheets_shown(page)) == 1, 120)
        page.goto("/#/land?sheet=72")
        eventually(lambda: sheets_shown(page) == {"72"}, 120)
    finally:
        product.ask(f"/v1/{area}", "DELETE")


@pytest.mark.slow
def test_a_hundred_thousand_parcels_pan_without_an_error(page: Page, product: Product) -> None:
    answer = product.upload("lon.geojson", a_file({"9": fabric(100_000, seed=3).geometry}))
    assert answer["state"] == "IMPORT_STATE_COMMITTED"
    failed: list[str] = []
    page.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)
    page.goto(f"/#/{answer['name']}")
    drawn(page, "parcels")
    box = page.locator("nl-map canvas").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(8):
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + (-1) ** step * 200, middle[1] + 60, steps=6)
        page.mouse.up()
        page.mouse.wheel(0, -240 if step < 4 else 240)
        page.wait_for_timeout(300)
    assert drawn(page, "parcels") > 0
    assert failed == []
