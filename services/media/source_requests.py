"""New sources: the crawler checks and saves them; its answer comes over the bus, as that about a pasted link."""

from __future__ import annotations

import asyncio

from ngoclinh.media.v1.event_pb2 import AddSource, SourceChecked, SourceCommand
from ngoclinh.media.v1.media_service_pb2 import CreateSourceRequest, CreateSourceResponse
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_CONFLICT, ErrorReason

from crawlers import definition
from services.core.errors import Conflict, FetchFailed, FetchRefused, NgocLinhError, Unavailable
from services.core.names import random_id, source_name
from services.core.ports import Bus, Ledger
from services.rpc.deadline import remaining

WAIT_S = 28.0
"""Longest wait for the crawler's answer in seconds; a nearer deadline shortens it."""
MARGIN_S = 1.0
POLL_S = 0.25


class SourceRequests:
    """Asks the crawler for a new source.

    Args:
        bus: where commands are published.
        ledger: where the answers are found.
    """

    def __init__(self, bus: Bus, ledger: Ledger) -> None:
        self._bus = bus
        self._ledger = ledger

    async def create(self, request: CreateSourceRequest) -> CreateSourceResponse:
        """What the crawler found; the source is saved where it was not only to be checked.

        Raises:
            InvalidField: a field of the definition that cannot be used.
            Conflict: there is a source of this id.
            FetchRefused, FetchFailed: the site cannot be crawled as described, in the words of the first check that failed.
            Unavailable: the crawler does not answer.
        """
        definition.read(request.source_id, request.definition)
        name = source_name(request.source_id)
        if any(source.name == name for source in await self._ledger.sources()):
            raise Conflict(f"Đã có nguồn {name}; hãy chọn mã khác.", f"There is {name} already; choose another id.")
        key = f"sourceRequests/{random_id()}"
        command = AddSource(
            request=key,
            source_id=request.source_id,
            definition=request.definition,
            validate_only=request.validate_only,
        )
        await self._bus.publish("source.command", SourceCommand(add_source=command), key)
        answer = await self._answer(key)
        if answer.reason:
            raise _refused(answer)
        wrong = [check for check in answer.checks if not check.ok]
        if wrong and not request.validate_only:
            message = wrong[0].message
            kind = FetchRefused if wrong[0].kind == "robots" else FetchFailed
            raise kind(f"{wrong[0].url}: {message.vi}", f"{wrong[0].url}: {message.en}")
        if answer.saved:
            await self._ledger.record_source(answer.source)
        return CreateSourceResponse(source=answer.source, checks=answer.checks)

    async def _answer(self, key: str) -> SourceChecked:
        left = remaining()
        end = asyncio.get_running_loop().time() + (WAIT_S if left is None else min(WAIT_S, left - MARGIN_S))
        while asyncio.get_running_loop().time() < end:
            answer = await self._ledger.source_check(key)
            if answer is not None:
                return answer
            await asyncio.sleep(POLL_S)
        raise Unavailable(
            "Trình thu thập chưa trả lời; hãy kiểm tra nó có đang chạy không rồi thử lại.",
            "The crawler does not answer; see whether it runs, then try again.",
        )


def _refused(answer: SourceChecked) -> NgocLinhError:
    kind = Conflict if answer.reason == ERROR_REASON_CONFLICT else Unavailable
    name = ErrorReason.Name(answer.reason)
    return kind(answer.message.vi, answer.message.en, {"why": name, "source": answer.source.name})
