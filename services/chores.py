"""What a process does beside serving: first steps, work that comes again and again, what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from services.access.upkeep import FORGET_S, forget
from services.backup import scheduled
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.observation import Observations
from services.core.ports import Retained
from services.media import rebuild
from services.media.evidence import EvidenceStore
from services.media.retention import Janitor
from services.media.source_checks import ask_for_checks
from services.monitoring.now import Watch
from services.operations import certificates
from services.operations.gauges import Gauges
from services.operations.outlook import Outlook
from services.parts import Services, watched
from services.roles import Role
from services.stores import Stores, adapter
from services.upkeep import NOT_DUE, Chores, Outcome, Repeated

COMPANIONS_S = 60.0
"""Seconds between two looks at the sources and alerts that analysts see beside the articles."""
RETENTION_S, RETENTION_AFTER_S = 86_400.0, 3600.0
"""Seconds between two runs that forget what is due, and from the start to the first."""
BACKUP_LOOK_S = 600.0
"""Seconds between two looks whether a backup is due."""
DOUBT_S = 300.0
"""Seconds for which a look at the clock is good."""
CHECKS_AFTER_S = 1800.0
"""Seconds from the start to the first check of the sources."""
_KEEPS_INDEX = ("media.analyzed", "index")


def first(services: Services, stores: Stores, role: Role) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """What is done before all else, by name: an index that was lost is filled by those who keep it."""
    index = (
        {"index": lambda: rebuild.rebuild_if_empty(stores.ledger, stores.index)} if _KEEPS_INDEX in role.workers else {}
    )
    return {**index, **services.first_steps}


def again(settings: Settings, stores: Stores, role: Role, clock: Clock) -> Chores:
    """What comes again and again, for those who keep the index: forgetting, the backup, source checks, and what analysts see with Kibana."""
    work = _work(settings, stores, clock) if _KEEPS_INDEX in role.workers else ()
    return Chores(work, settings.data_dir / "chores.json", clock)


def _work(settings: Settings, stores: Stores, clock: Clock) -> Sequence[Repeated]:
    who = janitor(settings, stores, clock)
    found = [Repeated("sessions", FORGET_S, partial(_forget_access, who, settings, stores, clock), after_s=FORGET_S)]
    if settings.retention.enabled:
        confirmed = partial(_retention, who, True)
        found.append(Repeated("retention", RETENTION_S, partial(_retention, who), RETENTION_AFTER_S, confirmed))
    if settings.backup.folder is not None:
        found.append(Repeated("backup", BACKUP_LOOK_S, partial(_backup, settings, clock), BACKUP_LOOK_S))
    if settings.crawler.enabled and settings.crawler.check_hours:
        every_s = 3600.0 * settings.crawler.check_hours
        found.append(Repeated("sources", every_s, partial(_checks, stores), CHECKS_AFTER_S))
    if adapter(settings, "index") == "cluster":
        from services.adapters.cluster.elastic_companions import refresh_companions

        show = partial(refresh_companions, stores.ledger, settings.elasticsearch)
        found.append(Repeated("analysts", COMPANIONS_S, show))
        found.append(Repeated("index", RETENTION_S, partial(_tidy, stores.index, clock), after_s=RETENTION_AFTER_S))
    return found


async def _retention(who: Janitor, confirmed: bool = False) -> Outcome:
    """Forget what is due, told in words."""
    report = await who.run(confirmed=confirmed)
    if report.refused:
        return Outcome("refused", report.refused.vi, report.refused.en)
    text, evidence, article = (
        report.done.get(kind, 0) for kind in (Retained.TEXT, Retained.EVIDENCE, Retained.ARTICLE)
    )
    left = sum(report.left.values())
    return Outcome(
        "done",
        f"Rút gọn {text} bài, bỏ minh chứng của {evidence} bài, xoá {article} bài; {left} bài đến hạn còn chờ lần sau.",
        f"{text} texts shortened, evidence of {evidence} articles forgotten, {article} articles erased; "
        f"{left} due ones wait for the next run.",
    )


async def _checks(stores: Stores) -> Outcome:
    """Have the sources checked by the crawler."""
    count = await ask_for_checks(stores.bus, stores.ledger)
    return Outcome(
        "done",
        f"Đã yêu cầu kiểm tra {count} nguồn tin; kết quả ở trang Nguồn tin.",
        f"Asked for a check of {count} sources; the results are on the sources page.",
    )


async def _backup(settings: Settings, clock: Clock) -> Outcome:
    """Make the daily backup where it is due."""
    made = await asyncio.to_thread(scheduled.run, settings, clock)
    return NOT_DUE if made is None else Outcome("done", f"Đã sao lưu vào {made}.", f"Backup written to {made}.")


async def _forget_access(who: Janitor, settings: Settings, stores: Stores, clock: Clock) -> None:
    """Forget old audit entries and sessions, never while the clock is in doubt."""
    if await who.doubt() is None:
        await forget(stores.ledger, settings.auth, clock)


async def _tidy(index: Any, clock: Clock) -> None:
    """Drop the empty months of an index in Elasticsearch and purge what was erased there."""
    await index.tidy(f"{clock():%Y-%m}")


def outlook(settings: Settings, stores: Stores, role: Role, clock: Clock) -> Outlook:
    """What a role looks at beside its stores; the rules of the monitoring are added by `with_rules`."""
    mine = _KEEPS_INDEX in role.workers
    folder = settings.backup.folder if mine else None
    who = janitor(settings, stores, clock)

    def last_backup() -> datetime | None:
        return next((moment for moment, _ in reversed(scheduled.kept(folder))), None) if folder else None

    return Outlook(
        certificates=partial(certificates.look, settings),
        clock_doubt=_Kept(who.doubt).ask,
        last_backup=last_backup,
        backs_up=folder is not None,
        last_retention=who.last_run if mine else lambda: None,
    )


class _Kept:
    """An answer that is good for some minutes: it costs a count of all articles."""

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._answer: Any = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def ask(self) -> Any:
        """The answer of now or of some minutes ago."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._answer = await self._ask()
                self._until = time.monotonic() + DOUBT_S
            return self._answer


def gauges(settings: Settings, stores: Stores, seen: Observations, role: Role, besides: Outlook) -> Gauges:
    """What a role measures: those who serve operations look at what all share, those who make the backup at its age."""
    return Gauges(watched(settings, stores, seen), "operations" in role.services, besides)


def with_rules(besides: Outlook, rules: Watch) -> Outlook:
    """The same with what the rules of the monitoring say."""
    return replace(besides, alarms=rules.alarms, services=rules.services, waiting_since=rules.waiting_since)


def janitor(settings: Settings, stores: Stores, clock: Clock = utc_now) -> Janitor:
    """Who forgets what is due."""
    evidence = EvidenceStore(settings.data_dir / "evidence")
    state = settings.data_dir / "retention.json"
    return Janitor(stores.ledger, stores.index, evidence, settings.retention, state, clock)
