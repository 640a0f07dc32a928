"""The power goes while a store acknowledges writes: nothing acknowledged is missing, nothing is there twice or damaged.

NGOCLINH_FAULT_ROUNDS says how often for each store, by default 3; `make test-faults` does it 50 times.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
from ngoclinh.land.v1.land_service_pb2 import ParcelFilter
from ngoclinh.land.v1.parcel_pb2 import ImportState
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from tests.conftest import ROOT
from tests.contracts.articles import article, collected
from tests.contracts.bus_worker import submission
from tests.contracts.parcel_store import of_import
from tests.contracts.parcel_store_worker import PARCELS_IN_AN_IMPORT, a_parcel
from tests.faults import device

pytestmark = [
    pytest.mark.skipif(bool(device.missing()), reason=device.missing() or "-"),
    pytest.mark.timeout(900),
]

ROUNDS = int(os.environ.get("NGOCLINH_FAULT_ROUNDS") or 3)
CUTS_IN_A_LIFE = 5
"""Cuts during the life of one writer, which begins with an empty store."""
BETWEEN_S = (0.01, 0.3)
"""Shortest and longest time in seconds between two cuts."""


async def check_bus(file: Path, told: Sequence[str]) -> int:
    """Every event lies once, in order, and its key is still known; how many there are."""
    async with SqliteBus(file) as bus:
        depth = (await bus.depth())["media.submission", "ledger"]
        keys: list[str] = []
        async with aclosing(bus.consume("media.submission", "ledger")) as deliveries:  # type: ignore[type-var]
            while len(keys) < depth:
                keys.append((await anext(deliveries)).key)
        assert keys == [f"k{number}" for number in range(depth)]
        assert keys[: len(told)] == list(told)
        await bus.publish("media.submission", submission(keys[-1]), keys[-1])
        assert (await bus.depth())["media.submission", "ledger"] == depth
    return depth


async def check_ledger(file: Path, told: Sequence[str]) -> int:
    """Every article is there once with its analysis and its correction; how many there are."""
    async with SqliteLedger(file) as ledger:
        stored = [kept async for kept in ledger.replay()]
        names = [article(f"c{number}").name for number in range(len(stored))]
        assert sorted(kept.name for kept in stored) == sorted(names)
        assert names[: len(told)] == list(told)
        done = {kept.name for kept in stored if kept.analysis.stance.label == "critical"}
        assert set(told) <= done
        assert not (await ledger.record_collected(collected(article("c0")))).changed
    return len(stored)


async def check_index(file: Path, told: Sequence[str]) -> int:
    """Every article is found once, by its words too; how many there are."""
    async with SqliteArticleIndex(file) as index:
        page = await index.search(ArticleFilter(), 100_000)
        names = {article(f"c{number}").name for number in range(page.total)}
        assert Counter(found.name for found in page.articles) == Counter(names)
        assert page.total >= len(told)
        assert (await index.search(ArticleFilter(query="nội dung bài"), 1)).total == page.total
    return page.total


async def check_parcels(file: Path, told: Sequence[str]) -> int:
    """Whole imports only, each with its findings, and all that were told; how many there are."""
    store = SqliteParcelStore(file)
    try:
        imports, _ = await store.imports(100_000)
        done = [one.name for one in imports if one.state == ImportState.IMPORT_STATE_COMMITTED]
        assert sorted(done) == sorted(f"imports/i{number + 1}" for number in range(len(done)))
        assert len(done) >= len(told)
        if done:
            assert len((await store.parcels(ParcelFilter(), 1000, None)).parcels) == PARCELS_IN_AN_IMPORT
            assert len(await store.history(a_parcel(0).name)) == len(done)
        for name in done[:20]:
            found = await store.findings(of_import(name), 1000, None)
            assert len(found.findings) == PARCELS_IN_AN_IMPORT
        return len(done)
    finally:
        await store.close()


@dataclass(frozen=True)
class Store:
    """A store under test.

    Attributes:
        job: module and arguments of a writer, the file left out, which takes the place of `{}`.
        check: looks into the file of a cut, given what the writer had told before; gives how much is stored.
    """

    job: tuple[str, ...]
    check: Callable[[Path, Sequence[str]], Awaitable[int]]


ADAPTERS = "services.adapters.embedded."
STORES = {
    "bus": Store(("tests.contracts.bus_worker", ADAPTERS + "bus_sqlite:SqliteBus", "{}", "publish"), check_bus),
    "ledger": Store(("tests.contracts.ledger_worker", ADAPTERS + "ledger_sqlite:SqliteLedger", "{}"), check_ledger),
    "index": Store(("tests.faults.workers", "fill", "{}"), check_index),
    "parcels": Store(
        ("tests.contracts.parcel_store_worker", ADAPTERS + "parcels_sqlite:SqliteParcelStore", "{}"), check_parcels
    ),
}


def cuts_of_a_life(
    disk: device.Disk, job: Sequence[str], cuts: int, rng: random.Random
) -> list[tuple[Path, list[str]]]:
    """Images of the disk at random moments of a writer's work, each with what the writer had told before."""
    file = disk.folder / "store.sqlite"
    command = [sys.executable, "-m", *(part.format(file) for part in job)]
    told: list[str] = []
    images = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout
        lines = (line.strip() for line in writer.stdout)
        told.append(next(lines))
        listener = threading.Thread(target=told.extend, args=(lines,), daemon=True)
        listener.start()
        try:
            for _ in range(cuts):
                time.sleep(rng.uniform(*BETWEEN_S))
                before = told[:]
                images.append((disk.cut(), before))
            assert writer.poll() is None, "it wrote until the end"
        finally:
            writer.kill()
            listener.join(10)
    return images


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
            for image, told in cuts_of_a_life(disk, store.job, min(CUTS_IN_A_LIFE, ROUNDS - cuts), rng):
                with device.mounted(image, tmp_path / "cut") as folder:
                    sound(folder / "store.sqlite")
                    stored = await store.check(folder / "store.sqlite", told)
                    sound(folder / "store.sqlite")
                assert stored >= len(told)
                cuts, acknowledged, kept = cuts + 1, acknowledged + len(told), kept + stored
    sys.stdout.write(f"{name}: {cuts} power cuts, {acknowledged} acknowledged, {kept} found, 0 lost, 0 twice\n")


def test_what_is_never_flushed_is_lost_by_a_power_cut(tmp_path: Path) -> None:
    """Without this the test above would show nothing."""
    with device.disk(tmp_path) as disk:
        images = cuts_of_a_life(disk, ("tests.faults.workers", "forget", "{}"), 2, random.Random(1))
        for image, told in images:
            with device.mounted(image, tmp_path / "cut") as folder:
                file = folder / "store.sqlite"
                found = file.read_text().split() if file.exists() else []
            assert len(found) < len(told)
