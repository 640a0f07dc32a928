"""Documents on their way into Elasticsearch: many `put` calls share one request, and each learns of its own errors.

While a request is under way what arrives is gathered; the next one takes all of it, up to a limit. So a single document
goes at once, and many writers make few requests, without a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.adapters.cluster.elastic_client import BUSY, Client
from services.core.errors import InputError, NgocLinhError

MAX_ITEMS = 500
"""Most documents of a request."""
MAX_BYTES = 8 * 2**20
"""Bytes after which a request is sent; a larger document goes alone."""
IN_FLIGHT = 2
"""Requests under way."""
PAUSES_S = (0.2, 1.0, 3.0)
"""Pauses before further attempts at documents that the cluster is too busy for."""

_BLOCKED = 403
_MISSING = 404
_OLDER = 409
_ACTION = '{"index":{"_index":"%s","_id":"%s","version":%d,"version_type":"external_gte"}}'
_ANSWER = ["errors", "items.*.status", "items.*.error.type", "items.*.error.reason"]


@dataclass(eq=False, slots=True)
class Call:
    """A call of `put` that waits: how many of its documents have no end yet, and what went wrong with some."""

    missing: int
    errors: list[Exception | None]
    done: asyncio.Future[None]

    def end(self, place: int, error: Exception | None) -> None:
        """A document has its end."""
        self.errors[place] = error
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)


@dataclass(eq=False, slots=True)
class Item:
    """One document.

    Args:
        name: its id.
        version: a document of a higher one is not replaced.
        source: its JSON.
        alias: tells the alias to write through, when it is sent.
        missing: makes what that alias stands for, where there is no such alias.
    """

    name: str
    version: int
    source: bytes
    alias: Callable[[], str]
    missing: Callable[[str], Awaitable[None]]
    call: Call | None = None
    place: int = 0

    def end(self, error: Exception | None = None) -> None:
        """Tell who waits."""
        call, self.call = self.call, None  # once only
        if call is not None:
            call.end(self.place, error)


class Bulk:
    """Sends documents.

    Args:
        client: of the cluster.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: deque[Item] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, items: Sequence[Item]) -> list[Exception | None]:
        """Send documents: when this returns each of them is durable or has an error, and all others are not affected.

        An error is an InputError where a document does not fit the mapping, and Unavailable where the cluster does not
        answer or stays busy; documents with the latter may be stored.
        """
        if not items:
            return []
        call = Call(len(items), [None] * len(items), asyncio.get_running_loop().create_future())
        for place, item in enumerate(items):
            item.call, item.place = call, place
        self._waiting.extend(items)
        self._start()
        await call.done
        return call.errors

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        if self._waiting and len(self._tasks) < IN_FLIGHT:
            task = asyncio.get_running_loop().create_task(self._send_waiting())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_waiting(self) -> None:
        await asyncio.sleep(0)  # let those who are about to put do so
        while self._waiting:
            await self._send(self._take())
            self._start()

    def _take(self) -> list[Item]:
        chunk: list[Item] = []
        size = 0
        while self._waiting and len(chunk) < MAX_ITEMS:
            size += len(self._waiting[0].source)
            if chunk and size > MAX_BYTES:
                break
            chunk.append(self._waiting.popleft())
        return chunk

    async def _send(self, chunk: list[Item]) -> None:
        """Send a chunk until each of its documents is stored or has an error."""
        try:
            for pause in (*PAUSES_S, None):
                chunk = await self._attempt(chunk, last=pause is None)
                if not chunk or pause is None:
                    return
                await asyncio.sleep(pause)
        except NgocLinhError as error:
            for item in chunk:
                item.end(error)
        except BaseException as error:
            for item in chunk:
                item.end(error if isinstance(error, Exception) else self._client.unavailable("stopped"))
            if not isinstance(error, Exception):
                raise

    async def _attempt(self, chunk: list[Item], last: bool) -> list[Item]:
        """Those that should be tried again."""
        aliases = [item.alias() for item in chunk]
        lines: list[bytes] = []
        for item, alias in zip(chunk, aliases, strict=True):
            lines += ((_ACTION % (alias, item.name, item.version)).encode(), item.source)
        body = b"\n".join([*lines, b""])
        answer = await self._client.call("bulk", operations=body, require_alias=True, filter_path=_ANSWER)
        if not answer["errors"]:
            for item in chunk:
                item.end()
            return []
        again: list[Item] = []
        missing: dict[str, Item] = {}
        for item, alias, told in zip(chunk, aliases, answer["items"], strict=True):
            status, error = told["index"]["status"], told["index"].get("error", {})
            if status < 300 or status == _OLDER:
                item.end()
            elif status == _MISSING:
                missing.setdefault(alias, item)
                again.append(item)
            elif status in BUSY or status == _BLOCKED:
                again.append(item)
            else:
                item.end(_refused(item.name, error))
            if last and again and again[-1] is item:
                item.end(self._client.unavailable(f"HTTP {status}, {error.get('type')}"))
        for alias, item in missing.items():
            await item.missing(alias)
        return again


def _refused(name: str, error: dict[str, str]) -> InputError:
    why = f"{error.get('type')}: {error.get('reason')}"
    return InputError(f"Elasticsearch không nhận {name}: {why}", f"Elasticsearch refuses {name}: {why}", {"name": name})
