"""The download handler against servers that misbehave on the wire, through Scrapy's own engine."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import scrapy
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawlers.download import Transient
from crawlers.settings import scrapy_settings
from services.core.errors import FetchFailed, FetchRefused
from services.core.sections.work import CrawlerSettings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server on loopback; gives its address and the requests it got."""
    requests: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}", requests
    finally:
        running.close()


async def download(url: str, *, allow: list[str], headers: dict[str, str] | None = None, **settings: Any) -> Response:
    """One request through Scrapy."""
    answer: list[Response | BaseException] = []

    class One(scrapy.Spider):
        name = "one"

        async def start(self) -> AsyncIterator[Any]:
            try:
                answer.append(await self.crawler.engine.download_async(Request(url, headers=headers or {})))
            except Exception as error:
                answer.append(error)
            return
            yield

    given = CrawlerSettings(allow_private_hosts=allow, **settings)
    await Crawler(One, scrapy_settings(given)).crawl_async()
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return answer[0]


async def fetch(serve: Serve, **settings: Any) -> Response:
    async with server(serve) as (address, _):
        return await download(f"http://{address}/", allow=[address], **settings)


async def test_a_page_arrives_decompressed_with_our_headers_only() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(b"<p>xin ch\xc3\xa0o</p>")
        writer.write(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async with server(serve) as (address, requests):
        response = await download(f"http://{address}/a?b=1", allow=[address], headers={"User-Agent": "NgocLinhBot/0"})
    assert response.body.decode() == "<p>xin chào</p>"
    lines = requests[0].lower().split(b"\r\n")
    assert lines[0] == b"get /a?b=1 http/1.1"
    assert b"user-agent: ngoclinhbot/0" in lines
    assert not any(line.startswith((b"cookie:", b"referer:")) for line in lines)


async def test_a_redirect_is_given_back_not_followed() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")

    response = await fetch(serve)
    assert response.status == 302


async def test_private_hosts_are_refused_before_a_connection() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")

    async with server(serve) as (address, requests):
        port = address.rpartition(":")[2]
        for url in (f"http://{address}/", f"http://localhost:{port}/", f"http://2130706433:{port}/"):
            with pytest.raises(FetchRefused):
                await download(url, allow=[])
        assert requests == []


async def test_a_dropped_connection_is_one_request() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        return

    async with server(serve) as (address, requests):
        with pytest.raises(Transient):
            await download(f"http://{address}/", allow=[address])
        assert len(requests) == 1


async def test_a_drip_is_cut_by_the_total_time() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n")
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.05)

    start = time.monotonic()
    with pytest.raises(Transient, match="too slowly"):
        await fetch(serve, total_timeout_s=0.5)
    assert time.monotonic() - start < 30


async def test_silence_is_cut_by_the_idle_time() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    with pytest.raises(Transient):
        await fetch(serve, timeout_s=0.3)


async def test_an_endless_page_is_cut_at_the_limit() -> None:
    sent = 0

    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD + b"\r\n")
        while True:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    with pytest.raises(FetchFailed, match="larger than 1 MB"):
        await fetch(serve, max_page_mb=1)
    assert sent < 8 << 20


async def test_a_page_that_says_it_is_too_large_is_not_read() -> None:
    sent = 0

    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD + b"Content-Length: 31457280\r\n\r\n")
        for _ in range(480):
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    with pytest.raises(FetchFailed, match="larger than 10 MB"):
        await fetch(serve)
    assert sent < 8 << 20


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1000\r\n\r\nhalf a page",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"HTP/9 banana\x00\xff\r\n\r\nkhong phai http\r\n",
        b"\x00" * 300,
    ],
)
async def test_broken_answers_may_be_asked_again(answer: bytes) -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    with pytest.raises(Transient):
        await fetch(serve)


async def test_a_closed_port_may_be_open_later() -> None:
    async def serve(_: Any, writer: asyncio.StreamWriter) -> None:
        return

    async with server(serve) as (address, _):
        pass
    with pytest.raises(Transient) as caught:
        await download(f"http://{address}/", allow=[address])
    assert caught.value.vi == f"Không kết nối được máy chủ {address}."
    assert caught.value.en == f"Cannot connect to {address}."


def test_settings_of_scrapy_are_safe() -> None:
    settings = scrapy_settings(CrawlerSettings())
    assert settings["REMOTE_CONTROL_ENABLED"] is False
    assert settings["TELNETCONSOLE_ENABLED"] is False
    assert settings["DOWNLOAD_VERIFY_CERTIFICATES"] is True
    assert settings["USER_AGENT"].startswith("NgocLinhBot/")
    assert "+https://" in settings["USER_AGENT"]


def test_scrapy_loads_nothing_of_its_own_that_images_leave_out() -> None:
    code = (
        "import sys\n"
        "for name in ('conch', 'mail', 'words', 'trial'): sys.modules[f'twisted.{name}'] = None\n"
        "import scrapy.crawler, scrapy.spiders\n"
        "from crawlers.settings import scrapy_settings\n"
        "from services.core.sections.work import CrawlerSettings\n"
        "crawler = scrapy.crawler.Crawler(scrapy.Spider, scrapy_settings(CrawlerSettings()))\n"
        "crawler._apply_settings()\n"
        "kinds = ('DOWNLOADER_MIDDLEWARES', 'SPIDER_MIDDLEWARES', 'EXTENSIONS')\n"
        "print(*(len(crawler.settings.get_component_priority_dict_with_base(kind)) for kind in kinds))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("0 0 0\n", 0), done.stderr
