"""The alert clauses of `Ledger` over PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter

from services.adapters.cluster.ledger_postgres import PostgresLedger
from tests.contracts.ledger_alerts import NOW, AlertLedgerContract, alert
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgresAlerts(AlertLedgerContract):
    factory = "services.adapters.cluster.ledger_postgres:PostgresLedger"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.server = postgres

    def location(self, tmp_path: Path) -> str:
        return self.server.database()


async def test_of_workers_that_would_raise_at_once_one_speaks(postgres: Postgres) -> None:
    url = postgres.database()
    async with PostgresLedger(url) as one, PostgresLedger(url) as other:
        raised = await asyncio.gather(
            *(
                ledger.raise_alert(alert(number), silent_since=NOW - timedelta(hours=1))
                for number, ledger in enumerate((one, other) * 8)
            )
        )
        assert sum(raised) == 1
        assert (await one.alerts(AlertFilter(), 10)).total == 1
