"""What `ngoclinh doctor` looks at of the care that runs by itself: the daily backup, the clock that forgetting relies on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from services.cli.engines import Answer
from services.core.clock import VIETNAM, utc_now

if TYPE_CHECKING:
    from ngoclinh.type.v1.type_pb2 import LocalizedText

    from services.core.config import Settings

LATE = timedelta(hours=36)
"""Age of the last daily backup from which something is wrong with it."""


def backup(settings: Settings) -> Answer:
    """Is the daily backup made."""
    from services.backup.scheduled import kept

    folder = settings.backup.folder
    if folder is None:
        return Answer(
            True, "Sao lưu hằng ngày: chưa bật (backup.folder)", "Daily backup: not switched on (backup.folder)"
        )
    made = kept(folder)
    if not made:
        return Answer(
            False, f"Sao lưu hằng ngày: chưa có bản nào trong {folder}", f"Daily backup: none yet in {folder}"
        )
    when = made[-1][0]
    local = when.astimezone(VIETNAM)
    return Answer(
        utc_now() - when < LATE,
        f"Bản sao lưu cuối: {local:%d/%m/%Y %H:%M}, {len(made)} bản trong {folder}",
        f"Last daily backup: {local:%Y-%m-%d %H:%M} (Vietnam), {len(made)} in {folder}",
    )


def clock(settings: Settings) -> Iterator[Answer]:
    """Is the clock trusted, which forgetting relies on; nothing is said where nothing is kept yet."""
    from services.adapters.embedded.files import Files
    from services.core.errors import NgocLinhError
    from services.stores import adapter

    if adapter(settings, "ledger") == "embedded" and not Files(settings.data_dir).ledger.exists():
        return
    try:
        doubt = asyncio.run(_doubt(settings))
    except NgocLinhError as error:
        if "missing" not in error.details:
            raise
        return
    if doubt is None:
        yield Answer(True, "Đồng hồ máy khớp với dữ liệu", "The clock agrees with the data")
    else:
        yield Answer(False, doubt.vi, doubt.en)


async def _doubt(settings: Settings) -> LocalizedText | None:
    """Why the clock is in doubt; a ledger on a server is looked at as it is, nothing is migrated."""
    from services.chores import janitor
    from services.stores import open_stores

    postgres = settings.postgres.model_copy(update={"migrate": False})
    stores = open_stores(settings.model_copy(update={"postgres": postgres}))
    try:
        return await janitor(settings, stores).doubt()
    finally:
        for store in (stores.bus, stores.ledger, stores.index, stores.parcels):
            await store.close()
