"""Who does not read what is sent to him costs a bounded amount of memory, and holds up nobody else.

The resident memory of this process, in which server and readers live, is measured.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.alert_service_pb2 import DESCRIPTOR, WatchAlertsRequest, WatchAlertsResponse
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub

from services.core.config import Settings
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.fakes import answering

READERS = 20
EVENTS, SIZE = 4_000, 10_000
"""Events, and bytes of each: 40 MB for each reader, 800 MB for all of them."""
SENT_MB = 1
"""What is sent ahead to a reader at most whose window of HTTP/2 does not grow."""
FIXED = (("grpc.http2.bdp_probe", 0),)
"""A reader's window grows with the speed of the line, as gRPC sees it, and is its own memory: here it stays."""
BOUND_MB = 100
"""Growth of the resident memory that is allowed, on the side of the readers too."""


@answering(DESCRIPTOR.services_by_name["AlertService"].full_name)
class Alerts:
    """Tells every watcher of all events as fast as they are taken."""

    def __init__(self) -> None:
        self.told = 0
        self.ended = asyncio.Event()

    async def WatchAlerts(self, request: WatchAlertsRequest, context: Any) -> AsyncIterator[WatchAlertsResponse]:
        for number in range(EVENTS):
            yield WatchAlertsResponse(alert=Alert(name=f"alerts/{number}", title="x" * SIZE))
            self.told += 1
        self.ended.set()
        await asyncio.Event().wait()


def resident_mb() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Server, Alerts]]:
    server, alerts = Server(GrpcSettings(port=0), unix=tmp_path / "core.sock"), Alerts()
    server.add("ngoclinh.media.v1.AlertService", alerts)
    await server.start()
    yield server, alerts
    await server.stop(0.2)


async def test_readers_of_a_stream_that_do_not_read_cost_bounded_memory(
    server: tuple[Server, Alerts], capsys: pytest.CaptureFixture[str]
) -> None:
    serving, alerts = server
    async with grpc.aio.insecure_channel(serving.address, options=FIXED) as channel:
        before = resident_mb()
        calls = [AlertServiceStub(channel).WatchAlerts(WatchAlertsRequest()) for _ in range(READERS)]
        for call in calls:
            await call.read()  # it has begun; nothing is read any more
        still = -1
        while still != alerts.told:
            still = alerts.told
            await asyncio.sleep(2)
        assert alerts.told * SIZE < READERS * SENT_MB << 20, "the server waits for its readers"
        grown = resident_mb() - before
        assert grown < BOUND_MB
        other = AlertServiceStub(channel).WatchAlerts(WatchAlertsRequest())
        assert [(await other.read()).alert.name for _ in range(100)][-1] == "alerts/99", "who reads is served"
        for call in (*calls, other):
            call.cancel()
        await asyncio.sleep(1)
    assert '"fault"' not in "".join(capsys.readouterr()), "who goes away in the middle is no fault of the server"
    sys.stdout.write(f"\n{READERS} streams that nobody reads: {grown:.0f} MB\n")


async def test_screens_that_do_not_read_cost_bounded_memory(server: tuple[Server, Alerts], tmp_path: Path) -> None:
    serving, alerts = server
    async with connect(serving.target, default_s=30) as channel:
        settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0))
        gateway = Gateway(channel, settings)
        web = WebServer(gateway.app, settings.gateway)
        await web.start()
        before = resident_mb()
        ask = f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n\r\n".encode()
        screens = [await asyncio.open_connection("127.0.0.1", web.port, limit=1 << 16) for _ in range(READERS)]
        for _, writer in screens:
            writer.write(ask)
        await asyncio.wait_for(alerts.ended.wait(), 120)
        await asyncio.sleep(1)
        assert alerts.told == EVENTS, "the watch goes on for the others"
        grown = resident_mb() - before
        assert grown < BOUND_MB
        gateway.events.close()
        for _, writer in screens:
            writer.transport.abort()
        await web.stop()
    sys.stdout.write(f"\n{READERS} screens that nobody reads: {grown:.0f} MB\n")
