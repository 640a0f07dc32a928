"""The one place where a connection is opened: Scrapy's download handler with our limits."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.http import Headers, Response

from crawlers.safety import BoundedBody, SafeResolver, check_url, endpoint, too_large
from services.core.errors import FetchFailed


class Transient(FetchFailed):
    """A failure that may pass: no connection, a time-out, an answer that breaks off."""


class SafeDownloadHandler(BaseDownloadHandler):
    """Downloads http and https: public addresses only, bounded in time and in bytes after decompression, no cookies.

    Certificates are verified. Redirects are not followed here: every hop is asked for anew, with its own checks. Behind
    a proxy the name is resolved and checked here before the proxy is asked; the proxy resolves it a second time, so that
    against a name that changes in between only the proxy's own rules help.
    """

    lazy = True

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._private = frozenset(settings.getlist("NGOCLINH_ALLOW_PRIVATE_HOSTS"))
        self._total_s = settings.getfloat("NGOCLINH_TOTAL_TIMEOUT_S")
        self._max_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._proxy: str | None = settings.get("NGOCLINH_PROXY") or None
        self._names = SafeResolver(self._private)
        reached = [*self._private, ":".join(map(str, endpoint(self._proxy)))] if self._proxy else self._private
        idle_s = settings.getfloat("DOWNLOAD_TIMEOUT")
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(_only_one_connection)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.getint("CONCURRENT_REQUESTS"),
                resolver=SafeResolver(reached),
                ttl_dns_cache=300,
                force_close=True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=idle_s, sock_read=idle_s),
            auto_decompress=False,
            trace_configs=[trace],
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            max_line_size=16_384,
            max_field_size=32_768,
        )

    async def download_request(self, request: Request) -> Response:
        """Download one page.

        Raises:
            FetchRefused: the address is not public.
            Transient: a failure that may pass.
            FetchFailed: a page that is too large or cannot be read.
        """
        check_url(request.url, self._private)
        try:
            async with asyncio.timeout(self._total_s):
                return await self._download(request)
        except TimeoutError as error:
            raise Transient("Trang trả lời quá chậm.", "The page answers too slowly.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            vi, en = _told(error, urlsplit(request.url).netloc)
            raise Transient(vi, en, {"error": type(error).__name__}) from error

    async def close(self) -> None:
        """Close idle connections."""
        await self._session.close()

    async def _download(self, request: Request) -> Response:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in request.headers.items()
            for value in values
        ]
        if self._proxy:  # the connection goes to the proxy: what the name stands for is looked at here
            await self._names.resolve(*endpoint(request.url), family=socket.AF_UNSPEC)
        async with self._session.get(request.url, headers=headers, allow_redirects=False, proxy=self._proxy) as answer:
            declared = answer.headers.get("Content-Length", "")
            if declared.isdigit() and int(declared) > self._max_bytes:
                answer.close()
                raise too_large(self._max_bytes)
            body = BoundedBody(answer.headers.get("Content-Encoding", ""), self._max_bytes)
            try:
                async for piece in answer.content.iter_any():
                    body.add(piece)
            except FetchFailed:
                answer.close()  # the rest of the body is not waited for
                raise
            return Response(
                request.url,
                status=answer.status,
                headers=Headers(list(answer.headers.items())),
                body=body.value(),
                request=request,
            )


def _told(error: Exception, host: str) -> tuple[str, str]:
    """What kept a page from being loaded, in both languages."""
    if isinstance(error, aiohttp.ClientSSLError):
        return f"Chứng thư bảo mật của máy chủ {host} không dùng được.", f"The certificate of {host} cannot be used."
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return f"Proxy không chuyển được tới {host}.", f"The proxy does not lead to {host}."
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"Không kết nối được máy chủ {host}.", f"Cannot connect to {host}."
    return (
        "Máy chủ ngắt kết nối hoặc trả lời sai quy cách.",
        "The server drops the connection or answers no valid HTTP.",
    )


async def _only_one_connection(_: aiohttp.ClientSession, context: Any, __: Any) -> None:
    """Aiohttp repeats a request at once when its connection drops; pauses between tries are the host's to have."""
    if getattr(context, "connected", False):
        raise Transient("Máy chủ ngắt kết nối.", "The server drops the connection.")
    context.connected = True
