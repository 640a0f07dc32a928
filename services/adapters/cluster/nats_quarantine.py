"""Events that were set aside: a stream of their own that forgets nothing by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import BadRequestError, NotFoundError, ServerError

from services.adapters.cluster.nats_link import NatsLink
from services.adapters.cluster.nats_streams import KEY, MSG_ID, Layout
from services.core.ports import Quarantined

REASON_MAX = 1000
"""Characters of a reason that are kept: at most 12 kB as a header."""
_REASON, _ATTEMPTS = "Ngoclinh-Reason", "Ngoclinh-Attempts"
_ABSENT = (NotFoundError, BadRequestError, ServerError)
"""What the server answers, depending on where the number lies, when a message to be deleted is not there."""


class Quarantine:
    """The stream of set-aside events.

    Args:
        link: the connection.
        layout: names.
    """

    def __init__(self, link: NatsLink, layout: Layout) -> None:
        self._link = link
        self._layout = layout

    async def put(self, message: Msg, place: tuple[str, str], reason: str) -> None:
        """Keep a message of the stream of events; doing it twice is the same as once."""
        told = message.metadata
        headers = {
            MSG_ID: f"{told.sequence.stream}@{told.timestamp.timestamp():.6f}",
            KEY: quote(key_of(message)),
            _REASON: quote(reason[:REASON_MAX]),
            _ATTEMPTS: str(told.num_delivered),
        }
        subject = self._layout.quarantine_subject(*place)
        await self._link.call(lambda link: link.jetstream.publish(subject, message.data, headers=headers))

    async def all(self) -> AsyncIterator[Quarantined]:
        """Every set-aside event, oldest first."""
        number = 1
        while (found := await self._get(number, next_=True)) is not None:
            yield found
            number = int(found.id) + 1

    async def get(self, id_: str) -> Quarantined | None:
        """One set-aside event, or None."""
        return await self._get(int(id_), next_=False) if id_.isascii() and id_.isdecimal() and int(id_) else None

    async def forget(self, id_: str) -> bool:
        """Remove one; False where it is not there."""
        if await self.get(id_) is None:
            return False
        try:
            await self._link.call(lambda link: link.jetstream.delete_msg(self._layout.quarantine, int(id_)))
        except _ABSENT:
            return False
        return True

    async def _get(self, number: int, next_: bool) -> Quarantined | None:
        try:
            message: RawStreamMsg = await self._link.call(
                lambda link: link.jetstream.get_msg(
                    self._layout.quarantine, seq=number, subject=">" if next_ else None, next=next_
                )
            )
        except NotFoundError:
            return None
        headers = message.headers or {}
        subject, group = self._layout.place(message.subject or "")
        return Quarantined(
            id=str(message.seq),
            subject=subject,
            group=group,
            key=unquote(headers.get(KEY, "")),
            reason=unquote(headers.get(_REASON, "")),
            attempts=int(headers.get(_ATTEMPTS, "0")),
            quarantine_time=message.time or datetime.fromtimestamp(0, UTC),
            payload=message.data or b"",
        )


def key_of(message: Msg) -> str:
    """The key of an event: it stands in the id by which doubles are dropped, of a released one in a header of its own."""
    headers = message.headers or {}
    return unquote(headers[KEY] if KEY in headers else headers.get(MSG_ID, "").partition(":")[2])
