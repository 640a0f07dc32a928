"""The web server, started and stopped by whoever composes the program."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from services.core.errors import Conflict
from services.core.sections.doors import GatewaySettings
from services.gateway.security import require_safe_address

GRACE_S = 10


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


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
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=512,
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
