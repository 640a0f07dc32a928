"""The watch-area clauses of `Ledger` over SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from services.adapters.embedded.ledger_sqlite import SqliteLedger
from tests.contracts.ledger_watch_areas import WatchAreaLedgerContract, area


class TestSqliteWatchAreas(WatchAreaLedgerContract):
    factory = "services.adapters.embedded.ledger_sqlite:SqliteLedger"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.db")


async def test_who_and_when_are_kept_of_every_change(tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.db") as ledger:
        await ledger.put_watch_area(area("a", "A", "20944"), "an")
        await ledger.delete_watch_area("watchAreas/a", "bình")
    connection = sqlite3.connect(tmp_path / "ledger.db")
    rows = connection.execute(
        "SELECT user, time > 1.7e15, record IS NULL FROM watch_area_change ORDER BY id"
    ).fetchall()
    connection.close()
    assert rows == [("an", 1, 0), ("bình", 1, 1)]
