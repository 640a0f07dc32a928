"""Map tiles over gRPC and HTTP draw what the store holds."""

from __future__ import annotations

import asyncio
import gzip
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from ngoclinh.land.v1.land_service_pb2 import GetParcelTileRequest
from ngoclinh.land.v1.parcel_pb2 import Severity

from gis.mvt import CONTENT_TYPE, EXTENT, Tile
from services.core.config import Settings
from services.core.sections.doors import GatewaySettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.land import tiles as drawing
from services.rpc.client import connect
from tests.contracts.parcel_store_worker import a_finding, a_parcel, put
from tests.gis import tiles
from tests.services.gateway.conftest import Answer, send
from tests.services.land.serving import Land, land


def tile_at(zoom: int, lon: float, lat: float) -> Tile:
    x, y = Tile(0, 0, 0).locate(np.array([(lon, lat)]))[0] / 4096 * 2**zoom
    return Tile(zoom, math.floor(x), math.floor(y))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Land]:
    async with land(tmp_path / "data") as services:
        parcels = [a_parcel(number) for number in range(8)]
        parcels[2].error_count, parcels[3].warning_count, parcels[0].land_use_code = 1, 2, "ONT"
        findings = [
            a_finding("lap", parcels[2]),
            a_finding("thin", parcels[3], "G07", Severity.SEVERITY_WARNING),
        ]
        await put(services.store, 1, parcels, findings)
        yield services


async def drawn(served: Land, tile: Tile, import_: str = "") -> bytes:
    request = GetParcelTileRequest(z=tile.z, x=tile.x, y=tile.y, **{"import": import_})
    answer = await served.parcels.GetParcelTile(request)
    assert answer.content_type == CONTENT_TYPE
    return bytes(answer.data)


async def test_a_tile_draws_parcels_and_findings_where_they_are(served: Land) -> None:
    tile = tile_at(15, 108.003, 15.0005)
    data = await drawn(served, tile)
    window = shapely.box(*tile.bounds())
    found = {attributes["name"]: (attributes, feature) for attributes, feature in tiles.features(data, "parcels")}
    for number in range(8):
        parcel = a_parcel(number)
        expected = shapely.from_wkb(parcel.wgs84_wkb).intersection(window)
        if expected.area:
            back = tiles.on_earth(tiles.shape(found[parcel.name][1]), tile).intersection(window)
            unit = (window.bounds[2] - window.bounds[0]) / EXTENT
            assert back.symmetric_difference(expected).area < unit * expected.length
    assert len(found) >= 4
    attributes = found[a_parcel(3).name][0]
    assert attributes == {
        "name": "parcels/2004-20944-3-3", "sheet": "3", "number": "3", "land_use_code": "",
        "error_count": 0, "warning_count": 2,
    }  # fmt: skip
    places = tiles.features(data, "findings")
    assert [attributes for attributes, _ in places] == [
        {"name": "findings/lap", "rule_code": "T01", "severity": 3},
        {"name": "findings/thin", "rule_code": "G07", "severity": 2},
    ]
    place = tiles.on_earth(shapely.Point(tiles.rings(places[0][1])[0][0]), tile)
    assert (place.x, place.y) == pytest.approx((108.0025, 15.0005), abs=1e-5)


async def test_from_afar_squares_stand_for_parcels(served: Land) -> None:
    for tile in (tile_at(zoom, 108.004, 15.0005) for zoom in (8, 11)):
        squares = [attributes for attributes, _ in tiles.features(await drawn(served, tile), "parcels")]
        assert sum(square["parcel_count"] for square in squares) == 8
        assert sum(square["error_count"] for square in squares) == 1
        assert sum(square["warning_count"] for square in squares) == 1
        assert all("name" not in square for square in squares)
        covered = [
            tiles.on_earth(tiles.shape(feature), tile)
            for _, feature in tiles.features(await drawn(served, tile), "parcels")
        ]
        for number in range(8):
            middle = shapely.centroid(shapely.from_wkb(a_parcel(number).wgs84_wkb))
            assert shapely.union_all(covered).buffer(1e-4).covers(middle)
    assert await drawn(served, tile_at(7, 108.004, 15.0005)) == b""
    assert await drawn(served, tile_at(14, 106.0, 11.0)) == b""


async def test_a_tile_of_too_many_or_too_large_parcels_is_drawn_in_squares(
    served: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = tile_at(12, 108.004, 15.0005)
    assert "name" in tiles.features(await drawn(served, tile), "parcels")[0][0]
    for limit, value in (("MOST_PARCELS", 7), ("MOST_BYTES", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(drawing, limit, value)
            assert "name" not in tiles.features(await drawn(served, tile), "parcels")[0][0]
    monkeypatch.setattr(drawing, "MOST_FINDINGS", 1)
    (only,) = tiles.features(await drawn(served, tile), "findings")
    assert only[0]["severity"] == 3, "the most serious stay"


async def test_a_tile_of_one_import_draws_its_parcels_and_findings_only(served: Land) -> None:
    await put(served.store, 2, [a_parcel(4)], [a_finding("own", a_parcel(4))])
    tile = tile_at(14, 108.004, 15.0005)
    one = await drawn(served, tile, "imports/i2")
    assert [attributes["number"] for attributes, _ in tiles.features(one, "parcels")] == ["4"]
    assert [attributes["name"] for attributes, _ in tiles.features(one, "findings")] == ["findings/own"]
    assert len(tiles.features(await drawn(served, tile), "findings")) == 3


async def test_over_http_tiles_are_packed_tagged_and_refused_like_all_else(served: Land, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0))
    channel = connect(served.target)
    web = WebServer(Gateway(channel, settings).app, settings.gateway)
    await web.start()

    async def ask(path: str, **headers: str) -> Answer:
        return await asyncio.to_thread(send, web.port, "GET", path, None, headers)

    tile = tile_at(14, 108.004, 15.0005)
    path = f"/v1/tiles/{tile.z}/{tile.x}/{tile.y}.mvt"
    plain = await ask(path)
    assert (plain.status, plain.headers["content-type"]) == (200, CONTENT_TYPE)
    assert plain.body == await drawn(served, tile)
    many = [a_parcel(number) for number in range(100, 160)]
    await put(served.store, 3, many, [])
    tile = tile_at(14, 108.13, 15.0005)
    path = f"/v1/tiles/{tile.z}/{tile.x}/{tile.y}.mvt"
    packed = await ask(path, **{"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == await drawn(served, tile)
    again = await ask(path, **{"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    other = await ask(path, **{"if-none-match": packed.headers["etag"]})
    assert (other.status, other.headers.get("content-encoding")) == (200, None)
    assert (await ask(f"{path}?import=imports/none")).status == 204
    refused: list[tuple[str, str]] = [
        ("/v1/tiles/3/8/0.mvt", "x"), ("/v1/tiles/3/0/8.mvt", "y"), ("/v1/tiles/23/0/0.mvt", "z"),
        ("/v1/tiles/3/-1/0.mvt", "x"), ("/v1/tiles/a/0/0.mvt", "z"), (f"{path}?layer=x", "layer"), (f"{path}?z=3", "z"),
    ]  # fmt: skip
    for wrong, field in refused:
        answer: Any = await ask(wrong)
        assert (answer.status, answer.reason) == (400, "INVALID_FIELD"), wrong
        assert field in answer.json["error"]["message"], wrong
    await web.stop()
    await channel.close()
