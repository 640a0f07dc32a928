"""The clauses about forgetting of `Ledger` over PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.ledger_retention import RetentionLedgerContract
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgresRetention(RetentionLedgerContract):
    factory = "services.adapters.cluster.ledger_postgres:PostgresLedger"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.url = postgres.database()

    def location(self, tmp_path: Path) -> str:
        return self.url
