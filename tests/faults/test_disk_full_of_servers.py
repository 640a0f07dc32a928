"""No room on the disk of NATS and of PostgreSQL: told in words, nothing acknowledged is lost, it goes on when there is room.

Either server gives up when it cannot write; whoever makes room starts it again. There is none under Elasticsearch: the
index is built from the ledger whenever it is missing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines import Nats, Postgres
from tests.faults import device
from tests.faults.test_disk_full import Write, fill, to_bus, to_ledger, to_parcels
from tests.faults.test_power_cuts_of_servers import BUS, LEDGER, PARCELS, Store

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(device.missing()), reason=device.missing() or "-"),
    pytest.mark.timeout(900),
]

LEFT_MB = 4
"""Room that is left when the filling begins."""
CASES: dict[str, tuple[type[Nats] | type[Postgres], int, Store, Write]] = {
    "bus": (Nats, 64, BUS, to_bus),
    "ledger": (Postgres, 256, LEDGER, to_ledger),
    "parcels": (Postgres, 256, PARCELS, to_parcels),
}
"""By store: its server, size of its disk in MB, the adapter, and what is written."""


@pytest.mark.parametrize("name", CASES)
async def test_a_full_disk_under_a_server_loses_nothing_and_passes(name: str, room: Path) -> None:
    kind, size_mb, store, write = CASES[name]
    with device.memory(room / "disk", f"{size_mb}m") as disk:
        server = kind(disk / "data")
        if server.user:
            shutil.chown(disk, server.user)
        try:
            server.start()
            if isinstance(server, Postgres):
                server.sql(f"CREATE DATABASE {name}")
            opened = store.adapter(store.place(server))
            told = [await write(opened, number) for number in range(3)]
            (disk / "else").write_bytes(bytes(shutil.disk_usage(disk).free - (LEFT_MB << 20)))
            more, error = await fill(lambda number: write(opened, number), len(told))
            told += more
            assert str(server.port) in error.vi
            assert str(server.port) in error.en
            (disk / "else").unlink()
            if server.runs:
                server.kill()
            server.start()
            begun = len(told)  # what was refused is written again, as a worker does
            told += [await write(opened, number) for number in range(begun, begun + 3)]
            assert await store.check(opened, told) == len(told)
            await opened.close()
        finally:
            if server.runs:
                server.kill()
            server.stop()
