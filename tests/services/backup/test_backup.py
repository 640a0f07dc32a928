"""A backup of a working office, and what comes back of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from services import bootstrap
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.backup.make import make
from services.backup.restore import finish, restore
from services.core.errors import Conflict, InvalidField
from services.media.evidence import EvidenceStore
from services.supervisor import Lock
from tests.contracts.articles import article, collected
from tests.e2e.program import ngoclinh
from tests.services.backup.office import everything, fill, picture, rows, settings_for


async def test_after_backup_wipe_and_restore_every_row_and_file_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await fill(data)
    before = everything(data)
    assert len(before) == 4 + 20 + 2
    counts = {
        name: {table: count for table, (count, _) in rows(data / f"{name}.sqlite").items()}
        for name in ("ledger", "parcels")
    }
    made = ngoclinh("--data-dir", data, "--lang", "en", "backup", tmp_path / "b.ngoclinh")
    assert made.returncode == 0, made.stderr
    assert "The search index is not part of it" in made.stderr
    with zipfile.ZipFile(tmp_path / "b.ngoclinh") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert {name: manifest["stores"][name]["rows"] for name in counts} == counts
    shutil.rmtree(data)
    back = ngoclinh("--data-dir", data, "--lang", "vi", "restore", tmp_path / "b.ngoclinh")
    assert back.returncode == 0, back.stderr
    assert "Đã khôi phục bản sao lưu" in back.stderr
    assert everything(data) == before
    async with bootstrap.running(settings_for(data), doors=False) as program:
        await bootstrap.drain(program.stores.bus)
        assert len([None async for _ in program.stores.ledger.replay()]) == 40


async def test_what_was_there_before_a_restore_is_kept_beside(tmp_path: Path) -> None:
    data, settings = tmp_path / "data", settings_for(tmp_path / "data")
    await fill(data, articles=2)
    make(settings, tmp_path / "b")
    async with bootstrap.running(settings, doors=False, crawl=False):
        pass  # an index, too
    ledger = SqliteLedger(data / "ledger.sqlite")
    await ledger.record_collected(collected(article("later")))
    await ledger.close()
    later = rows(data / "ledger.sqlite")
    _, kept = await asyncio.to_thread(restore, settings, tmp_path / "b")
    assert rows(kept / "ledger.sqlite") == later != rows(data / "ledger.sqlite")
    assert (kept / "index.sqlite").exists()
    assert not (data / "index.sqlite").exists()


async def test_a_backup_under_writes_has_all_that_was_acknowledged_before_it_and_all_evidence_that_it_names(
    tmp_path: Path,
) -> None:
    data, settings = tmp_path / "data", settings_for(tmp_path / "data")
    acknowledged: list[str] = []
    marks: list[int] = []

    async def write(program: bootstrap.Running) -> None:
        evidence = EvidenceStore(data / "evidence")
        for number in range(100_000):
            file = await evidence.receive(picture(number))
            event = collected(article(f"w{number}", evidence=[file]), day=number / 1000)
            await program.stores.bus.publish("media.collected", event, f"w{number}")
            acknowledged.append(event.article.name)

    async with bootstrap.running(settings, doors=False) as program:
        writing = asyncio.create_task(write(program))
        for turn in range(2):
            while len(acknowledged) < 30 * (turn + 1):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            marks.append(len(acknowledged))
            await asyncio.to_thread(make, settings, tmp_path / f"b{turn}")
            assert len(acknowledged) > marks[-1], "the program went on meanwhile"
        writing.cancel()
    for turn, mark in enumerate(marks):
        again = settings_for(tmp_path / f"again{turn}")
        await asyncio.to_thread(restore, again, tmp_path / f"b{turn}")
        with closing(sqlite3.connect(again.data_dir / "bus.sqlite", isolation_level=None)) as bus:
            bus.execute("UPDATE message SET due = 0")  # instead of waiting until the leases of then have ended
        async with bootstrap.running(again, doors=False) as program:
            assert not await bootstrap.drain(program.stores.bus)
            stored = {found.name: found async for found in program.stores.ledger.replay()}
        assert set(acknowledged[:mark]) <= set(stored)
        assert all(found.analysis.HasField("analyze_time") for found in stored.values())
        evidence = EvidenceStore(again.data_dir / "evidence")
        for found in stored.values():
            for file in found.evidence:
                assert await evidence.describe(file.sha256) == file


def test_a_running_program_and_a_file_that_is_there_are_left_alone(tmp_path: Path) -> None:
    data, settings = tmp_path / "data", settings_for(tmp_path / "data")
    asyncio.run(fill(data, articles=2))
    make(settings, tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    with pytest.raises(InvalidField, match="there already"):
        make(settings, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
    before = everything(data)
    with Lock(data / "lock"), pytest.raises(Conflict, match="runs on the folder"):
        restore(settings, tmp_path / "b")
    assert everything(data) == before


def test_a_backup_holds_no_secret_of_the_settings(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data", **{"nats.urls": ["nats://user:geheim@bus.example:4222"]})
    asyncio.run(fill(settings.data_dir, articles=1))
    make(settings, tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "b") as archive:
        text = archive.read("settings.json").decode()
    assert "nats://bus.example:4222" in text
    assert "geheim" not in text
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_a_restore_that_dies_at_any_step_is_ended_by_who_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    asyncio.run(fill(source, articles=3))
    (source / "uploads" / "abc234").unlink()  # a folder that the backup does not have
    make(settings_for(source), tmp_path / "b")
    wanted = everything(source)
    rename, steps = Path.rename, 0
    while True:
        data = tmp_path / f"data{steps}"
        asyncio.run(fill(data, articles=2))
        before, left = everything(data), steps

        def dying(path: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", dying)
            try:
                restore(settings_for(data), tmp_path / "b")
            except KeyboardInterrupt:
                died = True
            else:
                died = False
        begun = (data / ".restored").exists() or not died
        finish(data)
        assert everything(data) == (wanted if begun else before)
        if not died:
            break
        steps += 1
    assert steps > 10
