"""What the services are is told to programs of this machine, where the settings say so, and never beyond it."""

from __future__ import annotations

import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.core.sections.doors import GrpcSettings
from services.rpc import serve
from services.rpc.serve import Server
from tests.services.echo import AREA_SERVICE, EchoAreas


async def told(settings: GrpcSettings) -> set[str]:
    """Names of the services that a stranger is told; none where nothing answers."""
    server = Server(settings)
    server.add(AREA_SERVICE, EchoAreas())
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            answers = [answer async for answer in stub.ServerReflectionInfo(asked, timeout=30)]
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        return set()
    finally:
        await server.stop(0)
    return {one.name for answer in answers for one in answer.list_services_response.service}


@pytest.mark.parametrize(
    ("reflection", "afar", "answered"), [(True, False, True), (True, True, False), (False, False, False)]
)
async def test_reflection_is_for_this_machine_and_where_it_is_wanted(
    reflection: bool, afar: bool, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "is_loopback", lambda host: not afar)
    assert (AREA_SERVICE in await told(GrpcSettings(port=0, reflection=reflection))) == answered
