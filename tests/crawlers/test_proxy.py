"""Downloads through a proxy: it is used, and what may not be visited never reaches it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crawlers.download import Transient
from services.core.errors import FetchRefused
from services.core.sections.work import CrawlerSettings
from tests.crawlers.test_download import HEAD, download, server


async def page(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 5\r\nConnection: close\r\n\r\nabcde")
    await writer.drain()


async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def resolving(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A name service of the test's own."""
    real = asyncio.get_running_loop().getaddrinfo

    async def look(host: str, port: int, **options: Any) -> Any:
        if host not in names:
            return await real(host, port, **options)
        if not names[host]:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (names[host], port))]

    monkeypatch.setattr(
        type(asyncio.get_running_loop()), "getaddrinfo", lambda _, host, port, **options: look(host, port, **options)
    )
    yield
    monkeypatch.undo()


async def test_a_page_of_a_public_name_comes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(page) as (proxy, asked), resolving({"tin.example": "93.184.216.34"}, monkeypatch):
        answer = await download("http://tin.example/a", allow=[], proxy=f"http://{proxy}")
    assert answer.body == b"abcde"
    assert asked[0].startswith(b"GET http://tin.example/a HTTP/1.1\r\n")


async def test_a_secure_page_is_asked_for_by_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(refuse) as (proxy, asked), resolving({"tin.example": "93.184.216.34"}, monkeypatch):
        with pytest.raises(Transient, match=r"proxy does not lead to tin\.example"):
            await download("https://tin.example/a", allow=[], proxy=f"http://{proxy}")
    assert asked[0].startswith(b"CONNECT tin.example:443 HTTP/1.1\r\n")


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1"])
async def test_a_name_that_points_into_a_private_network_never_reaches_the_proxy(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(page) as (proxy, asked), resolving({"inside.example": address}, monkeypatch):
        for scheme in ("http", "https"):
            with pytest.raises(FetchRefused):
                await download(f"{scheme}://inside.example/", allow=[], proxy=f"http://{proxy}")
    assert asked == []


async def test_an_unknown_name_a_private_address_and_the_proxy_itself_are_not_visited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with server(page) as (proxy, asked), resolving({"nowhere.example": ""}, monkeypatch):
        with pytest.raises(Transient):
            await download("http://nowhere.example/", allow=[], proxy=f"http://{proxy}")
        for url in (
            "http://2130706433/",
            "http://[::ffff:10.0.0.1]/",
            f"http://{proxy}/",
            f"http://localhost:{proxy.rpartition(':')[2]}/",
        ):
            with pytest.raises(FetchRefused):
                await download(url, allow=[], proxy=f"http://{proxy}")
    assert asked == []


async def test_a_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(page) as (proxy, _):
        pass
    async with resolving({"tin.example": "93.184.216.34"}, monkeypatch):
        with pytest.raises(Transient, match="proxy"):
            await download("http://tin.example/", allow=[], proxy=f"http://{proxy}")


@pytest.mark.parametrize("value", ["http://user:geheim@proxy:3128", "socks5://proxy:1080", "proxy:3128", "http://"])
def test_what_is_no_plain_proxy_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        CrawlerSettings(proxy=value)
