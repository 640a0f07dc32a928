"""Whose turn it is: fair shares between flows, batches of chunks of a like length.

Self-clocked fair queueing (Golestani, INFOCOM 1994): a chunk is tagged with the tag of its flow's last chunk, or the
present tag where that is later, plus its size; the smallest tag is served next, and is then the present one. So a flow
of many chunks and one of a single chunk get the same share while both wait, and none waits for ever. Small chunks count
as much as `SHARE`: so calls of a chunk each are served in the order in which they came, and how long one waits can be
told when it comes.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SHARE = 256
"""Tokens that a chunk counts at least when turns are given."""
FEW_STALE = 256
"""Chunks of dropped tickets that may stay in the queue before it is cleared of them."""


@dataclass(eq=False)
class Flow:
    """Whose work it is: a call, or a stream with all its texts."""

    tag: float = 0.0


@dataclass(eq=False)
class Ticket:
    """Chunks that are waited for together.

    Attributes:
        chunks: in their order.
        sizes: their tokens.
        waiting: places of those that were not taken yet.
        dropped: nobody waits for them any more.
    """

    chunks: Sequence[Any]
    sizes: Sequence[int]
    waiting: set[int] = field(default_factory=set)
    dropped: bool = False


class Entry(NamedTuple):
    """A chunk in the queue; entries are ordered by tag, then by age."""

    tag: float
    number: int
    size: int
    place: int
    ticket: Ticket


class FairQueue:
    """Chunks that wait.

    Args:
        batch_tokens: most tokens of a batch, as if all its chunks were as long as the longest; a single longer chunk is
            a batch of its own.
        sizes_together: chunks form a batch where their tokens divided by this have the same whole part.

    Attributes:
        tokens: of the chunks that wait, without those of dropped tickets.
    """

    def __init__(self, batch_tokens: int, sizes_together: int = 1) -> None:
        self._batch_tokens = batch_tokens
        self._sizes_together = sizes_together
        self._heaps: dict[int, list[Entry]] = {}
        self._present = 0.0
        self._number = 0
        self._live = 0
        self._stale = 0
        self.tokens = 0

    def __len__(self) -> int:
        return self._live

    def put(self, ticket: Ticket, flow: Flow) -> None:
        """Add the chunks of a ticket to the end of a flow."""
        flow.tag = max(flow.tag, self._present)
        for place, size in enumerate(ticket.sizes):
            flow.tag += max(size, SHARE)
            self._number += 1
            heap = self._heaps.setdefault(size // self._sizes_together, [])
            heapq.heappush(heap, Entry(flow.tag, self._number, size, place, ticket))
        ticket.waiting = set(range(len(ticket.sizes)))
        self._live += len(ticket.sizes)
        self.tokens += sum(ticket.sizes)

    def drop(self, ticket: Ticket) -> None:
        """Forget the chunks of a ticket that were not taken yet."""
        ticket.dropped = True
        self._count(ticket, ticket.waiting)
        self._stale += len(ticket.waiting)
        ticket.waiting = set()
        ticket.chunks = ()
        if self._stale > FEW_STALE + self._live:
            self._clear()

    def take(self) -> list[Entry]:
        """The next batch: the chunk whose turn it is, with others of its length; empty where none waits."""
        batch: list[Entry] = []
        while not batch and self._heaps:
            width = min(self._heaps, key=lambda each: self._heaps[each][0])
            batch = self._batch(self._heaps[width])
            if not self._heaps[width]:
                del self._heaps[width]
        if batch:
            self._present = batch[0].tag
        return batch

    def _batch(self, heap: list[Entry]) -> list[Entry]:
        batch: list[Entry] = []
        longest = 0
        while heap:
            entry = heap[0]
            if not entry.ticket.dropped:
                longest = max(longest, entry.size)
                if batch and (len(batch) + 1) * longest > self._batch_tokens:
                    break
                batch.append(entry)
                entry.ticket.waiting.discard(entry.place)
                self._count(entry.ticket, (entry.place,))
            else:
                self._stale -= 1
            heapq.heappop(heap)
        return batch

    def _count(self, ticket: Ticket, gone: Sequence[int] | set[int]) -> None:
        self._live -= len(gone)
        self.tokens -= sum(ticket.sizes[place] for place in gone)

    def _clear(self) -> None:
        """Take out the chunks of dropped tickets."""
        kept = {width: [entry for entry in heap if not entry.ticket.dropped] for width, heap in self._heaps.items()}
        self._heaps = {width: heap for width, heap in kept.items() if heap}
        for heap in self._heaps.values():
            heapq.heapify(heap)
        self._stale = 0
