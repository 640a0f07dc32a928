"""What is looked at where Prometheus asks: stores, queues, sources, imports, findings, disk, backup.

One look serves all who ask within some seconds; a part that does not answer is told by `ngoclinh_look_ok` and left out.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ngoclinh.land.v1.land_service_pb2 import FindingFilter
from ngoclinh.land.v1.parcel_pb2 import ImportState, Severity
from ngoclinh.media.v1.article_pb2 import SourceState

from services.core import metrics
from services.core.log import get_logger
from services.core.metrics import Sample
from services.core.observation import Observations
from services.core.ports import SUBJECTS
from services.operations import health
from services.operations.health import PATIENCE_S, Watched
from services.operations.outlook import NOTHING, Outlook

FRESH_S = 10.0
"""Seconds for which a look is fresh enough."""
_IMPORTS = 1000
_SEVERITIES = (Severity.SEVERITY_INFO, Severity.SEVERITY_WARNING, Severity.SEVERITY_ERROR)
_log = get_logger(__name__)


def store_samples(seen: Observations) -> list[Sample]:
    """What this process saw of its stores."""
    return [
        sample
        for place, count in sorted(seen.counts().items())
        for sample in (
            ("ngoclinh_store_calls_total", place, count.calls),
            ("ngoclinh_store_errors_total", place, count.errors),
            ("ngoclinh_store_seconds_total", place, count.seconds),
        )
    ]


class Gauges:
    """The page of metrics of one process.

    Args:
        watched: the stores.
        whole: look at what the processes share too: one role does it for all.
        outlook: what is looked at besides.
    """

    def __init__(self, watched: Watched, whole: bool = True, outlook: Outlook = NOTHING) -> None:
        self._watched = watched
        self._outlook = outlook
        shared = {"bus": self._bus, "ledger": self._sources, "parcels": self._land} if whole else {}
        self._looks: Mapping[str, Callable[[], Awaitable[list[Sample]]]] = {
            **shared,
            "disk": self._disk,
            "certificates": self._certificates,
            **({"clock": self._clock} if whole else {}),
            **({"backup": self._backup} if outlook.backs_up else {}),
            "retention": self._retention,
        }
        self._lock = asyncio.Lock()
        self._kept: list[Sample] = []
        self._until = 0.0

    async def page(self) -> bytes:
        """Everything that this process measures."""
        async with self._lock:
            if time.monotonic() >= self._until:
                found = await asyncio.gather(*(self._look(part, look) for part, look in self._looks.items()))
                self._kept = [sample for samples in found for sample in samples]
                self._until = time.monotonic() + FRESH_S
        return metrics.page([*store_samples(self._watched.seen), *self._kept])

    async def _look(self, part: str, look: Callable[[], Awaitable[list[Sample]]]) -> list[Sample]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                samples = await look()
        except Exception as error:
            _log.warning("no metrics", part=part, error=str(error) or type(error).__name__)
            return [("ngoclinh_look_ok", (part,), 0)]
        return [("ngoclinh_look_ok", (part,), 1), *samples]

    async def _bus(self) -> list[Sample]:
        places = [(subject, group) for subject, groups in SUBJECTS.items() for group in groups]
        depth = await self._watched.bus.depth()
        aside = Counter((each.subject, each.group) for each in await self._watched.bus.quarantined())
        return [
            *(("ngoclinh_bus_depth", place, depth.get(place, 0)) for place in places),
            *(("ngoclinh_quarantined", place, aside[place]) for place in places),
        ]

    async def _sources(self) -> list[Sample]:
        sources = await self._watched.ledger.sources()
        told = health.crawler(sources, True)
        polled: list[Sample] = []
        if told.HasField("last_poll_time"):
            polled = [("ngoclinh_last_poll_timestamp_seconds", (), told.last_poll_time.ToNanoseconds() / 1e9)]
        outcomes = {
            "article": sum(source.article_count for source in sources),
            "failure": sum(source.failure_count for source in sources),
            "refused": sum(source.refused_count for source in sources),
        }
        return [
            *_counted("ngoclinh_sources", SourceState, (source.state for source in sources)),
            ("ngoclinh_sources_in_trouble", (), told.problem_count),
            *(("ngoclinh_pages_total", (outcome,), count) for outcome, count in outcomes.items()),
            *polled,
        ]

    async def _land(self) -> list[Sample]:
        imports, _ = await self._watched.parcels.imports(_IMPORTS)
        pages = [
            await self._watched.parcels.findings(FindingFilter(severities=[severity]), 1) for severity in _SEVERITIES
        ]
        return [
            *_counted("ngoclinh_imports", ImportState, (each.state for each in imports)),
            *(
                ("ngoclinh_findings", (_short(Severity.Name(severity)),), page.total)
                for severity, page in zip(_SEVERITIES, pages, strict=True)
            ),
        ]

    async def _disk(self) -> list[Sample]:
        disk = await asyncio.to_thread(health.disk, self._watched.data_dir)
        return [
            ("ngoclinh_disk_free_bytes", (), disk.free_bytes),
            ("ngoclinh_disk_total_bytes", (), disk.total_bytes),
        ]

    async def _backup(self) -> list[Sample]:
        made = await asyncio.to_thread(self._outlook.last_backup)
        return [("ngoclinh_last_backup_timestamp_seconds", (), made.timestamp() if made else 0)]

    async def _retention(self) -> list[Sample]:
        last = await asyncio.to_thread(self._outlook.last_retention)
        return [("ngoclinh_last_retention_timestamp_seconds", (), last.timestamp())] if last else []

    async def _clock(self) -> list[Sample]:
        return [("ngoclinh_clock_in_doubt", (), int(await self._outlook.clock_doubt() is not None))]

    async def _certificates(self) -> list[Sample]:
        return [
            ("ngoclinh_certificate_end_timestamp_seconds", (each.name,), each.expire_time.seconds)
            for each in await asyncio.to_thread(lambda: list(self._outlook.certificates()))
        ]


def _counted(name: str, kind: type[SourceState] | type[ImportState], values: Iterable[int]) -> list[Sample]:
    """How many of each value of an enum, those that do not occur included."""
    counts = Counter(values)
    return [(name, (_short(label),), counts[value]) for label, value in kind.items() if value]


def _short(label: str) -> str:
    """The last word of a value of an enum. Example: ``SOURCE_STATE_ACTIVE`` → ``active``."""
    return label.rpartition("_")[2].lower()
