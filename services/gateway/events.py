"""`GET /v1/events`: what happens, as server-sent events for open screens.

One watch of each kind serves all screens of people who may see the same; it starts with the first screen and ends with
the last. With `?import=imports/…` a screen hears of that import alone. Kinds are a table:
a name of the event, what opens the watch, and what of each answer is sent as JSON. A screen that comes back asks for
its lists anew, so that `Last-Event-ID` has nothing to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import grpc.aio
from google.protobuf.message import Message
from ngoclinh.land.v1.import_service_pb2 import ListImportsRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from ngoclinh.land.v1.parcel_pb2 import Import
from ngoclinh.media.v1.alert_service_pb2 import WatchAlertsRequest
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub
from ngoclinh.media.v1.media_service_pb2 import WatchArticlesRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core import protojson
from services.core.errors import Overloaded
from services.core.log import get_logger
from services.rpc.caller import Caller, present

BEAT_S = 15.0
"""Seconds after which a comment keeps an idle connection open through proxies."""
AGAIN_S = 2.0
"""Seconds before a watch that ended is asked for again; screens are told the same."""
WATCH_S = 3600.0
"""Deadline of one watch."""
SCREEN_S = 900.0
"""Seconds after which the screen of a person has to come back, and so to show again who it is."""
MOST_SCREENS = 200
MOST_OF_ONE = 50
"""Screens of one person, so that nobody takes those of all others."""
MOST_WAITING = 100
"""Events that wait for a slow screen; further ones are dropped, the screen asks for the lists anyway."""

IMPORTS_S = 2.0
"""Seconds between two looks at the imports."""
_NEWEST = 50

_log = get_logger(__name__)

if TYPE_CHECKING:
    from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceAsyncStub


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        name: of the event.
        watch: opens the stream.
        message: what of each answer is sent as JSON.
    """

    name: str
    watch: Callable[[], AsyncIterator[Any]]
    message: Callable[[Any], Message]


@dataclass
class Room:
    """The screens of people who may see the same.

    Attributes:
        screens: events that wait for each; the import that it is about, "" hears everything; and whose it is.
        tasks: the watches.
    """

    screens: dict[asyncio.Queue[str], tuple[str, str]] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def tell(self, name: str, message: Message) -> None:
        """Put an event before every screen that is about it."""
        event = f"event: {name}\ndata: {protojson.to_json(message)}\n\n"
        for screen, (only, _) in self.screens.items():
            if not only or (isinstance(message, Import) and message.name == only):
                _put(screen, event)


class Events:
    """The door of the screens.

    Args:
        channel: where the services are.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        articles, alerts, imports = MediaServiceStub(channel), AlertServiceStub(channel), ImportServiceStub(channel)
        self._kinds = (
            Kind(
                "article",
                lambda: aiter(articles.WatchArticles(WatchArticlesRequest(), timeout=WATCH_S)),
                attrgetter("article"),
            ),
            Kind(
                "alert", lambda: aiter(alerts.WatchAlerts(WatchAlertsRequest(), timeout=WATCH_S)), attrgetter("alert")
            ),
            Kind("import", lambda: changed_imports(imports), lambda import_: import_),
        )
        self._rooms: dict[Caller | None, Room] = {}

    async def handle(self, request: Request) -> Response:
        """Events from now on."""
        who = present.get()
        user = who.user if who is not None else ""
        owners = [owner for room in self._rooms.values() for _, owner in room.screens.values()]
        if len(owners) >= MOST_SCREENS or (user and owners.count(user) >= MOST_OF_ONE):
            raise Overloaded("Quá nhiều màn hình đang mở.", "Too many screens are open.", 60)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        alike = replace(who, user="screens", address="") if who is not None else None
        only = request.query_params.get("import", "")
        return StreamingResponse(self._stream(alike, only, user), media_type="text/event-stream", headers=headers)

    def close(self) -> None:
        """End all streams, so that the server need not wait for screens that stay open."""
        for room in self._rooms.values():
            for screen in room.screens:
                _put(screen, "")

    async def _stream(self, who: Caller | None, only: str, user: str) -> AsyncIterator[str]:
        screen: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        room = self._rooms.setdefault(who, Room())
        room.screens[screen] = only, user
        if not room.tasks:
            context = contextvars.copy_context()
            context.run(present.set, who)
            room.tasks = [asyncio.create_task(self._watch(kind, room), context=context) for kind in self._kinds]
        try:
            yield f"retry: {int(AGAIN_S * 1000)}\n\n"
            end = time.monotonic() + SCREEN_S
            while who is None or time.monotonic() < end:
                try:
                    async with asyncio.timeout(BEAT_S):
                        event = await screen.get()
                except TimeoutError:
                    event = ": \n\n"
                if not event:
                    return
                yield event
        finally:
            room.screens.pop(screen, None)
            if not room.screens:
                for task in room.tasks:
                    task.cancel()
                self._rooms.pop(who, None)

    async def _watch(self, kind: Kind, room: Room) -> None:
        """Pass on one kind until it is cancelled; what a service does not have or does not show is not asked again."""
        while True:
            try:
                async for answer in kind.watch():
                    room.tell(kind.name, kind.message(answer))
            except grpc.aio.AioRpcError as error:
                if error.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED):
                    return
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    _log.warning("watch ended", kind=kind.name, code=error.code().name)
            await asyncio.sleep(AGAIN_S)


async def changed_imports(imports: ImportServiceAsyncStub) -> AsyncIterator[Import]:
    """Imports that begin, go a step on or end from now on, by looking at the newest of them."""
    known: dict[str, Import] | None = None
    while True:
        found = (await imports.ListImports(ListImportsRequest(page_size=_NEWEST))).imports
        for import_ in reversed(found):
            if known is not None and known.get(import_.name) != import_:
                yield import_
        known = {import_.name: import_ for import_ in found}
        await asyncio.sleep(IMPORTS_S)


def _put(screen: asyncio.Queue[str], event: str) -> None:
    if not event and screen.full():
        screen.get_nowait()  # the end goes before an event
    with contextlib.suppress(asyncio.QueueFull):
        screen.put_nowait(event)
