"""What a page asks of root, and what root tells back: two small files, each written by one side only."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.core import durable
from services.core.log import get_logger
from services.update.folder import own_folder
from services.update.places import Places

FILE = "last.json"
BEAT_S = 20.0
"""Seconds between two signs that root still works at an update: the time of the file."""
SILENT_S = 180.0
"""Seconds without a sign after which nobody works at it any more."""
_log = get_logger(__name__)


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters")
    return text


Plain = Annotated[str, Field(max_length=200), AfterValidator(_plain)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wish(_Record):
    """What the program writes for root; root believes none of it.

    Attributes:
        sha256: of the bundle that was looked at.
        version: its release.
        user: who asked.
        time: when.
    """

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    version: str = Field(pattern=r"^\d[0-9A-Za-z.+]{0,31}$")
    user: Plain
    time: AwareDatetime


class Result(_Record):
    """What root writes for the program.

    Attributes:
        state: how the update stands; "taken_back" where the new release was tried and did not work.
        before: release that was installed.
        version: release that was asked for, as the wish says.
        user: who asked, as the wish says.
        start: when root began.
        end: when it ended.
        vi: why it was not done, in Vietnamese.
        en: the same in English.
    """

    state: Literal["running", "done", "failed", "taken_back"]
    before: str
    version: str = ""
    user: str = ""
    start: AwareDatetime
    end: AwareDatetime | None = None
    vi: str = ""
    en: str = ""


def write(places: Places, result: Result) -> None:
    """Tell everybody how it stands.

    Raises:
        Forbidden: somebody else may write where it would stand.
    """
    own_folder(places)
    durable.write(places.state / FILE, result.model_dump_json(indent=1), mode=0o644)


def read(places: Places) -> tuple[Result, float] | None:
    """How the last update stands, and the time of root's last sign in seconds of the epoch; None where none was asked for."""
    file = places.state / FILE
    try:
        return Result.model_validate_json(file.read_text(encoding="utf-8")), file.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        _log.error("how the last update went cannot be read", error=str(error))
        return None


def beat(places: Places) -> None:
    """Show that root still works at it."""
    os.utime(places.state / FILE)
