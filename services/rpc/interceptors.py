"""What every call passes through, in order: measure → request id → trace → errors → who → audit → may they → limit → validation → deadline → areas → log.

A stage is a function from a call to an async context manager around the rest. Health and reflection pass untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import structlog
from google.protobuf.message import Message

from services.core import tracing
from services.core.errors import NgocLinhError, Overloaded
from services.core.log import get_logger
from services.core.names import random_id
from services.core.sections.doors import GrpcSettings
from services.rpc import caller, status, validation
from services.rpc.deadline import within
from services.rpc.measure import measure

if TYPE_CHECKING:
    from services.rpc.access import Gate

REQUEST_ID = "x-request-id"
CALL_CAP_S = 60.0
STREAM_CAP_S = 3600.0
FIRST_S = 1.0
"""Seconds to wait for the first message of a stream that is refused."""

SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = get_logger(__name__)


@dataclass
class Call:
    """One call on its way to the servicer.

    Attributes:
        method: full name, "/package.Service/Method".
        context: the servicer context.
        kind: class of the request message.
        request: bytes, then the message; of a streaming request an iterator of them.
        streaming: True where requests or responses stream.
        request_id: id that the caller gave, or a new one.
        answered: what is done to each answer before it is sent.
        before_answer: what has to be done before the first answer is sent; where it fails nothing is sent.
        began: when it came, in seconds of the monotonic clock.
    """

    method: str
    context: grpc.aio.ServicerContext[Any, Any]
    kind: type[Message]
    request: Any
    streaming: bool
    request_id: str = ""
    answered: list[Callable[[Any], None]] = field(default_factory=list)
    before_answer: Callable[[], Awaitable[None]] | None = None
    began: float = field(default_factory=time.monotonic)

    async def send(self, answer: Any) -> Any:
        """An answer as it is sent."""
        for change in self.answered:
            change(answer)
        if self.before_answer is not None:
            before, self.before_answer = self.before_answer, None
            await before()
        return answer


Stage = Callable[[Call], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def request_id(call: Call) -> AsyncIterator[None]:
    """Take the caller's request id or a new one; it stands in every log line and in the trailing metadata.

    Not in the initial metadata: they commit a call, and a committed call is not tried again.
    """
    asked = next((str(value) for key, value in call.context.invocation_metadata() or () if key == REQUEST_ID), "")
    call.request_id = asked if SAFE_ID.fullmatch(asked) else random_id()
    with structlog.contextvars.bound_contextvars(request_id=call.request_id):
        call.context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
        yield


def trace(settings: GrpcSettings) -> Stage:
    """A span for a call that does not stream; it goes on with the trace of a caller that is one of our processes."""

    def stage(call: Call) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext() if call.streaming else _traced(call, settings)

    return stage


@asynccontextmanager
async def _traced(call: Call, settings: GrpcSettings) -> AsyncIterator[None]:
    parent = ""
    if caller.is_ours(call.context.peer(), settings):
        parent = next(
            (str(value) for key, value in call.context.invocation_metadata() or () if key == tracing.HEADER), ""
        )
    with tracing.span(call.method.rpartition(".")[2], "server", parent):
        yield


@asynccontextmanager
async def errors(call: Call) -> AsyncIterator[None]:
    """Turn exceptions into a status with details; a fault is logged and told without its text."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:
        answer = status.from_error(error, call.request_id)
        if not isinstance(error, (NgocLinhError, grpc.RpcError)):
            _log.exception("fault", method=call.method)
        trailing = ((REQUEST_ID, call.request_id), (status.DETAILS_KEY, answer.SerializeToString()))
        await _first_of_stream(call)
        await call.context.abort(status.grpc_code(answer), answer.message, trailing)


async def _first_of_stream(call: Call) -> None:
    """Take the first message of a stream that is refused before anybody read it.

    grpc.aio tells a client whose call ends while it still sends of an internal error, in the place of our reason.
    """
    unread = not isinstance(call.request, (bytes, Message)) and not inspect.isasyncgen(call.request)  # see `validate`
    if unread:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(FIRST_S):
                await anext(aiter(call.request), None)


