"""One member of a group: asks the server for what it can handle now, and takes nothing with it when it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import Header, StatusCode

from services.adapters.cluster.nats_link import ATTEMPT_S, Link

ASK_S = 20.0
"""Seconds that a question stands at the server."""
SLACK_S = 2.0
"""Seconds after which a question counts as lost that the server should have answered."""
_ASK = json.dumps({"batch": 1, "expires": int(ASK_S * 1e9)}).encode()
ACK, NAK = b"+ACK", b"-NAK"
"""What ends a delivery: done; again."""


class Member:
    """Joins at the first `next`; `leave` when done.

    Args:
        link: the connection; a member lives and dies with it.
        stream: name of the stream.
        consumer: name of the consumer.
    """

    def __init__(self, link: Link, stream: str, consumer: str) -> None:
        self.link = link
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = link.client.new_inbox()
        self._came: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._asked = False
        self._leaving = False
        self._subscription: Subscription | None = None

    async def next(self) -> Msg | None:
        """The next event, or None where there is none yet.

        Raises:
            LookupError: the server does not know the consumer.
            Error: the connection is closed.
        """
        if self._subscription is None:
            self._subscription = await self.link.client.subscribe(self._inbox, cb=self._take)
        if self._came.empty() and not self._asked:
            self._asked = True
            await self.link.client.publish(self._subject, _ASK, reply=self._inbox)
        message = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASK_S + SLACK_S):
                message = await self._came.get()
        self._asked = False
        status = (message.headers or {}).get(Header.STATUS) if message is not None else None
        if status == StatusCode.SERVICE_UNAVAILABLE:
            raise LookupError(self._subject)
        return None if status else message

    async def more(self, most: int, size: int) -> list[Msg]:
        """What else waits at this moment: at most `most` events of about `size` bytes together."""
        ask = json.dumps({"batch": most, "max_bytes": size, "no_wait": True}).encode()
        await self.link.client.publish(self._subject, ask, reply=self._inbox)
        found: list[Msg] = []
        try:
            async with asyncio.timeout(SLACK_S):
                while len(found) < most:
                    message = await self._came.get()
                    if message is None or Header.STATUS in (message.headers or {}):
                        break
                    found.append(message)
        except TimeoutError:
            pass  # the answer is lost; what still comes is for the next question
        except BaseException:
            self.put_back(found)
            raise
        return found

    def put_back(self, messages: Iterable[Msg]) -> None:
        """Events for the next `next`; they are given back to the server where there is none."""
        for message in messages:
            self._came.put_nowait(message)

    def wake(self) -> None:
        """Ask again: the question may be lost."""
        self._came.put_nowait(None)

    async def leave(self) -> None:
        """Give back what comes too late."""
        self._leaving = True
        with contextlib.suppress(Error, OSError, TimeoutError):
            async with asyncio.timeout(ATTEMPT_S):
                while not self._came.empty():
                    await self._give_back(self._came.get_nowait())
                if self._subscription is not None:
                    await self._subscription.drain()  # type: ignore[no-untyped-call]
        self.wake()

    async def _take(self, message: Msg) -> None:
        if self._leaving:
            await self._give_back(message)
        else:
            self._came.put_nowait(message)

    async def _give_back(self, message: Msg | None) -> None:
        if message is not None and Header.STATUS not in (message.headers or {}):
            await self.link.client.publish(message.reply, NAK)
