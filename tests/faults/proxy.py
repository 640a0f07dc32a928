"""A wire on loopback that can be cut: a TCP proxy before a server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK = 16_384


class Wire:
    """Passes bytes on to a port of loopback, until it is cut.

    Args:
        port: of the server.

    Attributes:
        port: where clients connect.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._pause_s = 0.0
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.mend()
        self._loop.call_soon_threadsafe(self._server.close)
        self._do(asyncio.sleep(0.1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self) -> None:
        """From now on nothing comes through, and nobody is told: connections stay open and are silent."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Let everything through again; who was connected while it was cut has lost his connection."""

        def mend() -> None:
            for end in self._ends:
                end.transport.abort()
            self._pause_s = 0.0
            self._whole.set()

        self._loop.call_soon_threadsafe(mend)

    def narrow(self, bytes_s: float) -> None:
        """Let only so many bytes a second through, on each connection and in each direction."""
        self._pause_s = 64 / bytes_s

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        with contextlib.suppress(OSError):
            await self._whole.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer), return_exceptions=True)
            self._ends.discard(back)
            back.transport.abort()
        self._ends.discard(writer)
        writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side ends; then the other is told."""
        while chunk := await reader.read(64 if self._pause_s else CHUNK):
            await self._whole.wait()
            await asyncio.sleep(self._pause_s)
            writer.write(chunk)
            await writer.drain()
        writer.close()
