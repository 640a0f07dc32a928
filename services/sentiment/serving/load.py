"""Who is taken on: a call that cannot end before its deadline, or for whose texts there is no room, is refused at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.core.errors import Overloaded
from services.sentiment.serving.queue import SHARE

TEXT_BYTES = 1024
"""Counted for each text beside its own bytes."""
MEMORY = 0.9
"""What is left of a measurement of the speed when the next one comes."""
CAUTION = 1.25
"""The speed varies: a call is taken on where it would end in time at four fifths of it."""
SHORTEST_S, LONGEST_S = 0.1, 60.0
"""Bounds of what a refused call is told to wait."""


@dataclass(eq=False)
class Call:
    """Work that was taken on.

    Attributes:
        left: tokens that were not run yet.
    """

    left: int


class Load:
    """The work that was taken on, and how fast it is done.

    Args:
        workers: how many work at the same time.
        batch_tokens: what one worker does at a time.
        max_tokens: bound of the tokens taken on.
        max_bytes: bound of the texts taken on.

    Attributes:
        left: tokens of all calls that were not run yet.
        running: tokens that workers have in hand.
        idle: set while there is no call.
    """

    def __init__(self, workers: int, batch_tokens: int, max_tokens: int, max_bytes: int) -> None:
        self._workers = workers
        self._batch_tokens = batch_tokens
        self._max_tokens = max_tokens
        self._max_bytes = max_bytes
        self._calls: set[Call] = set()
        self._bytes = 0
        self._done_tokens = 0.0
        self._done_s = 0.0
        self.left = 0
        self.running = 0
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def speed(self) -> float:
        """Tokens that one worker does in a second; 0 before the first measurement."""
        return self._done_tokens / self._done_s if self._done_s else 0.0

    def measured(self, tokens: int, seconds: float) -> None:
        """A worker ran so many tokens in so many seconds."""
        self._done_tokens = MEMORY * self._done_tokens + tokens
        self._done_s = MEMORY * self._done_s + max(seconds, 1e-6)

    def more(self, call: Call, tokens: int) -> None:
        """So many more tokens are left of a call, or fewer."""
        call.left += tokens
        self.left += tokens

    @contextmanager
    def taken(self, tokens: int, size: int, seconds: float | None) -> Iterator[Call]:
        """Take work on for the time of a block.

        Args:
            tokens: of its texts.
            size: bytes of its texts.
            seconds: until its deadline; None where it has none.

        Raises:
            Overloaded: it cannot end before its deadline, or there is too little room for it.
        """
        if self._calls:
            self._require_room(tokens, size)
        if seconds is not None:
            self._require_time(tokens, seconds)
        call = Call(0)
        self.more(call, tokens)
        self._calls.add(call)
        self._bytes += size
        self.idle.clear()
        try:
            yield call
        finally:
            self._calls.discard(call)
            self._bytes -= size
            self.left -= call.left
            if not self._calls:
                self.idle.set()

    def alone_s(self, tokens: int) -> float:
        """Seconds that so many tokens take where nobody else asks for anything; 0 before the first measurement."""
        at_once = min(self._workers, 1 + tokens // self._batch_tokens)
        return tokens / (at_once * self.speed) if self.speed else 0.0

    def wait_s(self, tokens: int) -> float:
        """Seconds until a call of so many tokens would be done.

        Shares are fair: before it, each other call gets at most as much as it asks for itself, or a share.
        """
        share = max(tokens, SHARE)
        before = self.running + sum(min(call.left, share) for call in self._calls)
        return self._shared_s(before) + self.alone_s(tokens)

    def _shared_s(self, tokens: int) -> float:
        return tokens / (self._workers * self.speed) if self.speed else 0.0

    def _require_room(self, tokens: int, size: int) -> None:
        """A call takes half of what is left at most, so that there is always room for smaller ones."""
        if 2 * tokens > self._max_tokens - self.left or 2 * size > self._max_bytes - self._bytes:
            raise Overloaded(
                "Bộ phân tích sắc thái đang có quá nhiều văn bản chờ; hãy thử lại sau giây lát.",
                "Too many texts wait for the classifier; try again in a moment.",
                _bounded(self._shared_s(self.left) / 2),
            )

    def _require_time(self, tokens: int, seconds: float) -> None:
        if CAUTION * (self._shared_s(self.running + self.left) + self.alone_s(tokens)) <= seconds:
            return
        needed = CAUTION * self.wait_s(tokens)
        if needed > seconds:
            raise late(needed, seconds)


def late(needed_s: float, seconds: float) -> Overloaded:
    """The refusal of a call that would end after its deadline."""
    return Overloaded(
        f"Bộ phân tích sắc thái cần khoảng {needed_s:.1f} giây cho yêu cầu này, thời hạn chỉ còn {seconds:.1f} giây; "
        "hãy thử lại sau, gửi ít văn bản hơn hoặc đặt thời hạn dài hơn.",
        f"The classifier needs about {needed_s:.1f} s for this call, its deadline leaves {seconds:.1f} s; "
        "try again later, with fewer texts or a longer deadline.",
        _bounded(needed_s - seconds),
    )


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST_S), LONGEST_S)
