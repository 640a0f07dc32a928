"""An office with something in every store, and what its folder holds, for comparing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

from crawlers import catalogue
from crawlers.frontier import Frontier
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.core import config
from services.core.config import Settings
from services.media.evidence import EvidenceStore
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.parcel_store_worker import a_finding, a_parcel, put

SOURCE = next(Path(catalogue.__file__).with_name("catalogue").glob("*.toml"))
"""A source file of an operator: one of the package's."""


def settings_for(folder: Path, **flags: Any) -> Settings:
    given = {"data_dir": folder, "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False} | flags
    return config.load(environ={}, flags=given)


async def picture(number: int, size: int = 500) -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n" + number.to_bytes(8, "big") * (size // 8)


async def fill(folder: Path, articles: int = 20) -> None:
    """Put something into every store."""
    ledger, bus = SqliteLedger(folder / "ledger.sqlite"), SqliteBus(folder / "bus.sqlite")
    parcels, evidence = SqliteParcelStore(folder / "parcels.sqlite"), EvidenceStore(folder / "evidence")
    try:
        for number in range(articles):
            file = await evidence.receive(picture(number))
            made = collected(article(f"a{number}", evidence=[file]), day=number)
            recorded = await ledger.record_collected(made)
            if number % 2:
                await ledger.record_analyzed(analyzed(recorded.article.name))
            await bus.publish("media.collected", collected(article(f"waits{number}")), f"k{number}")
        await put(parcels, 1, [a_parcel(record) for record in range(30)], [a_finding("f1", a_parcel(1))], owner="Bịa")
    finally:
        for store in (ledger, bus, parcels):
            await store.close()
    frontier = Frontier(folder / "frontier.sqlite")
    frontier.sync([])
    frontier.close()
    (folder / "sources").mkdir()
    (folder / "sources" / SOURCE.name).write_bytes(SOURCE.read_bytes())
    (folder / "uploads").mkdir()
    (folder / "uploads" / "abc234").write_bytes(b"waits for its import")
    (folder / "uploads" / "abc235.part").write_bytes(b"did not arrive")


def rows(path: Path) -> dict[str, tuple[int, str]]:
    """Number of rows and hash of all of them, by table."""
    found: dict[str, tuple[int, str]] = {}
    if not path.exists():
        return found
    with closing(sqlite3.connect(path)) as file:
        listed = (
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        for (name,) in file.execute(listed).fetchall():
            lines = sorted(repr(row) for row in file.execute(f'SELECT * FROM "{name}"'))
            found[name] = (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest())
    return found


def everything(folder: Path) -> dict[str, object]:
    """All rows of all stores that are kept, all files of all folders that are."""
    stores: dict[str, object] = {
        name: rows(folder / f"{name}.sqlite") for name in ("frontier", "bus", "ledger", "parcels")
    }
    files = (path for part in ("evidence", "uploads", "sources") for path in (folder / part).rglob("*"))
    return stores | {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file() and path.suffix != ".part"
    }
