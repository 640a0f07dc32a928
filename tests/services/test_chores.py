"""What a process does by itself again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_BLOCKED, SOURCE_STATE_PAUSED, Source

from services import chores
from services.core.clock import Clock, to_timestamp
from services.core.config import Settings
from services.roles import ALL, ROLES
from services.stores import open_stores
from services.upkeep import Outcome
from tests.contracts.articles import START, article, collected
from tests.contracts.bus import take
from tests.waiting import until

NOW = datetime.now(UTC)


async def test_audit_entries_go_after_their_time_and_not_before(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "auth": {"audit_days": 100}})
    stores = open_stores(settings)
    for days in (99, 101):
        time = to_timestamp(NOW - timedelta(days=days))
        await stores.ledger.append_audit(AuditEntry(time=time, user="lan", method=f"{days} days ago"))
    for work in chores.again(settings, stores, ALL, lambda: NOW).work:
        await work.step()
    kept = (await stores.ledger.audit_entries(AuditFilter(), 10)).entries
    assert [entry.method for entry in kept] == ["99 days ago"]
    await stores.ledger.close()


async def test_nothing_goes_while_the_clock_is_years_off(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    stores = open_stores(settings)
    await stores.ledger.record_collected(collected(article("a"), day=(NOW - START) / timedelta(days=1)))
    await stores.ledger.append_audit(AuditEntry(time=to_timestamp(NOW - timedelta(days=100)), user="lan"))
    for years in (-3, 3):
        for work in chores.again(settings, stores, ALL, lambda years=years: NOW + timedelta(days=366 * years)).work:
            await work.step()
    assert len((await stores.ledger.audit_entries(AuditFilter(), 10)).entries) == 1
    await stores.ledger.close()


def test_only_who_keeps_the_index_forgets(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    stores = open_stores(settings)
    busy = [name for name, role in ROLES.items() if chores.again(settings, stores, role, lambda: NOW).work]
    assert busy == ["worker"]


async def outcome(settings: Settings, name: str, clock: Clock = lambda: NOW) -> Outcome | None:
    """How a chore ends that is asked for now."""
    stores = open_stores(settings)
    again = chores.again(settings, stores, ALL, clock)
    again.ask(name)
    await until(lambda: not again.told[name].running)
    for store in (stores.bus, stores.ledger, stores.index, stores.parcels):
        await store.close()
    return again.told[name].outcome


async def test_what_forgetting_refused_and_why_is_on_record(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    done = await outcome(settings, "retention")
    assert done is not None
    assert (done.state, "0 articles erased" in done.en) == ("done", True)
    refused = await outcome(settings, "retention", lambda: NOW - timedelta(days=400))
    assert refused is not None
    assert (refused.state, "is behind what is stored" in refused.en) == ("refused", True)
    stores = open_stores(settings)
    later = chores.again(settings, stores, ALL, lambda: NOW).told["retention"]
    assert later.outcome == refused, "also after the next start"


async def test_sources_are_checked_by_the_crawler_unless_they_are_paused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    stores = open_stores(settings)
    for id_, state in (("a", SOURCE_STATE_ACTIVE), ("b", SOURCE_STATE_PAUSED), ("c", SOURCE_STATE_BLOCKED)):
        await stores.ledger.record_source(Source(name=f"sources/{id_}", state=state))
    done = await outcome(settings, "sources")
    assert done is not None
    assert (done.state, done.en[:24]) == ("done", "Asked for a check of 2 s")
    bus = open_stores(settings).bus
    asked = {(await take(bus, "source.command", "crawler")).event.check_source for _ in range(2)}
    assert asked == {"sources/a", "sources/c"}
    off = Settings.model_validate({"data_dir": tmp_path, "crawler": {"check_hours": 0}})
    assert "sources" not in chores.again(off, stores, ALL, lambda: NOW).told
