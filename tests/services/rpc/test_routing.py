"""Calls find the server of their service, over certificates where it is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ngoclinh.area.v1 import area_service_pb2 as area
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub

from services.core.errors import InvalidField
from services.core.sections.doors import GrpcSettings
from services.rpc import routing, tls
from services.rpc.address import require_safe_address
from services.rpc.routing import RoutingChannel
from services.rpc.serve import Server
from tests.engines.base import free_port
from tests.services.certificates import Authority
from tests.services.fakes import answering

SERVICE = "ngoclinh.area.v1.AreaService"


@answering(SERVICE)
class Named:
    """Says which server answered."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def GetWatchArea(self, request: area.GetWatchAreaRequest, context: Any) -> area.WatchArea:
        return area.WatchArea(name=request.name, title=self._name)


def settings_of(authority: Authority, name: str = "server", **given: Any) -> GrpcSettings:
    certificate, key = authority.issue(name)
    return GrpcSettings(port=0, tls_cert_file=certificate, tls_key_file=key, ca_file=authority.file, **given)


async def served(settings: GrpcSettings, name: str, **given: Any) -> Server:
    server = Server(settings, **given)
    server.add(SERVICE, Named(name))
    await server.start()
    return server


async def title(channel: grpc.aio.Channel) -> str:
    request = area.GetWatchAreaRequest(name="watchAreas/nam-tra-my")
    answer: area.WatchArea = await AreaServiceStub(channel).GetWatchArea(request, timeout=30)
    return answer.title


async def test_a_service_with_an_address_is_called_there_and_any_other_here(tmp_path: Path) -> None:
    here = await served(GrpcSettings(port=0), "here", tcp=False, unix=tmp_path / "here.sock")
    there = await served(GrpcSettings(port=0), "there")
    try:
        async with RoutingChannel(here.target, {}, GrpcSettings()) as channel:
            assert await title(channel) == "here"
        async with RoutingChannel(here.target, {SERVICE: there.address}, GrpcSettings()) as channel:
            await channel.channel_ready()
            assert await title(channel) == "there"
    finally:
        await here.stop(0)
        await there.stop(0)


async def test_only_clients_with_a_certificate_of_our_authority_are_answered(tmp_path: Path) -> None:
    ours, foreign = Authority(tmp_path / "ours"), Authority(tmp_path / "foreign")
    settings = settings_of(ours)
    server = await served(settings, "there")
    stranger = settings_of(foreign).model_copy(update={"ca_file": ours.file})
    try:
        async with RoutingChannel("", {SERVICE: server.address}, settings) as channel:
            assert await title(channel) == "there"
        for credentials in (
            tls.channel_credentials(stranger),
            grpc.ssl_channel_credentials(ours.file.read_bytes()),
            None,
        ):
            open_channel = (
                grpc.aio.secure_channel(server.address, credentials)
                if credentials
                else grpc.aio.insecure_channel(server.address)
            )
            async with open_channel as channel:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await title(channel)
            assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    finally:
        await server.stop(0)


async def test_certificates_are_replaced_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "LOOK_S", 0)
    old = Authority(tmp_path)
    settings = settings_of(old)
    server = await served(settings, "there")
    try:
        async with RoutingChannel("", {SERVICE: server.address}, settings) as channel:
            assert await title(channel) == "there"
            new = Authority(tmp_path)  # the same files: another authority, key and certificate
            assert new.file == old.file
            new.issue("server")
            assert await title(channel) == "there"
            async with grpc.aio.secure_channel(
                server.address, grpc.ssl_channel_credentials(new.file.read_bytes())
            ) as bare:
                with pytest.raises(grpc.aio.AioRpcError):
                    await title(bare)
    finally:
        await server.stop(0)


async def test_probes_ask_a_port_of_their_own_that_answers_nothing_else(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = settings_of(Authority(tmp_path), health_address=address)
    server = await served(settings, "there")
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            for name in ("", "startup", "readiness", "liveness", SERVICE):
                asked = health_pb2.HealthCheckRequest(service=name)
                answer = await health_pb2_grpc.HealthStub(channel).Check(asked, timeout=30)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await title(channel)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    finally:
        await server.stop(0)


def test_a_part_of_the_files_is_no_certificate(tmp_path: Path) -> None:
    certificate, _ = Authority(tmp_path).issue("server")
    with pytest.raises(InvalidField, match=r"tls_key_file"):
        tls.is_mutual(GrpcSettings(tls_cert_file=certificate))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    settings = GrpcSettings(tls_cert_file=missing, tls_key_file=missing, ca_file=missing)
    with pytest.raises(InvalidField, match=r"missing\.pem"):
        tls.channel_credentials(settings)


def test_beyond_loopback_something_must_keep_strangers_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="trust_network"):
        require_safe_address(GrpcSettings(host="0.0.0.0"))
    require_safe_address(GrpcSettings(host="127.0.0.1"))
    require_safe_address(GrpcSettings(host="0.0.0.0", trust_network=True))
    require_safe_address(settings_of(Authority(tmp_path), host="0.0.0.0"))