def limit(most: int) -> Stage:
    """Refuse calls from outside this process group beyond `most` in progress; calls over the Unix socket serve those."""
    running = 0

    @asynccontextmanager
    async def stage(call: Call) -> AsyncIterator[None]:
        nonlocal running
        if running >= most and not call.context.peer().startswith("unix"):
            raise Overloaded(
                "Máy chủ đang xử lý quá nhiều yêu cầu; hãy thử lại sau.", "Too many calls are in progress; try again."
            )
        running += 1
        try:
            yield
        finally:
            running -= 1

    return stage


@asynccontextmanager
async def validate(call: Call) -> AsyncIterator[None]:
    """Decode requests and check them by the rules of their proto; of a stream, each as it comes."""

    def checked(data: bytes) -> Message:
        message = validation.decode(call.kind, data)
        validation.check(message)
        return message

    async def each(stream: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for data in stream:
            yield checked(data)

    call.request = checked(call.request) if isinstance(call.request, bytes) else each(call.request)
    yield


def deadline(default_s: float) -> Stage:
    """Give a call that sets no deadline the default, counted from when it came; cap at 60 s, streams at an hour."""

    def stage(call: Call) -> AbstractAsyncContextManager[None]:
        asked = call.context.time_remaining()
        if call.streaming:
            return within(min(STREAM_CAP_S if asked is None else asked, STREAM_CAP_S))
        left = call.began + default_s - time.monotonic() if asked is None else asked
        return within(max(0.0, min(left, CALL_CAP_S)))

    return stage


@asynccontextmanager
async def log(call: Call) -> AsyncIterator[None]:
    """One line a call: method, milliseconds, outcome."""
    start = time.monotonic()
    outcome = "OK"
    try:
        yield
    except NgocLinhError as error:
        outcome = error.reason
        raise
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        _log.info("rpc", method=call.method, ms=round(1000 * (time.monotonic() - start), 1), outcome=outcome)


def stages(settings: GrpcSettings, gate: Gate, audit: Stage | None = None) -> list[Stage]:
    """The stages of a server, in their order."""
    return [
        measure,
        request_id,
        *([trace(settings)] if tracing.on() else []),
        errors,
        gate.identify,
        *([audit] if audit else []),
        gate.authorize,
        limit(settings.max_concurrent),
        validate,
        deadline(settings.default_deadline_s),
        gate.limit_to_areas,
        log,
    ]


class Pipeline(grpc.aio.ServerInterceptor):
    """Puts stages around every method of our services.

    Args:
        stages: from the outside in.
        kinds: request class by full method name; methods that are not in it pass untouched.
    """

    def __init__(self, stages: Sequence[Stage], kinds: dict[str, type[Message]]) -> None:
        self._stages = stages
        self._kinds = kinds

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of a method with the stages around it; it takes requests as bytes."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method not in self._kinds:
            return handler
        name = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
        around = self._streaming if handler.response_streaming else self._unary
        make = getattr(grpc, f"{name}_rpc_method_handler")
        wrapped: grpc.RpcMethodHandler[Any, Any] = make(
            around(method, getattr(handler, name), handler.request_streaming or handler.response_streaming),
            None,
            handler.response_serializer,
        )
        return wrapped

    async def _enter(self, stack: AsyncExitStack, call: Call) -> None:
        for stage in self._stages:
            await stack.enter_async_context(stage(call))

    def _unary(self, method: str, behaviour: Callable[[Any, Any], Awaitable[Any]], streaming: bool) -> Any:
        async def handle(request: Any, context: Any) -> Any:
            call = Call(method, context, self._kinds[method], request, streaming)
            async with AsyncExitStack() as stack:
                await self._enter(stack, call)
                return await call.send(await behaviour(call.request, context))

        return handle

    def _streaming(self, method: str, behaviour: Callable[[Any, Any], AsyncIterator[Any]], streaming: bool) -> Any:
        async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
            call = Call(method, context, self._kinds[method], request, streaming)
            async with AsyncExitStack() as stack:
                await self._enter(stack, call)
                async for response in behaviour(call.request, context):
                    yield await call.send(response)

        return handle


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"
