"""What a failure of a test of faults says of itself: the seed, how far it came, the last lines of every log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

LINES = 15
LONGEST = 400
"""Lines of each log, characters of each line."""

Logs = Mapping[str, Callable[[], str]]


@contextmanager
def telling(how_far: Callable[[], str], logs: Logs) -> Iterator[None]:
    """Add to whatever fails in the block how far it came, and the last lines of some logs."""
    try:
        yield
    except BaseException as error:
        error.add_note(how_far())
        for name, log in logs.items():
            error.add_note(f"--- the last of {name}:\n{last_of(log())}")
        raise


def faults_in(lines: Iterable[str]) -> list[str]:
    """Lines of a log that tell of a fault of the program; an audit entry that the ledger could not take is none."""
    told = (line for line in lines if "services.access.audit" not in line)
    return [line[:3000] for line in told if "Traceback" in line or '"level": "error"' in line]


def last_of(log: str) -> str:
    """The last lines of a log."""
    return "\n".join(line[:LONGEST] for line in log.splitlines()[-LINES:])
