"""Connections from afar end by themselves, so that clients find new servers; no call notices."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest
from ngoclinh.area.v1 import area_service_pb2 as area
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub

from services.core.sections.doors import GrpcSettings
from services.rpc import serve
from services.rpc.serve import Server
from tests.services.echo import AREA_SERVICE, EchoAreas

REQUEST = area.GetWatchAreaRequest(name="watchAreas/a")
AGED_S = 60
"""Seconds within which a connection that may last one has ended, on a busy machine."""


@pytest.mark.parametrize("afar", [True, False])
async def test_a_connection_from_afar_ends_by_itself_and_one_of_this_machine_does_not(
    afar: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serve, "is_loopback", lambda host: not afar)
    settings = GrpcSettings(port=0).model_copy(update={"max_connection_age_s": 1})
    server = Server(settings)
    server.add(AREA_SERVICE, EchoAreas())
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = AreaServiceStub(channel)
            assert (await stub.GetWatchArea(REQUEST)).name
            ended = asyncio.create_task(channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
            await asyncio.wait({ended}, timeout=AGED_S if afar else 4)
            assert ended.done() == afar
            ended.cancel()
            assert (await stub.GetWatchArea(REQUEST)).name, "the next call connects anew"
    finally:
        await server.stop(0)
