"""A server with its stages, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ngoclinh.area.v1 import area_service_pb2 as area
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub

from services.core.errors import Conflict, NotFound
from services.core.sections.doors import GrpcSettings
from services.rpc import deadline, status
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.fakes import answering
from tests.waiting import until

AREA_SERVICE = "ngoclinh.area.v1.AreaService"


@answering(AREA_SERVICE)
class Areas:
    """Answers that show what reached it."""

    def __init__(self) -> None:
        self.remaining: list[float | None] = []
        self.gate: asyncio.Event | None = None
        self.came = 0
        self.failures = 0

    async def GetArea(self, request: area.GetAreaRequest, context: Any) -> area.Area:
        self.remaining.append(deadline.remaining())
        if self.failures:
            self.failures -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        raise NotFound(request.name)

    async def ListAreas(self, request: area.ListAreasRequest, context: Any) -> area.ListAreasResponse:
        if request.filter.query == "fault":
            raise RuntimeError("secret path /srv/db")
        self.came += 1
        if self.gate:
            await self.gate.wait()
        return area.ListAreasResponse(next_page_token=request.filter.query)

    async def asked(self, count: int) -> None:
        """Wait until so many lists were asked for."""
        await until(lambda: self.came >= count)

    async def ResolvePlace(self, request: area.ResolvePlaceRequest, context: Any) -> area.ResolvePlaceResponse:
        await asyncio.sleep(30)
        raise AssertionError("the deadline must have ended this")

    async def GetWatchArea(self, request: area.GetWatchAreaRequest, context: Any) -> area.WatchArea:
        return area.WatchArea(name=request.name)

    async def ListWatchAreas(self, request: area.ListWatchAreasRequest, context: Any) -> area.ListWatchAreasResponse:
        return area.ListWatchAreasResponse()


@pytest.fixture
def servicer() -> Areas:
    return Areas()


@pytest.fixture
async def server(servicer: Areas, tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(GrpcSettings(port=0, default_deadline_s=0.4, max_concurrent=2), unix=tmp_path / "core.sock")
    server.add(AREA_SERVICE, servicer)
    await server.start()
    yield server
    await server.stop(0.5)


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    """A channel without our interceptors: another program."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield channel


async def failed(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_domain_error_becomes_a_status_with_reason_and_both_languages(channel: grpc.aio.Channel) -> None:
    error = await failed(AreaServiceStub(channel).GetArea(area.GetAreaRequest(name="areas/2025-20938")))
    answer = status.from_rpc_error(error)
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert status.reason(answer) == "NOT_FOUND"
    assert status.message(answer, "vi") == "Không tìm thấy areas/2025-20938."
    assert status.message(answer, "en") == "areas/2025-20938 does not exist."


async def test_a_fault_tells_the_client_nothing_but_the_request_id(channel: grpc.aio.Channel) -> None:
    call = AreaServiceStub(channel).ListAreas(
        area.ListAreasRequest(filter=area.AreaFilter(query="fault")), metadata=(("x-request-id", "abc-1"),)
    )
    error = await failed(call)
    answer = status.from_rpc_error(error)
    (info,) = status.details(answer, error_details_pb2.ErrorInfo)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.trailing_metadata()) + str(error.details())
    assert info.metadata == {"request_id": "abc-1"}


async def test_a_request_that_breaks_rules_names_every_field(channel: grpc.aio.Channel) -> None:
    request = area.ListAreasRequest(page_size=-1, filter=area.AreaFilter(edition=1999))
    answer = status.from_rpc_error(await failed(AreaServiceStub(channel).ListAreas(request)))
    (bad,) = status.details(answer, error_details_pb2.BadRequest)
    fields = {violation.field: violation for violation in bad.field_violations}
    assert status.reason(answer) == "INVALID_FIELD"
    assert set(fields) == {"page_size", "filter.edition"}
    assert fields["page_size"].localized_message.message == "phải từ 0 đến 1000"
    assert "greater than or equal to 0" in fields["page_size"].description


@pytest.mark.parametrize("data", [b"\x0a\x02\xff\xfe", b"\xff" * 10, b"\x0a\x7f"])
async def test_bytes_that_are_no_message_are_an_invalid_argument(channel: grpc.aio.Channel, data: bytes) -> None:
    raw = channel.unary_unary(f"/{AREA_SERVICE}/GetArea")
    error = await failed(raw(data))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status.reason(status.from_rpc_error(error)) == "INVALID_FIELD"


async def test_a_message_above_4_mib_is_refused_and_the_server_stays_up(channel: grpc.aio.Channel) -> None:
    raw = channel.unary_unary(f"/{AREA_SERVICE}/GetArea")
    error = await failed(raw(b"\x0a" + b"x" * (4 * 1024 * 1024)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await AreaServiceStub(channel).GetWatchArea(area.GetWatchAreaRequest(name="watchAreas/a"))).name


async def test_garbage_on_the_socket_leaves_the_server_up(server: Server, channel: grpc.aio.Channel) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 5000):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(garbage)
        await writer.drain()
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert (await AreaServiceStub(channel).GetWatchArea(area.GetWatchAreaRequest(name="watchAreas/a"))).name


