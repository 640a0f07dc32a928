"""The SQLite file keeps the clauses of `ParcelStore`."""

from __future__ import annotations

from pathlib import Path

from tests.contracts.parcel_store import ParcelStoreContract


class TestSqliteParcelStore(ParcelStoreContract):
    factory = "services.adapters.embedded.parcels_sqlite:SqliteParcelStore"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "parcels.sqlite")

    def fresh(self, place: str) -> str:
        for file in Path(place).parent.glob("parcels.sqlite*"):
            file.unlink()
        return place
