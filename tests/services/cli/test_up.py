"""`ngoclinh up` after a restore that was asked for: it serves with the backup, or starts again with the data of before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services import bootstrap
from services.backup import make
from services.cli import up
from services.core.errors import Unavailable
from services.maintenance import pending
from tests.services.backup.office import everything, fill, settings_for


def test_a_program_that_does_not_come_up_with_the_backup_starts_again_with_the_data_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path / "data")
    settings.data_dir.mkdir()
    asyncio.run(fill(settings.data_dir, articles=3))
    make.make(settings, tmp_path / "kept.ngoclinh")
    (settings.data_dir / "uploads" / "later").write_bytes(b"since the backup")
    now = everything(settings.data_dir)
    seen: list[dict[str, object]] = []

    @asynccontextmanager
    async def dies(*args: Any, **named: Any) -> AsyncIterator[None]:
        seen.append(everything(settings.data_dir))
        raise Unavailable("hỏng", "broken")
        yield

    monkeypatch.setattr(bootstrap, "running", dies)
    with pytest.raises(Unavailable):
        asyncio.run(up.serve(settings))
    pending.ask(settings, tmp_path / "kept.ngoclinh", "lan")
    assert asyncio.run(up.serve(settings)) is True
    assert seen[0] == now
    assert seen[1] != now
    wish = pending.read(settings.data_dir)
    assert wish is not None
    assert (wish.state, wish.en, everything(settings.data_dir)) == ("taken_back", "broken", now)
    with pytest.raises(Unavailable):
        asyncio.run(up.serve(settings))
