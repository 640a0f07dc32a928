"""Server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.land.v1.parcel_pb2 import IMPORT_STATE_COMMITTED, IMPORT_STATE_RUNNING, Import
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.alert_service_pb2 import DESCRIPTOR, WatchAlertsRequest, WatchAlertsResponse
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceServicer

from services.bootstrap import running
from services.core import config
from services.core.config import Settings
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.gateway import events
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.contracts.articles import article, collected
from tests.waiting import until


class Alerts(AlertServiceServicer):
    """Tells of the alerts that a test raises, and counts who watches."""

    def __init__(self) -> None:
        self.raised: asyncio.Queue[str] = asyncio.Queue()
        self.watching = 0

    async def WatchAlerts(self, request: WatchAlertsRequest, context: Any) -> AsyncIterator[WatchAlertsResponse]:
        self.watching += 1
        try:
            while True:
                yield WatchAlertsResponse(alert=Alert(name="alerts/a", title=await self.raised.get()))
        finally:
            self.watching -= 1


async def _unused(self: Alerts, request: Any, context: Any) -> Any:
    raise AssertionError("only the watch is asked")


for _method in DESCRIPTOR.services_by_name["AlertService"].methods:
    if _method.name not in vars(Alerts):
        setattr(Alerts, _method.name, _unused)


class Stage:
    """A gateway before a service of alerts."""

    def __init__(self, alerts: Alerts, gateway: Gateway, web: WebServer) -> None:
        self.alerts, self.gateway, self.web = alerts, gateway, web

    async def screen(self) -> asyncio.StreamReader:
        """A screen of this gateway."""
        return await open_screen(self.web.port)


async def open_screen(port: int, status: bytes = b"200 OK", query: str = "") -> asyncio.StreamReader:
    """A screen that has its answer's head behind it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/events{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nLast-Event-ID: 7\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    assert status in head
    assert (b"text/event-stream" in head) == (status == b"200 OK")
    reader.writer = writer  # type: ignore[attr-defined]
    return reader


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    server = Server(GrpcSettings(port=0), tcp=False, unix=tmp_path / "core.sock")
    alerts = Alerts()
    server.add("ngoclinh.media.v1.AlertService", alerts)
    await server.start()
    channel = connect(server.target, default_s=5)
    settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0))
    gateway = Gateway(channel, settings)
    web = WebServer(gateway.app, settings.gateway)
    await web.start()
    yield Stage(alerts, gateway, web)
    gateway.events.close()
    await asyncio.wait_for(web.stop(), 30)
    await channel.close()
    await server.stop(0.2)


async def event(reader: asyncio.StreamReader) -> tuple[str, Any]:
    """The next event: its name and its data."""
    while True:
        line = (await asyncio.wait_for(reader.readline(), 30)).decode().strip()
        if line.startswith("event: "):
            data = (await asyncio.wait_for(reader.readline(), 30)).decode().strip()
            return line.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_a_screen_about_an_import_hears_of_it_alone(stage: Stage) -> None:
    narrow, wide = await open_screen(stage.web.port, query="?import=imports/one"), await stage.screen()
    rooms = stage.gateway.events._rooms
    await until(lambda: sum(len(room.screens) for room in rooms.values()) == 2)
    (room,) = rooms.values()
    for name in ("imports/two", "imports/one"):
        room.tell("import", Import(name=name))
        room.tell("alert", Alert(name="alerts/a"))
    assert (await event(narrow))[1]["name"] == "imports/one"
    assert [(await event(wide))[1]["name"] for _ in range(4)] == ["imports/two", "alerts/a", "imports/one", "alerts/a"]
    narrow_waits, wide_waits = room.screens
    assert narrow_waits.empty()
    assert wide_waits.empty()


async def test_one_watch_serves_all_screens(stage: Stage) -> None:
    first, second = await stage.screen(), await stage.screen()
    await until(lambda: stage.alerts.watching == 1)
    stage.alerts.raised.put_nowait("Sạt lở ở Trà Vân")
    for reader in (first, second):
        name, data = await event(reader)
        assert (name, data["title"], data["count"]) == ("alert", "Sạt lở ở Trà Vân", 0)
    assert stage.alerts.watching == 1


async def test_the_watch_ends_with_the_last_screen(stage: Stage) -> None:
    reader = await stage.screen()
    await until(lambda: stage.alerts.watching == 1)
    reader.writer.close()  # type: ignore[attr-defined]
    await until(lambda: stage.alerts.watching == 0)


async def test_an_open_screen_does_not_hold_up_the_end(stage: Stage) -> None:
    reader = await stage.screen()
    stage.gateway.events.close()
    await asyncio.wait_for(stage.web.stop(), 3)
    assert reader.at_eof() or await asyncio.wait_for(reader.read(), 3)


async def test_an_idle_screen_hears_a_beat(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BEAT_S", 0.05)
    reader = await stage.screen()
    await asyncio.wait_for(reader.readuntil(b"\n: \n"), 30)


async def test_one_screen_too_many_is_told_to_come_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_SCREENS", 2)
    first, _ = await stage.screen(), await stage.screen()
    await open_screen(stage.web.port, b"429")
    first.writer.close()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(AssertionError):  # it is not yet seen to be gone
                await stage.screen()
                break
            await asyncio.sleep(0.05)


async def test_articles_and_imports_of_the_real_services_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "IMPORTS_S", 0.1)
    flags = {"data_dir": tmp_path, "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    async with running(config.load(environ={}, flags=flags), work=False, crawl=False) as program:
        ledger, parcels = program.stores.ledger, program.stores.parcels
        await ledger.record_collected(collected(article("before")))
        reader = await open_screen(int(program.url.rsplit(":", 1)[1]))
        await asyncio.sleep(0.8)
        made = article("a", "Nội dung dài.", title="Sạt lở </script>\r\nevent: alert")
        await ledger.record_collected(collected(made))
        name, data = await event(reader)
        assert (name, data["name"], data["title"], data["text"]) == ("article", made.name, made.title, "")
        import_ = Import(name="imports/a", state=IMPORT_STATE_RUNNING)
        import_.create_time.FromSeconds(1_790_000_000)
        await parcels.begin_import(import_)
        assert await told(reader) == ("import", "imports/a", "IMPORT_STATE_RUNNING")
        import_.state = IMPORT_STATE_COMMITTED
        await parcels.commit(import_)
        assert await told(reader) == ("import", "imports/a", "IMPORT_STATE_COMMITTED")


async def told(reader: asyncio.StreamReader) -> tuple[str, str, str]:
    """The next event: its name, what it is about, in which state that is."""
    name, data = await event(reader)
    return name, data["name"], data["state"]
