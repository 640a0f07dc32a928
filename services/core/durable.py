"""Small files that are whole and on the disk, or as they were."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the text of a file; durable when this returns: a power failure leaves the old text or the new one."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    keep(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there; a power failure after this does not bring it back."""
    path.unlink(missing_ok=True)
    keep(path.parent)


def keep(path: Path) -> None:
    """Make durable what a folder names, or what a file holds."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
