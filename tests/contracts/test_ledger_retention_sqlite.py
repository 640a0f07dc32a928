"""The clauses about forgetting of `Ledger` over SQLite."""

from __future__ import annotations

from pathlib import Path

from tests.contracts.ledger_retention import RetentionLedgerContract


class TestSqliteRetention(RetentionLedgerContract):
    factory = "services.adapters.embedded.ledger_sqlite:SqliteLedger"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.db")
