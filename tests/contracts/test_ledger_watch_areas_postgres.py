"""The watch-area clauses of `Ledger` over PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.adapters.cluster.ledger_postgres import PostgresLedger
from tests.contracts.ledger_watch_areas import WatchAreaLedgerContract, area
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgresWatchAreas(WatchAreaLedgerContract):
    factory = "services.adapters.cluster.ledger_postgres:PostgresLedger"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.url = postgres.database()

    def location(self, tmp_path: Path) -> str:
        return self.url


async def test_who_and_when_are_kept_of_every_change(postgres: Postgres) -> None:
    url = postgres.database()
    async with PostgresLedger(url) as ledger:
        await ledger.put_watch_area(area("a", "A", "20944"), "an")
        await ledger.delete_watch_area("watchAreas/a", "bình")
    database = url.rpartition("/")[2]
    rows = postgres.sql(
        'SELECT "user", time > 1.7e15, record IS NULL FROM ledger.watch_area_change ORDER BY id', database
    )
    assert rows.splitlines() == ["an|t|f", "bình|t|t"]
