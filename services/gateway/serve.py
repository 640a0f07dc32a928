"""The web server, started and stopped by whoever composes the program."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.core.errors import Conflict
from services.core.sections.doors import GatewaySettings
from services.gateway.security import require_safe_address

GRACE_S = 10
MOST = 512
"""Connections and requests at a time; further requests are told to come back."""
HEAD_S = 20.0
"""Seconds in which the head of a request must be here, of a new connection or since its first byte came; and in which
what is still sent after an answer must end."""


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Protocol(H11Protocol):
    """Ends connections that hold one of the places without ever asking anything."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time for the first request begins."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Look whether a head is still under way."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end_watch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        useless = self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE
        if not useless or self.transport.is_closing():
            self._end_watch()
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _end_watch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class WebServer:
    """Serves an application over HTTP/1.1 in the present event loop.

    Args:
        app: the application.
        settings: address, certificate.

    Attributes:
        port: the port that was taken, after `start`.
    """

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        require_safe_address(settings)
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=settings.tls_cert_file,
                ssl_keyfile=settings.tls_key_file,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where browsers reach it, after `start`. Example: ``http://127.0.0.1:8080``."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{'https' if self._settings.tls_cert_file else 'http'}://{host}:{self.port}"

    async def start(self) -> None:
        """Listen; requests are answered when this returns.

        Raises:
            Conflict: the port is taken or the address is not of this machine.
        """
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise Conflict(
                f"Không mở được {host}:{port}: {error.strerror}. Có thể chương trình khác đang dùng cổng này.",
                f"Cannot listen on {host}:{port}: {error.strerror}. Another program may use this port.",
            ) from error
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise Conflict("Máy chủ web không khởi động được.", "The web server does not start.")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Take no new requests, end when those in progress are done or after some seconds."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
