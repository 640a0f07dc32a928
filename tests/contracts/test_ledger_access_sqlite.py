"""The access clauses of `Ledger` over SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.adapters.embedded.ledger_sqlite import SqliteLedger
from tests.contracts.ledger_access import AccessLedgerContract, entry


class TestSqliteAccess(AccessLedgerContract):
    factory = "services.adapters.embedded.ledger_sqlite:SqliteLedger"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.db")


@pytest.mark.parametrize("statement", ["UPDATE audit SET user = 'an'", "DELETE FROM audit"])
async def test_the_file_itself_refuses_to_change_what_was_done(tmp_path: Path, statement: str) -> None:
    async with SqliteLedger(tmp_path / "ledger.db") as ledger:
        await ledger.append_audit(entry("hoa"))
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with pytest.raises(sqlite3.IntegrityError, match="audit is"):
        connection.execute(statement)
    connection.close()
