"""kill -9 at seeded moments of processes of the product, while work is in flight."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.mini_site import Site
from tests.e2e.program import eventually
from tests.faults.processes import Processes
from tests.faults.telling import telling
from tests.faults.work import TOLD, Work, drained, look

KILLS = int(os.environ.get("NGOCLINH_FAULT_KILLS") or 0)
"""Kills of one run; 0 takes the few of the ordinary tests."""
BETWEEN_S = (0.1, 1.2)
"""Shortest and longest time in seconds between two kills, beside what the next one waits for."""
FLOWS_S = 15.0
"""Seconds to wait before a kill until something was done since the last one."""
DRAIN_S = 420
"""Seconds in which everything must be through after the last kill; an event in the hands of the dead comes again after 60."""


@contextmanager
def sites_of(count: int, articles: int) -> Iterator[list[Site]]:
    """Small sites, which take 2 s for each of their articles."""
    sites = [Site(number, articles, delay_s=0.2) for number in range(count)]
    try:
        yield sites
    finally:
        for site in sites:
            site.close()


def plan(kinds: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Which kinds are killed one after the other: each as often as the others, in a random order."""
    order: list[str] = []
    while len(order) < count:
        order += rng.sample(list(kinds), len(kinds))
    return order[:count]


def flows(work: Work) -> None:
    """Wait until something is done, but not for long: a part that is missed may be the next to be killed."""
    before, end = work.done, time.monotonic() + FLOWS_S
    while work.done == before and time.monotonic() < end:
        time.sleep(0.02)


def one_dies(processes: Processes, kind: str, rng: random.Random) -> bool:
    """Kill a process of a kind, a child some moments after it appeared; False where it ended by itself before."""
    if processes.kinds[kind].child:
        processes.find(kind)
        time.sleep(rng.uniform(0, 0.3))
    return processes.kill(kind)


def kill_and_count(processes: Processes, count: int, seed: str, sites: Sequence[Site], folder: Path) -> None:
    """Kill, let everything come to rest, compare, print the counts.

    Args:
        processes: the product, which serves.
        count: kills.
        seed: of the moments and the order.
        sites: what is crawled.
        folder: for files.
    """
    rng = random.Random(seed)
    killed: Counter[str] = Counter()
    began = time.monotonic()
    with telling(
        lambda: f"{seed}: {killed.total()} of {count} kills in {time.monotonic() - began:.0f} s", processes.logs
    ):
        with Work(lambda: processes.port, folder) as work:
            eventually(lambda: work.texts and work.sheets, 120)
            for kind in plan(list(processes.kinds), count, rng):
                flows(work)
                time.sleep(rng.uniform(*BETWEEN_S))
                while not one_dies(processes, kind, rng):
                    pass
                killed[kind] += 1
            processes.wait()
        last = time.monotonic()
        eventually(lambda: drained(work, sites), DRAIN_S, 1)
        rest = time.monotonic()
        found = look(work, sites, killed["reader"])
        statuses = sum((counts for what, counts in work.statuses.items() if not what.startswith("GET")), Counter[int]())
        assert set(statuses) <= TOLD, work.statuses
        assert processes.faults == []
    told = ", ".join(f"{kind} {number}" for kind, number in sorted(killed.items()))
    sys.stdout.write(
        f"\n{seed}: {killed.total()} kills in {last - began:.0f} s ({told}); drained in {rest - last:.0f} s; 0 lost, 0 twice\n"
        f"  {', '.join(f'{what} {number}' for what, number in found.items())}\n"
        f"  answers while processes died (0: connection broke): {dict(sorted(statuses.items()))}\n"
    )
