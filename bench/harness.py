"""Measure ours and a named peer alternately in one run, and print one JSON line."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.engines import Missing, Server

SKIPPED = 77
"""Exit code of a script whose server is not here."""

S = TypeVar("S", bound=Server)


@dataclass(frozen=True)
class Peer:
    """What ours is compared with."""

    name: str
    version: str


def cpu_seconds() -> float:
    """CPU seconds, user and system, of this process and of its ended children."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Callable[[], Any], clock: Callable[[], float] = cpu_seconds) -> tuple[float, Any]:
    """CPU seconds that a call took, and its answer."""
    start = clock()
    answer = work()
    return max(clock() - start, 1e-6), answer


def quick(description: str) -> bool:
    """Whether `--quick` was given on the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, for a laptop")
    return bool(parser.parse_args().quick)


def engine(kind: type[S]) -> S:
    """A server of the tests, to be used as a context; where it cannot be had the script says so and ends."""
    try:
        return kind()
    except Missing as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        sys.exit(SKIPPED)


def compare(
    name: str,
    *,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    peer_named: Peer,
    count: int,
    unit: str,
    goal: float,
    rounds: int,
    same: Callable[[Any, Any], bool],
    clock: Callable[[], float] = cpu_seconds,
    peer_clock: Callable[[], float] | None = None,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Run ours and the peer alternately, check that both gave the same answer, print and return the result.

    Args:
        name: name of the goal.
        ours: does the work once and returns its answer.
        peer: does the same work the other way.
        peer_named: name and version of the peer.
        count: things that one run handles; values are `count` / seconds.
        unit: unit of the values. Example: ``parcels/cpu_s``.
        goal: ratio ours / peer that is wanted at least.
        rounds: how often each runs; the ratio is the median of the rounds' ratios.
        same: whether two answers agree.
        clock: tells the seconds: those of the CPU that this process and its ended children took.
        peer_clock: tells the CPU seconds of the process in which the peer works, where it is not this one.
        extra: further figures for the JSON line.

    Raises:
        AssertionError: the answers differ.
    """
    rates: list[tuple[float, float]] = []
    for number in range(rounds):
        runs = (("ours", ours, clock), ("peer", peer, peer_clock or clock))
        measured = {which: timed(work, clock) for which, work, clock in (runs if number % 2 == 0 else reversed(runs))}
        assert same(measured["ours"][1], measured["peer"][1]), f"{name}: ours and {peer_named.name} disagree"
        rates.append((count / measured["ours"][0], count / measured["peer"][0]))
    ratios = sorted(mine / theirs for mine, theirs in rates)
    result = {
        "name": name,
        "ratio": round(statistics.median(ratios), 2),
        "goal": goal,
        "better": "higher",
        "ours": {"value": round(statistics.median(mine for mine, _ in rates), 1), "unit": unit},
        "peer": {
            "name": peer_named.name,
            "version": peer_named.version,
            "value": round(statistics.median(theirs for _, theirs in rates), 1),
        },
        "rounds": rounds,
        "spread": [round(ratios[0], 2), round(ratios[-1], 2)],
        **(extra or {}),
    }
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return result
