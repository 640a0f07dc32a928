"""The daily backup: made when its hour has passed, the oldest removed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.backup.make import make
from services.core.clock import VIETNAM, Clock, utc_now
from services.core.config import Settings
from services.core.log import get_logger

_NAME = re.compile(r"ngoclinh-(\d{8}T\d{6}Z)\.ngoclinh")
_FORMAT = "%Y%m%dT%H%M%SZ"
_log = get_logger(__name__)


def kept(folder: Path) -> list[tuple[datetime, Path]]:
    """The scheduled backups of a folder, oldest first; files of other names are nobody's business here."""
    found = ((_NAME.fullmatch(path.name), path) for path in (folder.iterdir() if folder.is_dir() else ()))
    return sorted(
        (datetime.strptime(match[1], _FORMAT).replace(tzinfo=UTC), path) for match, path in found if match is not None
    )


def last_due(now: datetime, hour: int) -> datetime:
    """The last time at which the clock in Vietnam showed an hour."""
    local = now.astimezone(VIETNAM)
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due <= local else due - timedelta(days=1)


def run(settings: Settings, clock: Clock = utc_now) -> Path | None:
    """Make a backup if one is due, and remove the oldest beyond those that are kept; what was made, or None.

    One that lies in the future, as a wrong clock made it, counts as none.

    Raises:
        InvalidField: the folder cannot be written.
        Unavailable: a store cannot be read.
    """
    folder = settings.backup.folder
    if folder is None:
        return None
    now = clock()
    made = [moment for moment, _ in kept(folder) if moment <= now]
    if made and made[-1] >= last_due(now, settings.backup.hour):
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"ngoclinh-{now.astimezone(UTC):{_FORMAT}}.ngoclinh"
    make(settings, target, clock)
    _log.info("backup made", file=str(target), bytes=target.stat().st_size)
    others = [path for _, path in kept(folder) if path != target]
    for path in others[: max(0, len(others) + 1 - settings.backup.keep)]:
        path.unlink(missing_ok=True)
    return target
