"""A backup of the cluster mode: ledger and parcels by pg_dump, evidence after them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.adapters.cluster.parcels_postgis import PostgisParcelStore
from services.backup.make import make
from services.backup.restore import restore
from services.core.errors import Conflict, Unavailable
from services.media.evidence import EvidenceStore
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.parcel_store_worker import a_parcel, put
from tests.engines import Postgres
from tests.services.backup.office import picture, settings_for

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump of postgresql-client"),
]


async def fill(url: str, folder: Path) -> None:
    evidence = EvidenceStore(folder / "evidence")
    async with PostgresLedger(url) as ledger:
        for number in range(10):
            file = await evidence.receive(picture(number))
            recorded = await ledger.record_collected(collected(article(f"a{number}", evidence=[file]), day=number))
            await ledger.record_analyzed(analyzed(recorded.article.name))
    store = PostgisParcelStore(url)
    await put(store, 1, [a_parcel(record) for record in range(20)], [])
    await store.close()


async def add(url: str) -> None:
    async with PostgresLedger(url) as ledger:
        await ledger.record_collected(collected(article("later")))


def tables(postgres: Postgres, database: str) -> dict[str, str]:
    """Number of rows and hash of all of them, by table."""
    names = postgres.sql(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('ledger', 'parcels') ORDER BY 1",
        database,
    ).split()
    query = "SELECT count(*) || ' ' || coalesce(md5(string_agg(line::text, chr(10) ORDER BY line::text)), '') FROM {} AS line"
    return {name: postgres.sql(query.format(name), database) for name in names}


def test_after_a_restore_every_row_of_every_table_is_as_it_was(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    database = url.rpartition("/")[2]
    flags = {"stores.ledger": "cluster", "stores.parcels": "cluster", "postgres.url": url}
    settings = settings_for(tmp_path / "data", **flags)
    asyncio.run(fill(url, settings.data_dir))
    before = tables(postgres, database)
    assert {"ledger.article", "parcels.version"} <= set(before)
    manifest = make(settings, tmp_path / "b")
    assert sum(name.startswith("evidence/") for name in manifest.files) == 10
    asyncio.run(add(url))
    assert tables(postgres, database) != before
    shutil.rmtree(settings.data_dir)
    restore(settings, tmp_path / "b")
    assert tables(postgres, database) == before
    assert len(list((settings.data_dir / "evidence").glob("*/*"))) == 10
    asyncio.run(add(url))


def test_a_backup_of_the_other_mode_and_a_server_that_is_not_there_are_told(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    flags = {"stores.ledger": "cluster", "stores.parcels": "cluster", "postgres.url": url}
    settings = settings_for(tmp_path / "data", **flags)
    asyncio.run(fill(url, settings.data_dir))
    make(settings, tmp_path / "b")
    with pytest.raises(Conflict, match="another mode"):
        restore(settings_for(tmp_path / "embedded"), tmp_path / "b")
    away = settings_for(tmp_path / "data", **flags | {"postgres.url": "postgresql://127.0.0.1:1/ngoclinh"})
    with pytest.raises(Unavailable, match="pg_dump"):
        make(away, tmp_path / "c")
    assert not (tmp_path / "c").exists()
