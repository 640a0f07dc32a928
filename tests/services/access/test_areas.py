"""What somebody of one watch area does there, and what is refused elsewhere: imports, alerts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from ngoclinh.media.v1.alert_pb2 import Alert

from gis.synthetic import nam_tra_my_sheet
from services.bootstrap import Running, running
from services.core import config
from services.core.clock import to_timestamp, utc_now
from tests.services.access.test_sign_in import ask, program, provider, token
from tests.services.gateway.conftest import Answer, send

__all__ = ["provider"]
AREAS = {
    "nam-tra-my": {"title": "Nam Trà My", "areas": ["20944", "20941", "20938", "20950", "20959"]},
    "khac": {"title": "Nơi khác", "areas": ["20194"]},
}


def officer(area: str, role: str = "land_officer") -> dict[str, str]:
    return {"authorization": f"Bearer {token(areas=[area], roles=(f'ngoclinh-{role}',))}"}


async def imported(found: Running, held: dict[str, str]) -> Any:
    """An import of the invented sheet, as it ended."""
    headers = {"content-type": "application/octet-stream", **held}
    path = "/v1/imports:upload?file_name=to_1.geojson&options.edition=2004"
    data = json.dumps(nam_tra_my_sheet().geojson()).encode()
    port = int(found.url.rsplit(":", 1)[1])
    begun: Answer = await asyncio.to_thread(send, port, "POST", path, data, headers, 60)
    assert begun.status == 200, begun.body
    async with asyncio.timeout(300):
        while True:
            now = (await ask(found, "GET", f"/v1/{begun.json['name']}", **held)).json
            if now["state"] != "IMPORT_STATE_RUNNING":
                return now
            await asyncio.sleep(0.2)


async def test_an_officer_imports_parcels_of_the_own_area_and_none_of_others(
    tmp_path: Path, provider: dict[str, Any]
) -> None:
    async with program(tmp_path, **provider, watch_areas=AREAS) as found:
        own, other = officer("nam-tra-my"), officer("khac")
        done = await imported(found, own)
        assert (done["state"], done["parcel_count"] > 0) == ("IMPORT_STATE_COMMITTED", True), done["problem"]
        refused = await imported(found, other)
        assert (refused["state"], refused["reason"]) == ("IMPORT_STATE_FAILED", "ERROR_REASON_OUTSIDE_AREA")
        assert refused["problem"]["vi"] != refused["problem"]["en"]
        for held, mine, theirs in ((own, done, refused), (other, refused, done)):
            listed = (await ask(found, "GET", "/v1/imports", **held)).json["imports"]
            assert [one["name"] for one in listed] == [mine["name"]]
            assert (await ask(found, "GET", f"/v1/{theirs['name']}", **held)).reason == "OUTSIDE_AREA"
            cancel = await ask(found, "POST", f"/v1/{theirs['name']}:cancel", {}, **held)
            assert cancel.reason == "OUTSIDE_AREA"
        parcels = (await ask(found, "GET", "/v1/parcels?page_size=1000", **own)).json["parcels"]
        assert len(parcels) == done["parcel_count"]
        assert {one["import"] for one in parcels} == {done["name"]}, "nothing of the refused import was kept"


async def test_an_analyst_acknowledges_alerts_of_the_own_area_only(tmp_path: Path, provider: dict[str, Any]) -> None:
    def name(letter: str) -> str:
        return f"alerts/{letter * 26}"

    async with program(tmp_path, **provider, watch_areas=AREAS) as found:
        for letter, area in (("a", "areas/2025-20944"), ("b", "areas/2025-20194")):
            alert = Alert(
                name=name(letter), rule="alertRules/a", story=letter, article=f"articles/{letter}", areas=[area]
            )
            alert.raise_time.CopyFrom(to_timestamp(utc_now()))
            assert await found.stores.ledger.raise_alert(alert)
        held = officer("nam-tra-my", "analyst")
        done = await ask(found, "POST", f"/v1/{name('a')}:acknowledge", {"note": "đã cử người"}, **held)
        assert (done.status, done.json["acknowledge_user"]) == (200, "hoa")
        refused = await ask(found, "POST", f"/v1/{name('b')}:acknowledge", {"note": "x"}, **held)
        assert refused.reason == "OUTSIDE_AREA"
        kept = await found.stores.ledger.alert(name("b"))
        assert kept is not None
        assert not kept.HasField("acknowledge_time")
        assert (await ask(found, "GET", f"/v1/{name('c')}", **held)).reason == "NOT_FOUND"


async def test_a_clipping_takes_the_place_of_none_that_is_about_areas_of_others(
    tmp_path: Path, provider: dict[str, Any]
) -> None:
    flags = {"data_dir": tmp_path / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    settings = config.load(environ={}, flags=flags | provider | {"watch_areas": AREAS})
    own, other = officer("nam-tra-my", "analyst"), officer("khac", "analyst")
    page = {"url": "https://tin.example.vn/bai-7.html", "title": "Người dân xã Trà Leng, huyện Nam Trà My bức xúc"}
    async with running(settings, crawl=False) as found:

        async def clip(text: str, held: dict[str, str]) -> Answer:
            return await ask(found, "POST", "/v1/articles:submit", {**page, "text": text}, **held)

        name = (await clip("Nhiều hộ dân xã Trà Leng chờ cấp giấy chứng nhận.", own)).json["article"]
        async with asyncio.timeout(120):
            while not (await ask(found, "GET", f"/v1/{name}", **own)).json.get("analysis"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await clip("Xã Trà Leng không có gì.", other)).reason == "OUTSIDE_AREA"
        kept = await found.stores.ledger.article(name)
        assert kept is not None
        assert kept.text.startswith("Nhiều hộ dân")
        assert (await clip("Xã Trà Leng đã cấp giấy cho nhiều hộ.", own)).status == 200
