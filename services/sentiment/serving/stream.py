"""Answers to texts as they come: bounded in flight, each sent when it is ready, errors beside answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from ngoclinh.sentiment.v1.sentiment_service_pb2 import (
    AnalyzeTextRequest,
    AnalyzeTextStreamRequest,
    AnalyzeTextStreamResponse,
    Text,
    TextAnalysis,
)

from services.core.errors import NgocLinhError, Overloaded
from services.core.log import get_logger
from services.rpc import status, validation
from services.rpc.deadline import remaining

IN_FLIGHT = 128
"""Texts of one stream that were read and whose answers were not taken yet."""
IN_FLIGHT_BYTES = 4 << 20
"""Bytes of those texts from which on no further one is read."""

Analyze = Callable[[Text], Awaitable[TextAnalysis]]
_log = get_logger(__name__)


class AnswerStream:
    """The answers of one stream.

    Args:
        requests: what the caller sends.
        analyze: analyses one text.
    """

    def __init__(self, requests: AsyncIterator[AnalyzeTextStreamRequest], analyze: Analyze) -> None:
        self._requests = requests
        self._analyze = analyze
        self._ready: asyncio.Queue[tuple[AnalyzeTextStreamResponse, int] | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._count = 0
        self._bytes = 0

    async def __aiter__(self) -> AsyncGenerator[AnalyzeTextStreamResponse, None]:
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self._ready.put_nowait(None))
        try:
            while (ready := await self._ready.get()) is not None:
                response, size = ready
                yield response
                self._count -= 1
                self._bytes -= size
                self._room.set()
            await reader
        finally:
            for task in (reader, *self._tasks):
                task.cancel()

    async def _read(self) -> None:
        """Read texts while there is room, until the caller ends the stream and all are answered."""
        try:
            async for request in self._requests:
                size = request.ByteSize()
                self._count += 1
                self._bytes += size
                task = asyncio.create_task(self._answer(request, size))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                while self._count >= IN_FLIGHT or self._bytes >= IN_FLIGHT_BYTES:
                    self._room.clear()
                    await self._room.wait()
        finally:
            await asyncio.gather(*self._tasks)

    async def _answer(self, request: AnalyzeTextStreamRequest, size: int) -> None:
        response = AnalyzeTextStreamResponse(id=request.id)
        try:
            asked = AnalyzeTextRequest(text=request.text) if request.HasField("text") else AnalyzeTextRequest()
            validation.check(asked)
            response.analysis.CopyFrom(await self._patiently(asked.text))
        except Exception as error:
            if not isinstance(error, NgocLinhError):
                _log.exception("fault", id=request.id)
            response.error.CopyFrom(status.from_error(error))
        self._ready.put_nowait((response, size))

    async def _patiently(self, text: Text) -> TextAnalysis:
        """The analysis of a text, tried again while there is too much to do and the stream's deadline allows it."""
        while True:
            try:
                return await self._analyze(text)
            except Overloaded as error:
                left = remaining()
                if left is not None and left <= error.retry_after_s:
                    raise
                await asyncio.sleep(error.retry_after_s)
