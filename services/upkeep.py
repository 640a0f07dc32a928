"""What runs beside the workers: first steps that wait for their stores, and work that comes again and again.

A store that does not answer when the program starts delays its own step only: the program serves what it can meanwhile.
What became of repeated work is kept in a file of the data folder, so that a page can tell it after the next start too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from services.core.clock import Clock, utc_now
from services.core.errors import Conflict, DeadlineExceeded, NgocLinhError, NotFound, Overloaded, Unavailable
from services.core.log import get_logger

PAUSE_S = 5.0
"""Seconds before a step is tried again whose store did not answer."""

_PASSING = (Unavailable, Overloaded, DeadlineExceeded)
_log = get_logger(__name__)

Step = Callable[[], Awaitable[object]]


class Outcome(NamedTuple):
    """What became of a piece of work.

    Attributes:
        state: "refused" where it did nothing for a reason that a person must look at.
        vi: what it did or why not, in Vietnamese.
        en: the same in English.
    """

    state: Literal["done", "refused", "failed"] = "done"
    vi: str = ""
    en: str = ""


NOT_DUE = Outcome()
"""What a step gives that found nothing to do yet: what it did last stays on record."""


class Repeated(NamedTuple):
    """Work that comes again.

    Attributes:
        name: a word for it.
        every_s: seconds between two of its runs.
        step: the work; an `Outcome` that it gives is kept.
        after_s: seconds from the start of the program before its first run.
        confirmed: the same work where a person has looked at the clock; None where that makes no difference.
    """

    name: str
    every_s: float
    step: Step
    after_s: float = 0.0
    confirmed: Step | None = None


@dataclass
class Told:
    """What is known about repeated work.

    Attributes:
        outcome: of its last run; None where it never ran.
        end: when that was.
        next: when it comes next; None before the program has begun.
        running: it runs now.
    """

    outcome: Outcome | None = None
    end: datetime | None = None
    next: datetime | None = None
    running: bool = False


@dataclass
class Chores:
    """Work that comes again and again, and what became of it.

    Attributes:
        work: by what is to be done.
        file: where it is kept what became of it; None keeps it in memory.
        clock: the present moment.
    """

    work: Sequence[Repeated] = ()
    file: Path | None = None
    clock: Clock = utc_now
    told: dict[str, Told] = field(default_factory=dict)
    _asked: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Read what became of it before."""
        kept = _read(self.file) if self.file else {}
        self.told = {each.name: kept.get(each.name, Told()) for each in self.work}

    async def keep(self) -> None:
        """Do all of it whenever its time comes, until cancelled."""
        try:
            await asyncio.gather(*(self._repeat(each) for each in self.work), asyncio.Event().wait())
        finally:
            for task in self._asked:
                task.cancel()

    def ask(self, name: str, clock_confirmed: bool = False) -> None:
        """Begin a run now, beside its schedule.

        Raises:
            NotFound: this process does no such work.
            Conflict: it runs.
        """
        work = next((each for each in self.work if each.name == name), None)
        if work is None:
            raise NotFound(f"chores/{name}")
        if self.told[name].running:
            raise Conflict("Việc này đang chạy.", "It is running.")
        step = (work.confirmed if clock_confirmed else None) or work.step
        task = asyncio.create_task(self._run(work, step), name=f"chore {name}")
        self.told[name].running = True
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _repeat(self, work: Repeated) -> None:
        told, now = self.told[work.name], self.clock()
        wait_s = work.after_s
        if told.end is not None and told.outcome is not None and told.outcome.state == "done":
            since_s = (now - told.end).total_seconds()
            wait_s = max(wait_s, work.every_s - since_s) if since_s >= 0 else wait_s  # else the clock was wrong then
        while True:
            told.next = self.clock() + timedelta(seconds=wait_s)
            await asyncio.sleep(wait_s)
            if not told.running:
                told.running = True
                await self._run(work, work.step)
            wait_s = work.every_s

    async def _run(self, work: Repeated, step: Step) -> None:
        told = self.told[work.name]
        try:
            found = await step()
            outcome = found if isinstance(found, Outcome) else Outcome()
        except NgocLinhError as error:
            outcome, found = Outcome("failed", error.vi, error.en), None
        except Exception as error:
            outcome, found = Outcome("failed", f"Lỗi bên trong: {error}", f"An internal fault: {error}"), None
        finally:
            told.running = False
        if outcome.state == "failed":
            _log.warning("repeated work failed", work=work.name, error=outcome.en)
        if found is not NOT_DUE:
            told.outcome, told.end = outcome, self.clock()
            if self.file is not None:
                await asyncio.to_thread(_write, self.file, dict(self.told))


async def keep_up(first: Mapping[str, Step], begun: asyncio.Event, again: Chores | None = None) -> None:
    """Do the first steps at once, then the repeated work until cancelled.

    Args:
        first: by name; each is tried until its store answers.
        begun: set when all of them are done.
        again: a run that fails is logged, the next one comes all the same.

    Raises:
        NgocLinhError: a first step failed for a reason that does not pass.
    """
    await asyncio.gather(*(_until_answered(name, step) for name, step in first.items()))
    begun.set()
    await (again or Chores()).keep()


async def _until_answered(name: str, step: Step) -> None:
    while True:
        try:
            await step()
        except _PASSING as error:
            _log.warning("step waits for its store", step=name, error=error.en)
            await asyncio.sleep(PAUSE_S)
        else:
            return


def _read(file: Path) -> dict[str, Told]:
    """What was kept; nothing where it cannot be read, for it is told only."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: Told(Outcome(one["state"], one["vi"], one["en"]), datetime.fromisoformat(one["end"]))
            for name, one in kept.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(file: Path, told: Mapping[str, Told]) -> None:
    kept = {
        name: {**one.outcome._asdict(), "end": one.end.isoformat()}
        for name, one in told.items()
        if one.outcome is not None and one.end is not None
    }
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        _log.warning("outcome of work not kept", error=str(error))
