"""What was seen of the stores at work: calls, errors, seconds, and since when one of them is silent. Kept in the process."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from services.core.clock import Clock, utc_now


@dataclass(frozen=True)
class Count:
    """One method of one store.

    Attributes:
        calls: that ended, streams included.
        errors: of these, how many got no answer; a domain error such as NotFound is an answer.
        seconds: that the calls took together.
        longest_s: seconds of the slowest call.
    """

    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0


class Observations:
    """Counts by (store, method), and the stores that do not answer. Any thread may tell and ask.

    Args:
        clock: the present moment.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], Count] = defaultdict(Count)
        self._silent: dict[str, datetime] = {}

    def tell(self, store: str, method: str, seconds: float, answered: bool) -> None:
        """A call has ended.

        Args:
            store: name of the store.
            method: of its port.
            seconds: that it took.
            answered: the store answered, be it with a domain error.
        """
        with self._lock:
            was = self._counts[store, method]
            self._counts[store, method] = Count(
                was.calls + 1, was.errors + (not answered), was.seconds + seconds, max(was.longest_s, seconds)
            )
            if answered:
                self._silent.pop(store, None)
            else:
                self._silent.setdefault(store, self._clock())

    def counts(self) -> dict[tuple[str, str], Count]:
        """What was counted, by (store, method)."""
        with self._lock:
            return dict(self._counts)

    def silent_since(self, store: str) -> datetime | None:
        """The first of the calls without an answer since the last one with; None where the last one had one."""
        with self._lock:
            return self._silent.get(store)
