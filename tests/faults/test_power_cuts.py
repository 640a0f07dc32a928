"""The power goes while a store acknowledges writes: nothing acknowledged is missing, nothing is there twice or damaged.

NGOCLINH_FAULT_ROUNDS says how often for each store, by default 3; `make test-faults` does it 50 times.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from tests.faults import checks, device
from tests.faults.cuts import ROUNDS, cuts_of_a_life

pytestmark = [
    pytest.mark.skipif(bool(device.missing()), reason=device.missing() or "-"),
    pytest.mark.timeout(1800),
]

CUTS_IN_A_LIFE = 5
"""Cuts during the life of one writer, which begins with an empty store."""


@dataclass(frozen=True)
class Store:
    """A store under test.

    Attributes:
        adapter: opens a file.
        job: module and arguments of a writer, the file left out, which takes the place of `{}`.
        check: looks into the store of a cut, given what the writer had told before; gives how much is stored.
    """

    adapter: Callable[[Path], Any]
    job: tuple[str, ...]
    check: Callable[[Any, Sequence[str]], Awaitable[int]]


ADAPTERS = "services.adapters.embedded."
STORES = {
    "bus": Store(
        SqliteBus, ("tests.contracts.bus_worker", ADAPTERS + "bus_sqlite:SqliteBus", "{}", "publish"), checks.check_bus
    ),
    "ledger": Store(
        SqliteLedger,
        ("tests.contracts.ledger_worker", ADAPTERS + "ledger_sqlite:SqliteLedger", "{}"),
        checks.check_ledger,
    ),
    "index": Store(SqliteArticleIndex, ("tests.faults.workers", "fill", "{}"), checks.check_index),
    "parcels": Store(
        SqliteParcelStore,
        ("tests.contracts.parcel_store_worker", ADAPTERS + "parcels_sqlite:SqliteParcelStore", "{}"),
        checks.check_parcels,
    ),
}


def filled(job: Sequence[str], disk: device.Disk) -> list[str]:
    """The job of a writer with its file."""
    return [part.format(disk.folder / "store.sqlite") for part in job]


def sound(file: Path) -> None:
    """Nothing in the file is damaged."""
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


@pytest.mark.parametrize("name", STORES)
async def test_a_power_cut_loses_nothing_that_was_acknowledged(name: str, tmp_path: Path) -> None:
    store, rng = STORES[name], random.Random(f"power {name}")
    cuts = acknowledged = kept = 0
    while cuts < ROUNDS:
        with device.disk(tmp_path) as disk:
            jobs = {name: filled(store.job, disk)}
            for image, told in cuts_of_a_life(disk, jobs, min(CUTS_IN_A_LIFE, ROUNDS - cuts), rng):
                with device.mounted(image, tmp_path / "cut") as folder:
                    sound(folder / "store.sqlite")
                    opened = store.adapter(folder / "store.sqlite")
                    try:
                        stored = await store.check(opened, told[name])
                    finally:
                        await opened.close()
                    sound(folder / "store.sqlite")
                assert stored >= len(told[name])
                cuts, acknowledged, kept = cuts + 1, acknowledged + len(told[name]), kept + stored
    sys.stdout.write(f"\n{name}: {cuts} power cuts, {acknowledged} acknowledged, {kept} found, 0 lost, 0 twice\n")


def test_what_is_never_flushed_is_lost_by_a_power_cut(tmp_path: Path) -> None:
    """Without this the test above would show nothing."""
    with device.disk(tmp_path) as disk:
        jobs = {"lines": filled(("tests.faults.workers", "forget", "{}"), disk)}
        images = cuts_of_a_life(disk, jobs, 2, random.Random(1))
        for image, told in images:
            with device.mounted(image, tmp_path / "cut") as folder:
                file = folder / "store.sqlite"
                found = file.read_text().split() if file.exists() else []
            assert len(found) < len(told["lines"])
