"""The SQLite file keeps the clauses of `ParcelStore`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from google.protobuf.message import Message
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter

from services.adapters.embedded import parcel_sql as sql
from tests.contracts.parcel_store import MEASURED, ParcelStoreContract
from tests.contracts.parcel_store_worker import AREA, a_finding, a_parcel, put


class TestSqliteParcelStore(ParcelStoreContract):
    factory = "services.adapters.embedded.parcels_sqlite:SqliteParcelStore"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "parcels.sqlite")

    def fresh(self, place: str) -> str:
        for file in Path(place).parent.glob("parcels.sqlite*"):
            file.unlink()
        return place

    def unmeasure(self, place: str) -> None:
        with sqlite3.connect(place) as file:
            for column in MEASURED:
                file.execute(f"ALTER TABLE summary DROP COLUMN {column}")
            [[version]] = file.execute("PRAGMA user_version").fetchall()
            file.execute(f"PRAGMA user_version = {version - 1}")
        file.close()


@pytest.mark.parametrize(
    "filter_",
    [
        ParcelFilter(areas=[AREA]),
        ParcelFilter(commune="areas/2004-20944", sheet="3", number="1"),
        ParcelFilter(bounds=a_parcel(1).bounds),
        ParcelFilter(**{"import": "imports/i1"}),
        FindingFilter(**{"import": "imports/i1"}),
        FindingFilter(parcel=a_parcel(1).name),
    ],
)
async def test_a_filter_is_answered_from_an_index(tmp_path: Path, filter_: Message) -> None:
    store = TestSqliteParcelStore().open(str(tmp_path / "parcels.sqlite"))
    await put(store, 1, [a_parcel(number) for number in range(300)], [])
    await store.close()
    condition, tables = (
        (sql.parcel_condition, sql.HEADS)
        if isinstance(filter_, ParcelFilter)
        else (sql.finding_condition, sql.FINDINGS)
    )
    where, values = condition(filter_)  # type: ignore[operator]
    with sqlite3.connect(tmp_path / "parcels.sqlite") as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN SELECT count(*) FROM {tables} WHERE {where}", values).fetchall()
    db.close()
    steps = [step for *_, step in plan]
    assert not [step for step in steps if step.startswith("SCAN") and not step.startswith("SCAN b ")], steps


async def test_findings_of_an_area_are_not_tried_with_all_its_parcels(tmp_path: Path) -> None:
    store = TestSqliteParcelStore().open(str(tmp_path / "parcels.sqlite"))
    await put(store, 1, [a_parcel(number) for number in range(300)], [a_finding("f", a_parcel(1))])
    await store.close()
    where, values = sql.finding_condition(FindingFilter(areas=[AREA]))
    page = f"SELECT f.finding FROM {sql.FINDINGS} WHERE {where} ORDER BY f.rank, f.rule_code, f.name LIMIT 50"
    with sqlite3.connect(tmp_path / "parcels.sqlite") as db:
        steps = [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {page}", values).fetchall()]
    db.close()
    assert "version_import (import=? AND name=?" in " ".join(steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
