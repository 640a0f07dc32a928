"""The rules over the figures of one process: raised after their time, told with the words of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.core import metrics
from services.core.metrics import Sample
from services.monitoring.alerts import ALERTS
from services.monitoring.now import Watch

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
BY_NAME = {alert.name: alert for alert in ALERTS}
QUEUE = ("media.recorded", "analyze")


class Office:
    """Figures and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = START
        self.samples: list[Sample] = []
        self.watch = Watch(self.page, lambda: self.now, self.meters)

    async def page(self) -> bytes:
        return self.meters()

    def meters(self) -> bytes:
        lines = [f"{name}{self._labels(name, labels)} {value}" for name, labels, value in self.samples]
        return ("\n".join(lines) + "\n").encode()

    @staticmethod
    def _labels(name: str, labels: Sequence[str]) -> str:
        pairs = zip(metrics.CATALOGUE[name].labels, labels, strict=True)
        return "{" + ",".join(f'{key}="{value}"' for key, value in pairs) + "}" if labels else ""

    async def after(self, minutes: float, *samples: Sample) -> list[str]:
        self.now = START + timedelta(minutes=minutes)
        self.samples = list(samples)
        await self.watch.look()
        return [alarm.name for alarm in self.watch.alarms()]


def free(share: float) -> tuple[Sample, Sample]:
    return ("ngoclinh_disk_free_bytes", (), 1000 * share), ("ngoclinh_disk_total_bytes", (), 1000)


async def test_a_rule_is_raised_once_it_held_for_its_time_and_ends_with_its_cause() -> None:
    office = Office()
    assert await office.after(0, *free(0.05)) == []
    assert await office.after(9, *free(0.05)) == []
    assert await office.after(10, *free(0.05)) == ["NgocLinhDiskFull"]
    (alarm,) = office.watch.alarms()
    alert = BY_NAME["NgocLinhDiskFull"]
    assert (alarm.problem.vi, alarm.problem.en, alarm.advice.vi, alarm.advice.en) == (
        alert.vi, alert.en, alert.do_vi, alert.do_en,
    )  # fmt: skip
    assert (alarm.critical, alarm.since.ToDatetime(UTC)) == (True, START)
    assert await office.after(11, *free(0.5)) == []
    assert await office.after(12, *free(0.05)) == [], "its time begins anew"


async def test_critical_ones_come_first() -> None:
    office = Office()
    wrong: tuple[Sample, ...] = (("ngoclinh_quarantined", QUEUE, 1), *free(0.01))
    await office.after(0, *wrong)
    assert await office.after(20, *wrong) == ["NgocLinhDiskFull", "NgocLinhQuarantine"]


async def test_a_rate_is_of_the_last_minutes_not_of_all_times() -> None:
    def calls(fine: int, failed: int) -> tuple[Sample, Sample]:
        service = "ngoclinh.media.v1.MediaService"
        return (
            ("ngoclinh_rpcs_total", (service, "ListArticles", "OK"), fine),
            ("ngoclinh_rpcs_total", (service, "ListArticles", "INTERNAL"), failed),
        )

    office = Office()
    assert await office.after(0, *calls(1000, 900)) == []
    for minute in range(1, 31):
        names = await office.after(minute, *calls(1000 + 10 * minute, 900))
        assert names == [], "old faults say nothing about now"
    for minute in range(31, 52):
        names = await office.after(minute, *calls(1300, 900 + 10 * minute))
    assert names == ["NgocLinhCallsFail"]
    (told,) = office.watch.services()
    assert (told.name, told.call_count, told.error_count) == ("ngoclinh.media.v1.MediaService", 2710, 1410)


async def test_a_queue_waits_since_the_first_of_the_looks_that_found_something_in_it() -> None:
    office = Office()
    for minute, depth in ((0, 0), (1, 5), (2, 900), (3, 1)):
        await office.after(minute, ("ngoclinh_bus_depth", QUEUE, depth))
    assert office.watch.waiting_since("/".join(QUEUE)) == START + timedelta(minutes=1)
    await office.after(4, ("ngoclinh_bus_depth", QUEUE, 0))
    assert office.watch.waiting_since("/".join(QUEUE)) is None


@pytest.mark.parametrize("years", [-3, 3])
async def test_a_clock_that_jumps_makes_no_nonsense(years: int) -> None:
    office = Office()
    await office.after(0, *free(0.5))
    await office.after(years * 525_600, *free(0.5))
    assert office.watch.alarms() == []
