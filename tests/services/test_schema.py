"""A part waits for the migration of its release, and for nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.adapters.cluster.postgres import Postgres
from services.core.config import Settings
from services.roles import ROLES
from services.schema import until_migrated
from tests.engines.base import free_port
from tests.engines.postgres import Postgres as Server

SILENT_S = 60


def settings(folder: Path, url: str) -> Settings:
    return Settings.model_validate(
        {"mode": "cluster", "data_dir": folder, "postgres": {"url": url, "migrate": False, "connect_timeout_s": 2}}
    )


@pytest.mark.cluster
async def test_a_part_with_a_database_waits_for_both_schemas(postgres: Server, tmp_path: Path) -> None:
    found = settings(tmp_path, postgres.database())
    waiting = asyncio.create_task(until_migrated(found, ROLES["gateway"], asyncio.Event()))
    for schema in ("ledger", "parcels"):
        done, _ = await asyncio.wait({waiting}, timeout=3)
        assert not done, f"it did not wait for {schema}"
        made = Postgres(found.postgres, schema)
        await made.migrate()
        await made.close()
    await asyncio.wait_for(waiting, SILENT_S)


@pytest.mark.cluster
async def test_it_stops_waiting_when_it_is_told_to_end(postgres: Server, tmp_path: Path) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(until_migrated(settings(tmp_path, postgres.database()), ROLES["land"], stop))
    done, _ = await asyncio.wait({waiting}, timeout=2)
    assert not done
    stop.set()
    await asyncio.wait_for(waiting, SILENT_S)


async def test_a_database_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    await asyncio.wait_for(until_migrated(settings(tmp_path, nobody), ROLES["worker"], asyncio.Event()), SILENT_S)


@pytest.mark.parametrize("role", ["sentiment", "crawler"])
async def test_a_part_without_a_database_does_not_look_for_one(role: str, tmp_path: Path) -> None:
    await until_migrated(settings(tmp_path, "postgresql://nobody@192.0.2.1/nothing"), ROLES[role], asyncio.Event())
