"""A decorator over any port that tells `Observations` of every call. One class for all of them: it knows no method by name."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, cast

from services.core import tracing
from services.core.errors import DeadlineExceeded, NgocLinhError, Unavailable
from services.core.observation import Observations

P = TypeVar("P")

_NO_ANSWER = (Unavailable, DeadlineExceeded)


def observed(store: P, name: str, seen: Observations) -> P:
    """The same store, whose calls are told.

    Args:
        store: an adapter of any port.
        name: what to call it. Example: "ledger".
        seen: where calls are told.
    """
    return cast(P, _Observed(store, name, seen))


class _Observed:
    """Passes every call on."""

    def __init__(self, store: Any, name: str, seen: Observations) -> None:
        self._store = store
        self._name = name
        self._seen = seen

    def __getattr__(self, method: str) -> Any:
        value = getattr(self._store, method)
        if method.startswith("_") or not inspect.ismethod(value):
            return value
        wrap = self._call if inspect.iscoroutinefunction(value) else self._stream
        wrapped = functools.wraps(value)(functools.partial(wrap, method, value))
        self.__dict__[method] = wrapped
        return wrapped

    async def _call(self, method: str, ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            with tracing.step(f"{self._name}.{method}"):
                answer = await ask(*arguments, **named)
        except Exception as error:
            self._tell(method, start, _is_answer(error))
            raise
        self._tell(method, start, True)
        return answer

    def _stream(self, method: str, ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        answer = ask(*arguments, **named)
        return self._each(method, answer) if hasattr(answer, "__aiter__") else answer

    async def _each(self, method: str, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Items as they come; each counts as a call that took no time, for a consumer may wait long for the next one."""
        try:
            async for item in stream:
                self._seen.tell(self._name, method, 0.0, True)
                yield item
        except Exception as error:
            self._seen.tell(self._name, method, 0.0, _is_answer(error))
            raise
        finally:
            await cast(Any, stream).aclose()

    def _tell(self, method: str, start: float, answered: bool) -> None:
        self._seen.tell(self._name, method, time.perf_counter() - start, answered)


def _is_answer(error: Exception) -> bool:
    """A domain error is an answer of the store, unless it says that there is none."""
    return isinstance(error, NgocLinhError) and not isinstance(error, _NO_ANSWER)
