"""What a person asks of a source: run now, pause, go on. The crawler does it; its command lies durably on the bus."""

from __future__ import annotations

from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_PAUSED, Source
from ngoclinh.media.v1.event_pb2 import SourceCommand
from ngoclinh.media.v1.media_service_pb2 import UpdateSourceRequest

from services.core.errors import Conflict, InvalidField, NotFound
from services.core.names import random_id
from services.core.ports import Bus, Ledger

_SETTABLE = {
    SOURCE_STATE_ACTIVE: lambda name: SourceCommand(resume_source=name),
    SOURCE_STATE_PAUSED: lambda name: SourceCommand(pause_source=name),
}
"""The command for each state that a person may set."""


class Sources:
    """Reads sources from the ledger and sends commands to the crawler.

    Args:
        bus: where commands are published.
        ledger: has what the crawler last said about each source.
    """

    def __init__(self, bus: Bus, ledger: Ledger) -> None:
        self._bus = bus
        self._ledger = ledger

    async def get(self, name: str) -> Source:
        """One source as the crawler last reported it.

        Raises:
            NotFound: the crawler reported no such source.
        """
        for source in await self._ledger.sources():
            if source.name == name:
                return source
        raise NotFound(name)

    async def run(self, name: str) -> Source:
        """Have a source polled now.

        Raises:
            NotFound: there is no such source.
            Conflict: it is paused.
        """
        source = await self.get(name)
        if source.state == SOURCE_STATE_PAUSED:
            raise Conflict(
                f"Nguồn {source.title or name} đang tạm dừng; hãy cho chạy tiếp trước.",
                f"{source.title or name} is paused; let it go on first.",
                {"source": name},
            )
        await self._send(SourceCommand(run_source=name))
        return source

    async def update(self, request: UpdateSourceRequest) -> Source:
        """Pause a source or let it go on; the answer and the ledger say so at once, the crawler's next report confirms it.

        Raises:
            NotFound: there is no such source.
            InvalidField: another field or another state than a person may set.
        """
        if set(request.update_mask.paths) - {"state"}:
            raise InvalidField(
                "update_mask", "chỉ sửa được trường state của nguồn tin", "only the field state of a source can be set"
            )
        command = _SETTABLE.get(request.source.state)
        if command is None:
            raise InvalidField(
                "source.state",
                "hãy chọn SOURCE_STATE_PAUSED (tạm dừng) hoặc SOURCE_STATE_ACTIVE (chạy tiếp)",
                "choose SOURCE_STATE_PAUSED or SOURCE_STATE_ACTIVE",
            )
        source = await self.get(request.source.name)
        await self._send(command(source.name))
        source.state = request.source.state
        source.ClearField("next_poll_time")
        await self._ledger.record_source(source)
        return source

    async def _send(self, command: SourceCommand) -> None:
        await self._bus.publish("source.command", command, random_id())
