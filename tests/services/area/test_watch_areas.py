"""Watch areas over gRPC and HTTP: made, changed and removed by people; those of the settings stay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from ngoclinh.area.v1 import area_service_pb2 as pb
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub

from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.area.servicer import AreaServicer
from services.core.config import Settings
from services.core.names import random_id
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.land.servicer import LandServicer
from services.rpc import status
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.gateway.conftest import Answer, send

NTM, BTM = "watchAreas/nam-tra-my", "watchAreas/bac-tra-my"
COMMUNES = ["areas/2025-20944", "areas/2025-20941"]


@dataclass
class Areas:
    stub: Any
    channel: grpc.aio.Channel
    ledger: SqliteLedger


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Areas]:
    socket = folder / f"{random_id()}.sock"  # an earlier server may take its path away with it, a moment late
    server = Server(GrpcSettings(), tcp=False, unix=socket)
    parcels = SqliteParcelStore(folder / "parcels.sqlite")
    async with SqliteLedger(folder / "ledger.db") as ledger:
        server.add("ngoclinh.area.v1.AreaService", AreaServicer(Settings().watch_areas, ledger=ledger))
        server.add("ngoclinh.land.v1.LandService", LandServicer(parcels))
        await server.start()
        async with connect(server.target) as channel:
            yield Areas(AreaServiceStub(channel), channel, ledger)
        await server.stop()
    await parcels.close()


@pytest.fixture
async def areas(tmp_path: Path) -> AsyncIterator[Areas]:
    async with serving(tmp_path) as found:
        yield found


async def reason(call: grpc.aio.UnaryUnaryCall) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return status.reason(status.from_rpc_error(caught.value))


def create(title: str, areas: list[str], id_: str = "") -> pb.CreateWatchAreaRequest:
    return pb.CreateWatchAreaRequest(watch_area=pb.WatchArea(title=title, areas=areas), watch_area_id=id_)


async def names(stub: Any) -> list[str]:
    return [area.name for area in (await stub.ListWatchAreas(pb.ListWatchAreasRequest())).watch_areas]


async def test_a_watch_area_is_made_listed_and_outlives_the_program(tmp_path: Path) -> None:
    async with serving(tmp_path) as areas:
        made = await areas.stub.CreateWatchArea(create(" Bắc Trà My ", [*COMMUNES, COMMUNES[0]]))
        assert made == pb.WatchArea(name=BTM, title="Bắc Trà My", areas=COMMUNES)
        assert await reason(areas.stub.CreateWatchArea(create("Bắc Trà My", COMMUNES))) == "CONFLICT"
        assert (await areas.stub.CreateWatchArea(create("Bắc Trà My", COMMUNES, "btm"))).name == "watchAreas/btm"
    async with serving(tmp_path) as areas:
        assert await names(areas.stub) == [BTM, "watchAreas/btm", NTM]
        assert await areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name=BTM)) == made


async def test_one_of_the_settings_is_changed_put_back_and_never_removed(areas: Areas) -> None:
    first = await areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name=NTM))
    wanted = pb.WatchArea(name=NTM, title="Ba xã", areas=COMMUNES)
    titled = await areas.stub.UpdateWatchArea(
        pb.UpdateWatchAreaRequest(watch_area=wanted, update_mask=FieldMask(paths=["title"]))
    )
    assert (titled.title, titled.areas) == ("Ba xã", first.areas)
    both = await areas.stub.UpdateWatchArea(pb.UpdateWatchAreaRequest(watch_area=wanted))
    assert both == wanted == await areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name=NTM))
    await areas.stub.DeleteWatchArea(pb.DeleteWatchAreaRequest(name=NTM))
    assert await areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name=NTM)) == first
    assert await reason(areas.stub.DeleteWatchArea(pb.DeleteWatchAreaRequest(name=NTM))) == "CONFLICT"


@pytest.mark.parametrize(
    "request_",
    [
        create("", COMMUNES),
        create("  ", COMMUNES),
        create("x" * 101, COMMUNES),
        create("A", []),
        create("A", ["areas/2004-20944"]),
        create("A", ["areas/2025-48"]),
        create("A", [*COMMUNES, "areas/2025-99999"]),
        create("A", COMMUNES, "Nam Trà My"),
    ],
)
async def test_what_is_no_watch_area_is_refused(areas: Areas, request_: pb.CreateWatchAreaRequest) -> None:
    assert await reason(areas.stub.CreateWatchArea(request_)) == "INVALID_FIELD"
    assert await names(areas.stub) == [NTM]


async def test_unknown_ones_and_other_fields_cannot_be_changed(areas: Areas) -> None:
    none = pb.WatchArea(name="watchAreas/none", title="A", areas=COMMUNES)
    assert await reason(areas.stub.UpdateWatchArea(pb.UpdateWatchAreaRequest(watch_area=none))) == "NOT_FOUND"
    assert await reason(areas.stub.DeleteWatchArea(pb.DeleteWatchAreaRequest(name=none.name))) == "NOT_FOUND"
    mask = pb.UpdateWatchAreaRequest(watch_area=pb.WatchArea(name=NTM), update_mask=FieldMask(paths=["name"]))
    assert await reason(areas.stub.UpdateWatchArea(mask)) == "INVALID_FIELD"


async def test_a_silent_ledger_leaves_what_it_last_said_but_takes_nothing_new(areas: Areas) -> None:
    await areas.stub.CreateWatchArea(create("Bắc Trà My", COMMUNES))
    before = await names(areas.stub)
    await areas.ledger.close()
    assert await names(areas.stub) == before
    assert (await areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name=BTM))).areas == COMMUNES
    unknown = areas.stub.GetWatchArea(pb.GetWatchAreaRequest(name="watchAreas/none"))
    assert await reason(unknown) == "UNAVAILABLE", "the ledger may have it"
    assert await reason(areas.stub.CreateWatchArea(create("Trà Giáp", COMMUNES))) == "UNAVAILABLE"


async def test_without_a_ledger_they_are_read_only() -> None:
    servicer = AreaServicer(Settings().watch_areas)
    assert (await servicer.GetWatchArea(pb.GetWatchAreaRequest(name=NTM), None)).title == "Nam Trà My"


async def test_over_rest_they_are_made_changed_and_removed(areas: Areas, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0))
    web = WebServer(Gateway(areas.channel, settings).app, settings.gateway)
    await web.start()

    async def ask(verb: str, path: str, body: Any = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return await asyncio.to_thread(send, web.port, verb, path, sent, {"content-type": "application/json"})

    made = await ask("POST", "/v1/watchAreas", {"title": "Bắc Trà My", "areas": COMMUNES})
    assert (made.status, made.json["name"]) == (200, BTM)
    changed = await ask("PATCH", f"/v1/{BTM}?update_mask=title", {"title": "Trà My"})
    assert (changed.json["title"], changed.json["areas"]) == ("Trà My", COMMUNES)
    cells = await ask("GET", f"/v1/areas.geojson?watch_area={BTM}")
    assert [feature["id"] for feature in cells.json["features"]] == COMMUNES
    assert (await ask("DELETE", f"/v1/{BTM}")).status == 200
    assert (await ask("GET", f"/v1/{BTM}")).status == 404
    assert (await ask("DELETE", f"/v1/{NTM}")).reason == "CONFLICT"
    await web.stop()
