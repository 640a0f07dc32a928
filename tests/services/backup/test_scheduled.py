"""The daily backup."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.backup.restore import restore
from services.backup.scheduled import kept, last_due, run
from tests.services.backup.office import everything, fill, settings_for

MORNING = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)
"""Half past two in Vietnam on the 25th."""


def test_one_is_made_each_day_after_its_hour_and_the_oldest_go(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    settings = settings_for(tmp_path / "data", **{"backup.folder": folder, "backup.keep": 3})
    asyncio.run(fill(settings.data_dir, articles=2))
    folder.mkdir()
    (folder / "by-hand.ngoclinh").write_bytes(b"x")
    made = []
    for hour in range(5 * 24):
        now = MORNING + timedelta(hours=hour)
        if path := run(settings, lambda now=now: now):
            made.append(path)
    assert len(made) == 5
    assert [path for _, path in kept(folder)] == made[-3:]
    assert (folder / "by-hand.ngoclinh").exists()
    back = settings_for(tmp_path / "back")
    restore(back, made[-1])
    assert everything(back.data_dir) == everything(settings.data_dir)


def test_a_backup_of_a_wrong_clock_stops_none_and_takes_nobodys_place(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    settings = settings_for(tmp_path / "data", **{"backup.folder": folder, "backup.keep": 2})
    asyncio.run(fill(settings.data_dir, articles=1))
    run(settings, lambda: MORNING + timedelta(days=3650))
    made = run(settings, lambda: MORNING)
    assert made is not None
    assert made.exists()
    assert run(settings, lambda: MORNING) is None


def test_without_a_folder_none_is_made(tmp_path: Path) -> None:
    assert run(settings_for(tmp_path)) is None


def test_the_hour_is_that_of_vietnam() -> None:
    assert last_due(MORNING, 2) == datetime(2026, 11, 24, 19, tzinfo=UTC)
    assert last_due(MORNING, 3) == datetime(2026, 11, 23, 20, tzinfo=UTC)
