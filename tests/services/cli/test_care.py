"""What the doctor says about the care that runs by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.backup import scheduled
from services.cli import care
from services.core.clock import to_timestamp, utc_now
from tests.contracts.articles import article, collected
from tests.services.backup.office import fill, settings_for


def test_a_daily_backup_that_is_late_or_missing_is_told(tmp_path: Path) -> None:
    assert care.backup(settings_for(tmp_path / "data")).sound
    settings = settings_for(tmp_path / "data", **{"backup.folder": tmp_path / "backups"})
    asyncio.run(fill(settings.data_dir, articles=1))
    assert not care.backup(settings).sound
    scheduled.run(settings, lambda: utc_now() - timedelta(days=3))
    late = care.backup(settings)
    assert not late.sound
    assert "Bản sao lưu cuối" in late.vi
    scheduled.run(settings)
    assert care.backup(settings).sound


def test_a_clock_behind_the_data_is_told(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert list(care.clock(settings)) == []

    async def collect(days: float) -> None:
        async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
            event = collected(article(f"a{days}"))
            event.article.collect_time.CopyFrom(to_timestamp(utc_now() + timedelta(days=days)))
            await ledger.record_collected(event)

    asyncio.run(collect(-1))
    assert [answer.sound for answer in care.clock(settings)] == [True]
    asyncio.run(collect(400))
    (answer,) = care.clock(settings)
    assert (answer.sound, "behind what is stored" in answer.en, "chậm hơn dữ liệu" in answer.vi) == (False, True, True)
