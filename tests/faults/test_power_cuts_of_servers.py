"""The power goes under NATS and PostgreSQL while they acknowledge: nothing acknowledged is missing, nothing is twice.

NGOCLINH_FAULT_ROUNDS says how often for each, by default 3; `make test-faults` does it 50 times. There is none under
Elasticsearch: the index is built from the ledger whenever it is missing.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.adapters.cluster.parcels_postgis import PostgisParcelStore
from tests.contracts.nats_places import open_bus
from tests.engines import Nats, Postgres, Server
from tests.faults import checks, device
from tests.faults.cuts import ROUNDS, cuts_of_a_life

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(device.missing()), reason=device.missing() or "-"),
    pytest.mark.timeout(1800),
]

CUTS_IN_A_LIFE = 10
"""Cuts during the life of one server, which begins empty."""


@dataclass(frozen=True)
class Store:
    """One adapter of a server under test.

    Attributes:
        adapter: opens a place on the server.
        place: where it is, given the address of the server.
        job: module and arguments of a writer, the place left out, which takes the place of `{}`.
        check: looks into the store of a cut, given what the writer had told before; gives how much is stored.
    """

    adapter: Callable[[str], Any]
    place: Callable[[Any], str]
    job: tuple[str, ...]
    check: Callable[[Any, Sequence[str]], Awaitable[int]]


def job(module: str, adapter: str, *more: str) -> tuple[str, ...]:
    """The arguments of a writer."""
    return (module, adapter, "{}", *more)


ADAPTERS = "services.adapters.cluster."
BUS = Store(
    open_bus,
    lambda server: f"{server.url} power",
    job("tests.contracts.bus_worker", "tests.contracts.nats_places:open_bus", "publish"),
    checks.check_bus,
)
LEDGER = Store(
    PostgresLedger,
    lambda server: server.dsn("ledger"),
    job("tests.contracts.ledger_worker", ADAPTERS + "ledger_postgres:PostgresLedger"),
    checks.check_ledger,
)
PARCELS = Store(
    PostgisParcelStore,
    lambda server: server.dsn("parcels"),
    job("tests.contracts.parcel_store_worker", ADAPTERS + "parcels_postgis:PostgisParcelStore"),
    checks.check_parcels,
)
SERVERS: dict[type[Nats] | type[Postgres], tuple[int, dict[str, Store]]] = {
    Nats: (64, {"bus": BUS}),
    Postgres: (384, {"ledger": LEDGER, "parcels": PARCELS}),
}
"""Size of the disk in MB, and the stores, by server."""


@contextmanager
def serving(kind: type[Nats] | type[Postgres], disk: Path) -> Iterator[Any]:
    """A server whose data lie on a disk; it ends as by a cut."""
    server = kind(disk / "data")
    try:
        if server.user:
            shutil.chown(disk, server.user)
        yield server.start()
    finally:
        if server.runs:
            server.kill()
        server.stop()


async def look(server: Server, stores: dict[str, Store], told: Any, acknowledged: Counter[str]) -> None:
    """Check every store of a server that came up after a cut, and count."""
    for name, store in stores.items():
        opened = store.adapter(store.place(server))
        try:
            stored = await store.check(opened, told[name])
        finally:
            await opened.close()
        assert stored >= len(told[name])
        acknowledged[name] += len(told[name])


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_power_cut_under_a_server_loses_nothing_that_was_acknowledged(
    kind: type[Nats] | type[Postgres], room: Path
) -> None:
    size_mb, stores = SERVERS[kind]
    rng = random.Random(f"power {kind.__name__}")
    cuts = 0
    acknowledged: Counter[str] = Counter()
    while cuts < ROUNDS:
        with device.disk(room, size_mb) as disk:
            with serving(kind, disk.folder) as server:
                for name in stores if isinstance(server, Postgres) else ():
                    server.sql(f"CREATE DATABASE {name}")
                device.run("sync", "-f", disk.folder)  # the fixture makes a cluster without
                jobs = {
                    name: [part.format(store.place(server)) for part in store.job] for name, store in stores.items()
                }
                images = cuts_of_a_life(disk, jobs, min(CUTS_IN_A_LIFE, ROUNDS - cuts), rng)
            for image, told in images:
                with device.mounted(image, room / "cut") as folder, serving(kind, folder) as server:
                    await look(server, stores, told, acknowledged)
                image.unlink()
                cuts += 1
    told_of = ", ".join(f"{name} {count}" for name, count in acknowledged.items())
    sys.stdout.write(f"\n{kind.__name__}: {cuts} power cuts, acknowledged: {told_of}; 0 lost, 0 twice\n")
