"""Who connects to the gateway and does not ask, or asks a byte at a time, holds up nobody else and not for long."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.core.config import Settings
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.gateway import security, serve
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.echo import AREA_SERVICE, EchoAreas
from tests.services.gateway.conftest import Answer, send

PLACES, STRANGERS = 20, 30
"""Connections that the gateway of these tests takes at a time, and how many come that say nothing."""
SHORT_S = 1.0
"""What the tests make of the seconds that the gateway waits for somebody."""
BOUND_S = 30.0
"""Seconds in which a connection of that kind must be closed, on a busy machine."""
PATH = "/v1/areas/2025-20938"
POST = "POST /v1/areas:resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WebServer]:
    monkeypatch.setattr(serve, "MOST", PLACES)
    monkeypatch.setattr(serve, "HEAD_S", SHORT_S)
    server = Server(GrpcSettings(port=0), tcp=False, unix=tmp_path / "core.sock")
    server.add(AREA_SERVICE, EchoAreas())
    await server.start()
    async with connect(server.target) as channel:
        settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(port=0))
        web = WebServer(Gateway(channel, settings).app, settings.gateway)
        await web.start()
        yield web
        await web.stop()
    await server.stop(0)


async def ask(web: WebServer) -> Answer:
    """An ordinary request."""
    return await asyncio.to_thread(send, web.port, "GET", PATH, None, None, BOUND_S)


async def said(reader: asyncio.StreamReader) -> bytes:
    """Everything until the connection is closed, which must be soon."""
    return await asyncio.wait_for(reader.read(), BOUND_S)


async def drip(writer: asyncio.StreamWriter, text: str) -> None:
    """A byte at a time, until the other side has had enough."""
    for sign in text.encode():
        await asyncio.sleep(SHORT_S / 10)
        if writer.transport.is_closing():
            return
        writer.write(bytes([sign]))


async def test_connections_that_ask_nothing_lose_their_places(web: WebServer) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(STRANGERS)]
    end = time.monotonic() + BOUND_S
    while (answer := await ask(web)).status != 200:
        assert answer.status == 503, "while all places are taken one is told to come back"
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    for reader, writer in silent:
        assert await said(reader) == b""
        writer.close()


@pytest.mark.parametrize("kept", [False, True], ids=["first request", "second request"])
async def test_a_head_that_comes_a_byte_at_a_time_is_not_waited_for(web: WebServer, kept: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    if kept:
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND_S)
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
        await asyncio.wait_for(reader.readexactly(length), BOUND_S)
    dripping = asyncio.create_task(drip(writer, f"GET {PATH} HTTP/1.1\r\nX-Long: " + "x" * 5000))
    assert await said(reader) == b""
    dripping.cancel()
    writer.close()
    assert (await ask(web)).status == 200


async def test_a_body_that_comes_a_byte_at_a_time_is_told_as_too_late(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "PATIENCE_S", SHORT_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(f"{POST}Content-Length: 5000\r\n\r\n".encode())
    dripping = asyncio.create_task(drip(writer, "x" * 5000))
    head, _, body = (await said(reader)).partition(b"\r\n\r\n")
    dripping.cancel()
    writer.close()
    assert head.startswith(b"HTTP/1.1 504 ")
    details = json.loads(body)["error"]["details"]
    assert {one["reason"] for one in details if "reason" in one} == {"DEADLINE"}
    assert {one["locale"] for one in details if "locale" in one} == {"vi", "en"}
    assert (await ask(web)).status == 200


async def test_a_body_that_comes_slowly_but_steadily_is_taken(web: WebServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    body = json.dumps({"text": "xã Trà Leng"})
    writer.write(f"{POST}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    await drip(writer, body)
    answer = await said(reader)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(body) * SHORT_S / 10 > SHORT_S, "it took longer than a head may"


async def test_who_only_listens_is_not_cut_off(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "PATIENCE_S", SHORT_S / 4)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(b"POST /v1/areas:resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    writer.write(b'Connection: close\r\nContent-Length: 16\r\n\r\n{"text": "wait"}')
    with pytest.raises(TimeoutError):  # the answer is under way; neither it nor an end has come
        await asyncio.wait_for(reader.read(1), 2 * SHORT_S)
    writer.transport.abort()
