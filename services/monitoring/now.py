"""Which alert rules hold now, for those without Prometheus: the same rules over the same figures, looked at once a minute.

A rule counts as raised once its condition has held for its time, as Prometheus does it. A process knows its own figures
only; what the others of a cluster measure is Prometheus' part.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from ngoclinh.operations.v1.operations_service_pb2 import Alarm, ServiceHealth
from ngoclinh.type.v1.type_pb2 import LocalizedText
from prometheus_client.parser import text_string_to_metric_families

from services.core import metrics
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.log import get_logger
from services.monitoring.alerts import ALERTS, FAULTS, Alert
from services.monitoring.promql import Labels, Query

LOOK_S = 60.0
"""Seconds between two looks."""
_KEPT = timedelta(minutes=31)
"""A minute longer than the longest range of a rule."""
_RANGE = re.compile(r"\[(\d+)m\]")
_WAIT = re.compile(r"(\d+)([mh])")
_UP: tuple[str, Labels] = ("up", frozenset({("job", "ngoclinh")}))
_log = get_logger(__name__)

Figures = Mapping[tuple[str, Labels], float]


class Watch:
    """Looks at the figures of this process and keeps since when each rule holds.

    Args:
        page: the page of metrics.
        clock: the present moment.
        meters: what this process counted itself, as a page of metrics.
    """

    def __init__(
        self,
        page: Callable[[], Awaitable[bytes]],
        clock: Clock = utc_now,
        meters: Callable[[], bytes] = metrics.page,
    ) -> None:
        self._page = page
        self._meters = meters
        self._clock = clock
        self._seen: deque[tuple[datetime, Figures]] = deque()
        self._since: dict[str, datetime] = {}
        self._waits: dict[str, datetime] = {}

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:
                _log.warning("figures not looked at", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look at the figures of now."""
        now, figures = self._clock(), read(await self._page())
        while self._seen and (now - self._seen[0][0] > _KEPT or now < self._seen[0][0]):
            self._seen.popleft()
        self._seen.append((now, figures))
        for alert in ALERTS:
            if Query(alert.expr, figures, self._before(alert, now), now.timestamp()).evaluate():
                self._since.setdefault(alert.name, now)
            else:
                self._since.pop(alert.name, None)
        waiting = {
            _queue(labels) for (name, labels), count in figures.items() if name == "ngoclinh_bus_depth" and count
        }
        self._waits = {queue: self._waits.get(queue, now) for queue in waiting}

    def alarms(self) -> list[Alarm]:
        """The rules that are raised, critical ones first, each with what to do."""
        now = self._clock()
        raised = [
            Alarm(
                name=alert.name,
                critical=alert.severity == "critical",
                problem=LocalizedText(vi=alert.vi, en=alert.en),
                advice=LocalizedText(vi=alert.do_vi, en=alert.do_en),
                since=to_timestamp(since),
            )
            for alert in ALERTS
            if (since := self._since.get(alert.name)) is not None and now - since >= _wait(alert)
        ]
        return sorted(raised, key=lambda each: not each.critical)

    def waiting_since(self, queue: str) -> datetime | None:
        """Since when events of a queue "{subject}/{group}" wait at every look; None where none does."""
        return self._waits.get(queue)

    def services(self) -> list[ServiceHealth]:
        """Calls and faults of the services that this process answers for."""
        figures = read(self._meters())
        found: dict[str, ServiceHealth] = {}
        seconds: dict[str, float] = {}
        for (name, labels), value in figures.items():
            told = dict(labels)
            service = (
                found.setdefault(told["service"], ServiceHealth(name=told["service"])) if "service" in told else None
            )
            if service is None:
                continue
            if name == "ngoclinh_rpcs_total":
                service.call_count += int(value)
                service.error_count += int(value) * (told["code"] in FAULTS)
            elif name == "ngoclinh_rpc_seconds_sum":
                seconds[service.name] = seconds.get(service.name, 0.0) + value
        for name, service in found.items():
            service.mean_s = seconds.get(name, 0.0) / max(1, service.call_count)
        return [found[name] for name in sorted(found)]

    def _before(self, alert: Alert, now: datetime) -> Figures:
        """The figures of the beginning of a rule's range, or the oldest that there are."""
        match = _RANGE.search(alert.expr)
        begin = now - timedelta(minutes=int(match[1]) if match else 0)
        return next((figures for moment, figures in self._seen if moment >= begin), {})


def read(page: bytes) -> Figures:
    """The samples of a page of metrics, and that this process runs."""
    figures: dict[tuple[str, Labels], float] = {_UP: 1.0}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            figures[sample.name, frozenset(sample.labels.items())] = sample.value
    return figures


def _wait(alert: Alert) -> timedelta:
    match = _WAIT.fullmatch(alert.wait)
    assert match, alert.wait
    return timedelta(minutes=int(match[1]) * (60 if match[2] == "h" else 1))


def _queue(labels: Labels) -> str:
    told = dict(labels)
    return f"{told['subject']}/{told['group']}"
