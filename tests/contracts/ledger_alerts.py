"""Clauses of the port `Ledger` about alerts. An adapter's test is a subclass with `factory` and `location`."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_CRITICAL, ALERT_SEVERITY_WARNING, Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter

from services.core.errors import InvalidPageToken, NotFound
from services.core.ports import Ledger

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def alert(number: int, rule: str = "alertRules/a", **fields: Any) -> Alert:
    found = Alert(
        name=f"alerts/{number:03}", rule=rule, article=f"articles/{number}", severity=ALERT_SEVERITY_WARNING, **fields
    )
    found.raise_time.FromDatetime(NOW + timedelta(minutes=number))
    return found


def names(alerts: list[Alert]) -> list[str]:
    return [found.name.removeprefix("alerts/") for found in alerts]


class AlertLedgerContract:
    """Every clause; `self.open()` gives further users of the same ledger."""

    factory: ClassVar[str]
    """Import path of a callable (location, clock=utc_now) -> Ledger. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the ledger of one test lies."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        ledger: Ledger = pkgutil.resolve_name(self.factory)(self.location(tmp_path), clock=lambda: NOW)
        yield ledger
        await ledger.close()

    async def test_a_rule_reads_as_it_was_last_written(self, ledger: Ledger) -> None:
        await ledger.put_alert_rule(AlertRule(name="alertRules/b", title="Đất đai"), "an")
        await ledger.put_alert_rule(AlertRule(name="alertRules/a", title="Y tế"), "an")
        await ledger.put_alert_rule(AlertRule(name="alertRules/b", title="Đất đai", threshold_count=3), "bình")
        assert [(rule.title, rule.threshold_count) for rule in await ledger.alert_rules()] == [
            ("Y tế", 0),
            ("Đất đai", 3),
        ]
        rule = await ledger.alert_rule("alertRules/b")
        assert rule is not None
        assert rule.threshold_count == 3

    async def test_an_ended_rule_is_gone_and_its_alerts_stay(self, ledger: Ledger) -> None:
        await ledger.put_alert_rule(AlertRule(name="alertRules/a", title="Y tế"), "an")
        assert await ledger.raise_alert(alert(1))
        await ledger.delete_alert_rule("alertRules/a", "an")
        assert await ledger.alert_rule("alertRules/a") is None
        assert await ledger.alert_rules() == []
        assert (await ledger.alerts(AlertFilter(), 10)).total == 1
        with pytest.raises(NotFound):
            await ledger.delete_alert_rule("alertRules/a", "an")

    async def test_the_same_alert_is_kept_once(self, ledger: Ledger) -> None:
        assert await ledger.raise_alert(alert(1))
        assert await ledger.raise_alert(alert(1)), "the same article again: it is kept"
        assert await ledger.alert(alert(1).name) == alert(1)
        assert await ledger.alert("alerts/none") is None
        other = alert(1)
        other.article = "articles/other"
        assert not await ledger.raise_alert(other), "another article of the same story: it is not"
        assert (await ledger.alerts(AlertFilter(), 10)).total == 1

    async def test_a_rule_that_spoke_lately_stays_silent(self, ledger: Ledger) -> None:
        assert await ledger.raise_alert(alert(0), silent_since=NOW - timedelta(hours=1))
        assert not await ledger.raise_alert(alert(5), silent_since=NOW)
        assert await ledger.raise_alert(alert(5, rule="alertRules/b"), silent_since=NOW), "another rule may speak"
        assert await ledger.raise_alert(alert(6), silent_since=NOW + timedelta(minutes=1))

    async def test_alerts_are_filtered_and_paged_newest_first(self, ledger: Ledger) -> None:
        for number in range(5):
            areas = ["areas/2025-20938"] if number % 2 else ["areas/2025-20944", "areas/2025-20941"]
            await ledger.raise_alert(alert(number, areas=areas))
        critical = alert(7, rule="alertRules/b")
        critical.severity = ALERT_SEVERITY_CRITICAL
        await ledger.raise_alert(critical)
        first = await ledger.alerts(AlertFilter(), 4)
        second = await ledger.alerts(AlertFilter(), 4, first.next_key)
        assert names([*first.alerts, *second.alerts]) == ["007", "004", "003", "002", "001", "000"]
        assert (first.total, second.next_key) == (6, None)
        wanted = AlertFilter(areas=["areas/2025-20938", "areas/2025-20941"])
        assert names((await ledger.alerts(wanted, 10)).alerts) == ["004", "003", "002", "001", "000"]
        assert names((await ledger.alerts(AlertFilter(rule="alertRules/b"), 10)).alerts) == ["007"]
        assert names((await ledger.alerts(AlertFilter(severities=[ALERT_SEVERITY_CRITICAL]), 10)).alerts) == ["007"]
        between = AlertFilter()
        between.time_range.start_time.FromDatetime(NOW + timedelta(minutes=1))
        between.time_range.end_time.FromDatetime(NOW + timedelta(minutes=3))
        assert names((await ledger.alerts(between, 10)).alerts) == ["002", "001"]
        with pytest.raises(InvalidPageToken):
            await ledger.alerts(AlertFilter(), 4, ["x"])

    async def test_the_first_who_acknowledges_is_kept(self, ledger: Ledger) -> None:
        await ledger.raise_alert(alert(1))
        await ledger.raise_alert(alert(2))
        done = await ledger.acknowledge_alert("alerts/001", "an", "đã gọi cho xã")
        again = await ledger.acknowledge_alert("alerts/001", "bình", "")
        assert (done.acknowledge_user, done.note) == ("an", "đã gọi cho xã")
        assert done.acknowledge_time.ToDatetime(UTC) == NOW
        assert again == done
        assert names((await ledger.alerts(AlertFilter(only_open=True), 10)).alerts) == ["002"]
        with pytest.raises(NotFound):
            await ledger.acknowledge_alert("alerts/999", "an", "")
