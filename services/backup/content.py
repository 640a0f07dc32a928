"""What a backup holds: names of its files, and the manifest that is believed only where it agrees with them.

The file is a ZIP. Its names are those of the data folder. `manifest.json` says for each of them size and SHA-256, for
each store the version of its schema and the number of rows of each table, and which release made it. The search index
is left out: it is rebuilt from the ledger.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MANIFEST = "manifest.json"
SETTINGS = "settings.json"
POSTGRES = "postgres.dump"
STORES = ("frontier", "bus", "ledger", "parcels")
"""Stores that are kept, where they are files: `{name}.sqlite`."""
LEFT_OUT = ("index",)
"""Stores that are rebuilt from the others."""
FOLDERS = ("evidence", "uploads", "sources")
"""Folders of the data folder that are kept."""
MAX_MANIFEST = 64 << 20
"""Largest manifest in bytes, about 400,000 files."""

_NAME = re.compile(
    rf"(?:{'|'.join(STORES)})\.sqlite|{re.escape(SETTINGS)}|{re.escape(POSTGRES)}"
    r"|evidence/(?P<two>[0-9a-f]{2})/(?P=two)[0-9a-f]{62}"
    r"|uploads/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}|sources/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\.toml"
)


def is_name(name: str) -> bool:
    """Whether a backup may hold a file of this name: nothing that could lie outside of its folder."""
    return _NAME.fullmatch(name) is not None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Part):
    """One file of a backup."""

    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class StoreEntry(_Part):
    """One store of a backup: version of its schema, rows by table."""

    schema_version: int = Field(ge=0)
    rows: dict[str, int]


class Manifest(_Part):
    """What a backup says about itself.

    Attributes:
        format: version of this layout.
        product: always "ngoclinh".
        version: release that made it.
        time: when, ISO 8601 in UTC.
        stores: the stores that are files, by name.
        left_out: stores that are rebuilt.
        files: every file but the manifest, by name.
    """

    format: Literal[1] = 1
    product: Literal["ngoclinh"] = "ngoclinh"
    version: str = Field(pattern=r"^\d+(\.\d+)*[0-9A-Za-z.+]*$", max_length=64)
    time: str
    stores: dict[str, StoreEntry]
    left_out: list[str]
    files: dict[str, FileEntry]


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing. Example: ``0.10.1`` is ``(0, 10, 1)``."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()
