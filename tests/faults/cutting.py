"""What must hold of a call to a server whose network is cut: it ends within its bound, in words, and comes back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from services.core.errors import Unavailable
from tests.faults.test_stopped import AGAIN_S, BOUND_S


async def ends(call: Callable[[], Awaitable[Any]]) -> bool:
    """Whether a call succeeds; within the bound, and in words where it does not."""
    began, told = time.monotonic(), ("-", "-")
    try:
        await call()
    except Unavailable as error:
        told = (error.vi, error.en)
    assert time.monotonic() - began < BOUND_S
    assert all(told)
    return told == ("-", "-")


class Cuttable(Protocol):
    """What can be cut and mended."""

    def cut(self) -> None:
        """Nothing comes through."""
        ...

    def mend(self) -> None:
        """Everything comes through again."""
        ...


async def after_a_cut(wire: Cuttable, call: Callable[[], Awaitable[Any]]) -> None:
    """Good, cut, mended."""
    assert await ends(call)
    wire.cut()
    assert not await ends(call)
    assert not await ends(call)
    wire.mend()
    await comes_back(call)


async def comes_back(call: Callable[[], Awaitable[Any]]) -> None:
    """A call succeeds again before long."""
    end = time.monotonic() + AGAIN_S
    while not await ends(call):
        assert time.monotonic() < end
