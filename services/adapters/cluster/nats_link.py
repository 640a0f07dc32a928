"""A connection to NATS that is made at its first use and made again for ever, and calls that end within a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError, NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError, NotFoundError, ServiceUnavailableError

from services.adapters.cluster.nats_options import options, shown
from services.core.errors import Unavailable
from services.core.log import get_logger
from services.core.sections.stores import NatsSettings

PATIENCE_S = 4.0
"""Seconds after which a call gives up."""
ATTEMPT_S = 2.0
"""Seconds after which one request is sent again: every request of ours may be done twice."""
PAUSE_S = 0.2
"""Pause in seconds before a request that was refused is sent again."""
SERVER_MIN = (2, 10)
"""Oldest release of the server."""
_STREAM_NOT_FOUND = 10059
_WITHOUT_STREAM = (NoRespondersError, NoStreamResponseError, ServiceUnavailableError)

T = TypeVar("T")
_log = get_logger(__name__)


@dataclass(frozen=True)
class Link:
    """One connection.

    Attributes:
        client: sends and receives.
        jetstream: its streams.
    """

    client: Client
    jetstream: JetStreamContext


class NatsLink:
    """Gives a connection to those who call, and tells them in words where there is none.

    Args:
        settings: addresses, credentials, certificates.
        prepare: makes streams and consumers, at the first use and where the server turns out not to have them.
        wake: called when the connection was made again.

    Raises:
        InvalidField: a file that the settings name cannot be read.
    """

    def __init__(
        self,
        settings: NatsSettings,
        prepare: Callable[[JetStreamContext], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self.address = ", ".join(shown(url) for url in settings.urls)
        self._options = options(settings, ATTEMPT_S)
        self._prepare = prepare
        self._wake = wake
        self._link: Link | None = None
        self._prepared = False
        self._making = asyncio.Lock()
        self._up = asyncio.Event()
        self._problem: Exception | None = None
        self.closed = False

    async def call(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do `work` with the server, again where it is not answered; it may be done twice.

        Raises:
            Unavailable: no answer within `PATIENCE_S`, or the bus is closed.
            NotFoundError: what `work` asks for does not exist.
        """
        end = asyncio.get_running_loop().time() + PATIENCE_S
        if self._up.is_set() and self._prepared and self._link is not None and not self.closed:
            try:
                return await work(self._link)  # the usual case; a request has a limit of its own
            except (Error, OSError) as error:
                self._weigh(error)
        return await self._call_until(end, work)

    async def wait(self) -> Link | None:
        """The connection as soon as there is one, however long that takes; None where the bus is closed."""
        while not self.closed:
            with contextlib.suppress(Unavailable):
                return await self.call(itself)
        return None

    def forget(self) -> None:
        """The server does not have the streams or consumers: make them before the next call."""
        self._prepared = False

    def stop(self) -> None:
        """Let nobody call any more; the connection stays until `close`."""
        self.closed = True
        self._up.set()

    async def close(self) -> None:
        """Close the connection."""
        self.stop()
        if self._link is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                async with asyncio.timeout(ATTEMPT_S):
                    await self._link.client.close()

    def unavailable(self, problem: Exception | None = None) -> Unavailable:
        """The error that tells what is wrong, with the address."""
        if self.closed:
            return Unavailable("Kết nối NATS đã đóng.", "The connection to NATS is closed.")
        told = str(problem or "").removeprefix("nats: ")
        vi, en = told or f"quá {PATIENCE_S:g} giây", told or f"nothing within {PATIENCE_S:g} s"
        return Unavailable(
            f"NATS tại {self.address} không trả lời ({vi}); hãy kiểm tra máy chủ NATS và mục [nats] của cấu hình.",
            f"NATS at {self.address} does not answer ({en}); check the server and the section [nats] of the settings.",
        )

    def _weigh(self, error: Exception) -> None:
        """Go on where the cause may pass."""
        if isinstance(error, MaxPayloadError):
            raise error
        if isinstance(error, NotFoundError) and error.err_code != _STREAM_NOT_FOUND:
            raise error
        if isinstance(error, (*_WITHOUT_STREAM, NotFoundError)):
            self.forget()

    async def _call_until(self, end: float, work: Callable[[Link], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        problem: Exception | None = None
        try:
            async with asyncio.timeout_at(end):
                while loop.time() < end:  # beside the timeout: the client swallows some cancellations
                    try:
                        return await work(await self._ready())
                    except (Error, OSError) as error:
                        self._weigh(error)
                        problem = error
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            pass
        raise self.unavailable(problem or self._problem)

    async def _ready(self) -> Link:
        """The connection, with streams and consumers."""
        async with self._making:
            if self.closed:
                raise self.unavailable()
            if self._link is None or self._link.client.is_closed:
                self._link, self._prepared = await self._connect(), False
            await self._up.wait()
            if not self._prepared:
                await self._prepare(self._link.jetstream)
                self._prepared = True
            return self._link

    async def _connect(self) -> Link:
        client = Client()
        try:
            await client.connect(
                **self._options,
                error_cb=self._failed,
                disconnected_cb=self._disconnected,
                reconnected_cb=self._reconnected,
            )
        except BaseException:
            await client.close()
            raise
        version = client.connected_server_version
        if (version.major, version.minor) < SERVER_MIN:
            await client.close()
            wanted = ".".join(map(str, SERVER_MIN))
            raise Unavailable(
                f"NATS tại {self.address} là bản {version.major}.{version.minor}; cần bản {wanted} trở lên.",
                f"NATS at {self.address} is release {version.major}.{version.minor}; {wanted} or newer is needed.",
            )
        self._up.set()
        self._problem = None
        return Link(client, client.jetstream(timeout=ATTEMPT_S))

    async def _failed(self, error: Exception) -> None:
        self._problem = error

    async def _disconnected(self) -> None:
        if self._up.is_set() and not self.closed:
            self._up.clear()
            _log.warning("connection to NATS lost", address=self.address)

    async def _reconnected(self) -> None:
        self._problem = None
        self._up.set()
        self._wake()
        _log.warning("connection to NATS is back", address=self.address)


async def itself(link: Link) -> Link:
    """Work that does nothing: `NatsLink.call` then gives the connection."""
    return link
