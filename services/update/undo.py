"""`ngoclinh update --undo`: an update in the middle of which the power went is taken back before the program starts again.

While a new release is tried on the real data, a file of root's says how to go back. Whoever tries it removes the file,
however that ends; so it is there at a start of the program only where nobody could. The unit of the service looks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core import durable
from services.core.clock import Clock, utc_now
from services.core.errors import Conflict, Forbidden, UnreadableFile
from services.update import children, record
from services.update.folder import alone
from services.update.places import INSTALLED, Places

FILE = "undo.json"


class _Way(BaseModel):
    """How to go back.

    Attributes:
        version: folder of the release that is tried.
        backup: the data as they were before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str = Field(pattern=r"^\d[0-9A-Za-z.+]{0,63}$")
    backup: Path


@contextmanager
def promised(places: Places, new: Path, backup: Path) -> Iterator[None]:
    """The block tries a release, or goes back by itself; where it does neither, the next start does.

    Args:
        places: where everything lies.
        new: folder of the release.
        backup: the data as they were before.
    """
    durable.write(places.state / FILE, _Way(version=new.name, backup=backup).model_dump_json(indent=1))
    try:
        yield
    finally:
        _done(places)


def carry_out(places: Places = INSTALLED, clock: Clock = utc_now) -> str | None:
    """Take an update back that was broken off; the release that was being tried, None where nothing was broken off.

    Raises:
        Forbidden: not as root.
        UnreadableFile: the file that says how cannot be read.
        Conflict: the data could not be brought back, or another update runs; the next start tries again.
    """
    if os.geteuid() != 0:
        raise Forbidden("Cần quyền root.", "Root is needed.")
    with alone(places):
        way = _way(places.state / FILE)
        if way is None:
            return None
        old = (places.opt / "current").resolve()
        if old.name == way.version:  # it was tried, and had taken the place of the old one
            _tell(places, clock, "done", "", "")
        else:
            _bring_back(places, old, way)
            vi, en = (
                "Mất điện khi đang nâng cấp; bản cũ và dữ liệu của nó đã trở lại. Hãy nâng cấp lại.",
                "The machine went off during the update; the old release and its data are back. Update again.",
            )
            _tell(places, clock, "taken_back", vi, en)
        _done(places)
        return way.version


def _way(file: Path) -> _Way | None:
    try:
        return _Way.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"Không đọc được {file}; hãy khôi phục bản sao lưu before-… mới nhất rồi xoá tệp này.",
            f"{file} cannot be read; restore the newest backup before-…, then remove this file.",
        ) from error


def _bring_back(places: Places, old: Path, way: _Way) -> None:
    try:
        children.run(places.program(old, "restore", str(way.backup)), children.DATA_S)
    except Conflict as error:
        file = places.state / FILE
        raise Conflict(
            f"Lần nâng cấp lên {way.version} bị mất điện giữa chừng và dữ liệu chưa trở lại được từ {way.backup}: {error.vi} "
            f"Hãy sửa điều đó rồi systemctl start ngoclinh; hoặc xoá {file} để chạy với dữ liệu hiện có.",
            f"The update to {way.version} was broken off and the data could not be brought back from {way.backup}: {error.en} "
            f"Mend that, then systemctl start ngoclinh; or remove {file} to run on the data as they are.",
        ) from error
    shutil.rmtree(places.opt / "releases" / way.version, ignore_errors=True)


def _tell(places: Places, clock: Clock, state: str, vi: str, en: str) -> None:
    """Where a page asked for it, it is told how it ended."""
    found = record.read(places)
    if found is not None and found[0].state == "running":
        record.write(places, found[0].model_copy(update={"state": state, "end": clock(), "vi": vi, "en": en}))


def _done(places: Places) -> None:
    durable.remove(places.state / FILE)
