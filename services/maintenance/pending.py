"""A restore that a page asked for: written down durably, done at the next start, taken back where the program does not answer.

No program can replace the data that it works on. So the wish is kept in a file of the data folder, the program starts
again, and whoever starts does it first, before any store is opened. What was there before stays beside; until the
program has answered with the data of the backup, the way back is open, also after a crash or a power failure.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from services.backup import archive
from services.backup.restore import bring_back, finish, require_known, take_back
from services.core import durable
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.errors import Conflict, NgocLinhError
from services.core.log import get_logger
from services.supervisor import Lock

FILE = "restore.json"
LOCK_WAIT_S = 5.0
"""Seconds to wait for the lock of the data folder: the program that wrote the wish down may just be ending."""
MOST_TRIES = 3
"""Starts with the data of the backup that may die before the program has answered."""
_log = get_logger(__name__)


class Wish(BaseModel):
    """A restore that was asked for.

    Attributes:
        state: how it stands; "back" while the data of before take their place again.
        file: the backup.
        before: folder of the data folder for what was there before.
        user: who asked.
        time: when.
        tries: starts with the data of the backup.
        vi: why it failed or was taken back, in Vietnamese.
        en: the same in English.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["requested", "trying", "back", "done", "failed", "taken_back"]
    file: Path
    before: str
    user: str
    time: datetime
    tries: int = 0
    vi: str = ""
    en: str = ""


def read(data: Path) -> Wish | None:
    """The last wish; None where there was none or its file is damaged."""
    try:
        return Wish.model_validate_json((data / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        _log.error("a wish to restore cannot be read", error=str(error))
        return None


def ask(settings: Settings, file: Path, user: str, clock: Clock = utc_now) -> Wish:
    """Write down that a backup is to replace everything at the next start.

    Raises:
        Conflict: a newer release or another mode made the backup, or a restore is under way.
        UnreadableFile, RefusedFile: it is no sound backup.
    """
    now = read(settings.data_dir)
    if now is not None and now.state in ("requested", "trying", "back"):
        raise Conflict("Đang có một lần khôi phục chưa xong.", "A restore is under way.")
    with archive.opened(file) as (_, manifest):
        require_known(settings, manifest)
    time = clock()
    wish = Wish(
        state="requested", file=file, before=f"before-restore-{time:%Y%m%dT%H%M%S%fZ}", user=user, time=time
    )  # fmt: skip
    _write(settings.data_dir, wish)
    return wish


def carry_out(settings: Settings) -> Wish | None:
    """Do what was asked for, before any store is opened; returns how the last wish stands.

    Raises:
        Conflict: another program works in the data folder.
    """
    data = settings.data_dir
    wish = read(data)
    if wish is None or wish.state in ("done", "failed", "taken_back"):
        return wish
    with Lock(data / "lock", LOCK_WAIT_S):
        finish(data)
        if wish.state == "requested":
            wish = _restore(settings, wish)
        if wish.state == "trying":
            spent = wish.tries >= MOST_TRIES
            wish = _put(data, wish, state="back") if spent else _put(data, wish, tries=wish.tries + 1)
        if wish.state == "back":
            wish = _back(data, wish)
    return wish


def answered(settings: Settings) -> Wish | None:
    """Say that the program answers; returns the wish where that ends it, else None."""
    wish = read(settings.data_dir)
    if wish is None or wish.state != "trying":
        return None
    _log.warning("restored", file=str(wish.file), before=wish.before)
    return _put(settings.data_dir, wish, state="done")


def silent(settings: Settings, error: Exception) -> bool:
    """Say that the program does not come up; True where the data of before are back and it is to start again."""
    wish = read(settings.data_dir)
    if wish is None or wish.state != "trying":
        return False
    vi, en = (error.vi, error.en) if isinstance(error, NgocLinhError) else 2 * (str(error) or type(error).__name__,)
    _log.error("the program does not answer with the data of the backup", error=en)
    with Lock(settings.data_dir / "lock", LOCK_WAIT_S):
        _back(settings.data_dir, _put(settings.data_dir, wish, state="back", vi=vi, en=en))
    return True


def _restore(settings: Settings, wish: Wish) -> Wish:
    """Bring the backup back, unless a start that died has done it; where it is refused the data stay as they are."""
    data = settings.data_dir
    if not (data / wish.before).is_dir():
        try:
            bring_back(settings, wish.file, wish.before)
        except NgocLinhError as error:
            _log.error("not restored", file=str(wish.file), error=error.en)
            return _put(data, wish, state="failed", vi=error.vi, en=error.en)
        except Exception as error:
            _log.exception("not restored", file=str(wish.file))
            return _put(data, wish, state="failed", vi=f"Lỗi bên trong: {error}", en=f"An internal fault: {error}")
    return _put(data, wish, state="trying")


def _back(data: Path, wish: Wish) -> Wish:
    take_back(data, wish.before)
    vi = wish.vi or "Chương trình không trả lời với dữ liệu của bản sao lưu."
    en = wish.en or "The program did not answer with the data of the backup."
    return _put(data, wish, state="taken_back", vi=vi, en=en)


def _put(data: Path, wish: Wish, **changes: object) -> Wish:
    changed = wish.model_copy(update=changes)
    _write(data, changed)
    return changed


def _write(data: Path, wish: Wish) -> None:
    durable.write(data / FILE, wish.model_dump_json(indent=1))
