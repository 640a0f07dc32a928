"""Doors that close for a while: after failed sign-ins, and where somebody asks too often."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from services.core.errors import Overloaded

MOST_KEYS = 10_000
"""Names or addresses that are remembered; the one that was seen longest ago goes first."""


class Lockout:
    """Closes the door for a name after some failures in a row, whether there is such a name or not.

    Args:
        failures: that are allowed.
        seconds: for which it stays closed, and after which failures are forgotten.
        clock: monotonic seconds.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failed: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def require_open(self, key: Hashable) -> None:
        """Check that the door is not closed.

        Raises:
            Overloaded: it is; says for how long.
        """
        count, last = self._failed.get(key, (0, 0.0))
        left = last + self._seconds - self._clock()
        if count >= self._most and left > 0:
            raise Overloaded(
                f"Sai quá {self._most} lần; hãy thử lại sau {int(left // 60) + 1} phút.",
                f"Too many failed sign-ins; try again in {int(left // 60) + 1} minutes.",
                left,
            )

    def failed(self, key: Hashable) -> None:
        """Count a failure."""
        now = self._clock()
        count, last = self._failed.pop(key, (0, now))
        self._failed[key] = (1 if now - last > self._seconds else count + 1), now
        while len(self._failed) > MOST_KEYS:
            self._failed.popitem(last=False)

    def succeeded(self, key: Hashable) -> None:
        """Forget the failures."""
        self._failed.pop(key, None)


class Bucket:
    """A bucket of tokens for each key: so many a second, and as many at once as it holds.

    Args:
        rate: tokens that come back each second; 0 lets everybody through.
        size: tokens that it holds.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = size
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> None:
        """Take one token.

        Raises:
            Overloaded: there is none; says when there will be one.
        """
        if not self._rate:
            return
        now = self._clock()
        left, last = self._left.pop(key, (self._size, now))
        left = min(self._size, left + (now - last) * self._rate)
        self._left[key] = (left - 1 if left >= 1 else left), now
        while len(self._left) > MOST_KEYS:
            self._left.popitem(last=False)
        if left < 1:
            raise Overloaded(
                "Gửi yêu cầu quá nhanh; hãy thử lại sau.",
                "Too many requests; try again later.",
                (1 - left) / self._rate,
            )
