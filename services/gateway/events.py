"""`GET /v1/events`: what happens, as server-sent events for open screens.

One watch of each kind serves all screens; it starts with the first screen and ends with the last. Kinds are a table:
a name of the event, the streaming RPC, its request, and the field of the answer that is sent as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.message import Message
from ngoclinh.media.v1.alert_service_pb2 import WatchAlertsRequest
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core import protojson
from services.core.errors import Overloaded
from services.core.log import get_logger

BEAT_S = 15.0
"""Seconds after which a comment keeps an idle connection open through proxies."""
AGAIN_S = 2.0
"""Seconds before a watch that ended is asked for again; screens are told the same."""
WATCH_S = 3600.0
"""Deadline of one watch."""
MOST_SCREENS = 200
MOST_WAITING = 100
"""Events that wait for a slow screen; further ones are dropped, the screen asks for the lists anyway."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        name: of the event.
        watch: opens the stream.
        field: of each answer, sent as JSON.
    """

    name: str
    watch: Callable[[], Any]
    field: str


class Events:
    """The door of the screens.

    Args:
        channel: where the services are.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        alerts = AlertServiceStub(channel)
        self._kinds = (Kind("alert", lambda: alerts.WatchAlerts(WatchAlertsRequest(), timeout=WATCH_S), "alert"),)
        self._screens: set[asyncio.Queue[str]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def handle(self, request: Request) -> Response:
        """Events from now on."""
        if len(self._screens) >= MOST_SCREENS:
            raise Overloaded("Quá nhiều màn hình đang mở.", "Too many screens are open.", 60)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    def close(self) -> None:
        """End all streams, so that the server need not wait for screens that stay open."""
        for screen in self._screens:
            _put(screen, "")

    async def _stream(self) -> AsyncIterator[str]:
        screen: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._screens.add(screen)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._watch(kind)) for kind in self._kinds]
        try:
            yield f"retry: {int(AGAIN_S * 1000)}\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(screen.get(), BEAT_S)
                except TimeoutError:
                    event = ": \n\n"
                if not event:
                    return
                yield event
        finally:
            self._screens.discard(screen)
            if not self._screens:
                for task in self._tasks:
                    task.cancel()
                self._tasks = []

    async def _watch(self, kind: Kind) -> None:
        """Pass on one kind until it is cancelled; a service that does not have it is not asked again."""
        while True:
            try:
                async for answer in kind.watch():
                    self._tell(kind.name, getattr(answer, kind.field))
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    _log.warning("watch ended", kind=kind.name, code=error.code().name)
            await asyncio.sleep(AGAIN_S)

    def _tell(self, name: str, message: Message) -> None:
        event = f"event: {name}\ndata: {protojson.to_json(message)}\n\n"
        for screen in self._screens:
            _put(screen, event)


def _put(screen: asyncio.Queue[str], event: str) -> None:
    if not event and screen.full():
        screen.get_nowait()  # the end goes before an event
    with contextlib.suppress(asyncio.QueueFull):
        screen.put_nowait(event)
