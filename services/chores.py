"""What a process does beside serving: first steps, work that comes again and again, what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.access.upkeep import FORGET_S, forget
from services.backup import scheduled
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.observation import Observations
from services.media import rebuild
from services.media.evidence import EvidenceStore
from services.media.retention import Janitor
from services.operations.gauges import Gauges
from services.parts import Services, watched
from services.roles import Role
from services.stores import Stores, adapter
from services.upkeep import Repeated

COMPANIONS_S = 60.0
"""Seconds between two looks at the sources and alerts that analysts see beside the articles."""
RETENTION_S, RETENTION_AFTER_S = 86_400.0, 3600.0
"""Seconds between two runs that forget what is due, and from the start to the first."""
BACKUP_LOOK_S = 600.0
"""Seconds between two looks whether a backup is due."""
_KEEPS_INDEX = ("media.analyzed", "index")


def first(services: Services, stores: Stores, role: Role) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """What is done before all else, by name: an index that was lost is filled by those who keep it."""
    index = (
        {"index": lambda: rebuild.rebuild_if_empty(stores.ledger, stores.index)} if _KEEPS_INDEX in role.workers else {}
    )
    return {**index, **services.first_steps}


def again(settings: Settings, stores: Stores, role: Role, clock: Clock) -> Sequence[Repeated]:
    """What comes again and again, for those who keep the index: forgetting, the backup, and what analysts see with Kibana."""
    if _KEEPS_INDEX not in role.workers:
        return ()
    who = janitor(settings, stores, clock)
    found = [Repeated(FORGET_S, partial(_forget_access, who, settings, stores, clock), after_s=FORGET_S)]
    if settings.retention.enabled:
        found.append(Repeated(RETENTION_S, who.run, after_s=RETENTION_AFTER_S))
    if settings.backup.folder is not None:
        found.append(Repeated(BACKUP_LOOK_S, lambda: asyncio.to_thread(scheduled.run, settings, clock), BACKUP_LOOK_S))
    if adapter(settings, "index") == "cluster":
        from services.adapters.cluster.elastic_companions import refresh_companions

        found.append(Repeated(COMPANIONS_S, partial(refresh_companions, stores.ledger, settings.elasticsearch)))
        found.append(Repeated(RETENTION_S, partial(_tidy, stores.index, clock), after_s=RETENTION_AFTER_S))
    return found


async def _forget_access(who: Janitor, settings: Settings, stores: Stores, clock: Clock) -> None:
    """Forget old audit entries and sessions, never while the clock is in doubt."""
    if await who.doubt() is None:
        await forget(stores.ledger, settings.auth, clock)


async def _tidy(index: Any, clock: Clock) -> None:
    """Drop the empty months of an index in Elasticsearch and purge what was erased there."""
    await index.tidy(f"{clock():%Y-%m}")


def gauges(settings: Settings, stores: Stores, seen: Observations, role: Role) -> Gauges:
    """What a role measures: those who serve operations look at what all share, those who make the backup at its age."""
    folder = settings.backup.folder if _KEEPS_INDEX in role.workers else None

    def last_backup() -> datetime | None:
        return next((moment for moment, _ in reversed(scheduled.kept(folder))), None) if folder else None

    return Gauges(watched(settings, stores, seen), "operations" in role.services, last_backup if folder else None)


def janitor(settings: Settings, stores: Stores, clock: Clock = utc_now) -> Janitor:
    """Who forgets what is due."""
    evidence = EvidenceStore(settings.data_dir / "evidence")
    state = settings.data_dir / "retention.json"
    return Janitor(stores.ledger, stores.index, evidence, settings.retention, state, clock)
