"""What a process does by itself again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry

from services import chores
from services.core.clock import to_timestamp
from services.core.config import Settings
from services.roles import ALL, ROLES
from services.stores import open_stores
from tests.contracts.articles import START, article, collected

NOW = datetime.now(UTC)


async def test_audit_entries_go_after_their_time_and_not_before(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "auth": {"audit_days": 100}})
    stores = open_stores(settings)
    for days in (99, 101):
        time = to_timestamp(NOW - timedelta(days=days))
        await stores.ledger.append_audit(AuditEntry(time=time, user="lan", method=f"{days} days ago"))
    for work in chores.again(settings, stores, ALL, lambda: NOW):
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
        for work in chores.again(settings, stores, ALL, lambda years=years: NOW + timedelta(days=366 * years)):
            await work.step()
    assert len((await stores.ledger.audit_entries(AuditFilter(), 10)).entries) == 1
    await stores.ledger.close()


def test_only_who_keeps_the_index_forgets(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    stores = open_stores(settings)
    busy = [name for name, role in ROLES.items() if chores.again(settings, stores, role, lambda: NOW)]
    assert busy == ["worker"]
