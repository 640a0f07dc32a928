"""The SQLite ledger keeps the clauses of `Ledger`."""

from __future__ import annotations

from pathlib import Path

from tests.contracts.ledger import LedgerContract


class TestSqliteLedger(LedgerContract):
    factory = "services.adapters.embedded.ledger_sqlite:SqliteLedger"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.sqlite")
