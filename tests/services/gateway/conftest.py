"""A gateway before a real gRPC server, both on loopback."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.core.config import Settings
from services.core.sections.doors import GatewaySettings, GrpcSettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.land.servicer import LandServicer
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.services.echo import AREA_SERVICE, EchoAreas


@dataclass
class Answer:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """`ErrorInfo.reason` of an error."""
        return next((detail["reason"] for detail in self.json["error"]["details"] if "reason" in detail), "")


def send(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 20,
) -> Answer:
    """One request; headers replace those that the client would send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        given = {name.lower(): value for name, value in (headers or {}).items()}
        connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
        if body is not None and "content-length" not in given and "transfer-encoding" not in given:
            given["content-length"] = str(len(body))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        named = {name: response.getheader(name) or "" for name, _ in response.getheaders()}  # repeated ones joined
        return Answer(response.status, {name.lower(): value for name, value in named.items()}, response.read())
    finally:
        connection.close()


Ask = Callable[..., Any]


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Ask]:
    """Send a request to a gateway: `await ask("GET", "/v1/areas")`."""
    server = Server(GrpcSettings(port=0, default_deadline_s=0.5), tcp=False, unix=tmp_path / "core.sock")
    store = SqliteParcelStore(tmp_path / "parcels.sqlite")
    server.add(AREA_SERVICE, EchoAreas())
    server.add("ngoclinh.land.v1.LandService", LandServicer(store))
    await server.start()
    channel = connect(server.target, default_s=0.5)
    settings = Settings(
        data_dir=tmp_path, gateway=GatewaySettings(port=0, max_body_mb=1, allowed_origins=["https://ioc.example.vn"])
    )
    web = WebServer(Gateway(channel, settings).app, settings.gateway)
    await web.start()

    async def ask(*arguments: Any, **named: Any) -> Answer:
        return await asyncio.to_thread(send, web.port, *arguments, **named)

    ask.port = web.port  # type: ignore[attr-defined]
    ask.parcels = store  # type: ignore[attr-defined]
    yield ask
    await web.stop()
    await channel.close()
    await server.stop(0.2)
    await store.close()