async def test_a_call_without_deadline_gets_the_default(channel: grpc.aio.Channel) -> None:
    error = await failed(AreaServiceStub(channel).ResolvePlace(area.ResolvePlaceRequest(text="x")))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert status.reason(status.from_rpc_error(error)) == "DEADLINE"


async def test_the_request_id_comes_back_and_a_bad_one_is_replaced(channel: grpc.aio.Channel) -> None:
    stub = AreaServiceStub(channel)
    for sent, kept in (("req-7", True), ("a b", False), ("x" * 65, False)):
        call = stub.ListWatchAreas(area.ListWatchAreasRequest(), metadata=(("x-request-id", sent),))
        await call
        returned = dict(await call.trailing_metadata())["x-request-id"]
        assert (returned == sent) is kept
        assert returned


async def test_calls_beyond_the_limit_are_told_when_to_come_back(servicer: Areas, channel: grpc.aio.Channel) -> None:
    servicer.gate = asyncio.Event()
    stub = AreaServiceStub(channel)
    waiting = [asyncio.ensure_future(stub.ListAreas(area.ListAreasRequest())) for _ in range(2)]
    await servicer.asked(2)
    answer = status.from_rpc_error(await failed(stub.ListAreas(area.ListAreasRequest())))
    servicer.gate.set()
    await asyncio.gather(*waiting)
    (retry,) = status.details(answer, error_details_pb2.RetryInfo)
    assert status.reason(answer) == "OVERLOADED"
    assert status.http_code(answer) == 429
    assert retry.retry_delay.ToMilliseconds() == 1000
    assert await stub.ListAreas(area.ListAreasRequest())


async def test_the_client_passes_on_what_is_left_of_the_deadline(servicer: Areas, server: Server) -> None:
    async with connect(server.target, default_s=20) as channel:
        stub = AreaServiceStub(channel)
        request = area.GetAreaRequest(name="areas/2025-20938")
        await failed(stub.GetArea(request))
        async with deadline.within(5):
            await failed(stub.GetArea(request))
    alone, within = servicer.remaining
    assert 15 < (alone or 0) < 20.2
    assert 3 < (within or 0) < 4.99


async def test_reads_are_tried_again_after_unavailable(servicer: Areas, server: Server) -> None:
    servicer.failures = 2
    async with connect(server.target) as channel:
        error = await failed(AreaServiceStub(channel).GetArea(area.GetAreaRequest(name="areas/2025-20938")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert len(servicer.remaining) == 3


async def test_health_answers_by_probe_and_service_and_ends_with_the_server(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "startup", "readiness", "liveness", AREA_SERVICE):
            assert (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status == 1
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == 1
        stopping = asyncio.ensure_future(server.stop(2))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        await stopping


async def test_a_call_in_progress_is_finished_before_the_server_stops(servicer: Areas, server: Server) -> None:
    servicer.gate = asyncio.Event()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = asyncio.ensure_future(
            AreaServiceStub(channel).ListAreas(area.ListAreasRequest(filter=area.AreaFilter(query="kept")), timeout=60)
        )
        await servicer.asked(1)
        stopping = asyncio.ensure_future(server.stop(30))
        await asyncio.sleep(0.1)
        servicer.gate.set()
        assert (await call).next_page_token == "kept"
        await stopping


async def test_a_taken_port_is_told_in_words(server: Server) -> None:
    second = Server(GrpcSettings(port=server.port))
    with pytest.raises(Conflict, match=str(server.port)):
        await second.start()
    await second.stop(0)


async def test_a_servicer_that_leaves_a_method_out_is_refused() -> None:
    with pytest.raises(TypeError, match=r"AreaService\.GetArea"):
        Server(GrpcSettings()).add(AREA_SERVICE, object())


async def test_metadata_beyond_the_limit_are_refused_and_the_server_stays_up(channel: grpc.aio.Channel) -> None:
    stub = AreaServiceStub(channel)
    call = stub.ListWatchAreas(area.ListWatchAreasRequest(), metadata=(("x-long", "x" * 100_000),))
    error = await failed(call)
    assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
    assert await stub.ListWatchAreas(area.ListWatchAreasRequest()) is not None


async def test_calls_that_are_broken_off_leave_room_for_others(servicer: Areas, channel: grpc.aio.Channel) -> None:
    servicer.gate = asyncio.Event()
    stub = AreaServiceStub(channel)
    for _ in range(20):
        calls = [stub.ListAreas(area.ListAreasRequest()) for _ in range(10)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    servicer.gate.set()
    await asyncio.sleep(0.5)
    assert await asyncio.gather(*(stub.ListAreas(area.ListAreasRequest()) for _ in range(2)))


async def test_an_unknown_value_of_an_enum_names_its_field(channel: grpc.aio.Channel) -> None:
    request = area.ListAreasRequest.FromString(b"\x0a\x02\x10\x63")
    answer = status.from_rpc_error(await failed(AreaServiceStub(channel).ListAreas(request)))
    (bad,) = status.details(answer, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["filter.level"]
