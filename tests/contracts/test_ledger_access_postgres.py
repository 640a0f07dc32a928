"""The access clauses of `Ledger` over PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from services.adapters.cluster.ledger_postgres import PostgresLedger
from tests.contracts.ledger_access import AccessLedgerContract, entry
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgresAccess(AccessLedgerContract):
    factory = "services.adapters.cluster.ledger_postgres:PostgresLedger"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.url = postgres.database()

    def location(self, tmp_path: Path) -> str:
        return self.url


@pytest.mark.parametrize("statement", ["""UPDATE ledger.audit SET "user" = 'an'""", "DELETE FROM ledger.audit"])
async def test_the_database_itself_refuses_to_change_what_was_done(postgres: Postgres, statement: str) -> None:
    url = postgres.database()
    async with PostgresLedger(url) as ledger:
        await ledger.append_audit(entry("hoa"))
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute(statement)
