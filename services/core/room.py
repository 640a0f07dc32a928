"""The last of a disk belongs to the stores: a file that somebody sends is refused before it takes that."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.core.errors import Unavailable

KEPT_SHARE, KEPT_BYTES = 0.05, 1 << 30
"""What is kept for the stores: this share of the disk, but not more bytes than these."""


def require_room(folder: Path, size: int) -> None:
    """Check that a disk has room for more bytes of a file that somebody sends.

    Args:
        folder: one on that disk.
        size: bytes that are written next.

    Raises:
        Unavailable: what would be left is kept for the stores.
    """
    disk = shutil.disk_usage(folder)
    if disk.free - size < min(KEPT_BYTES, disk.total * KEPT_SHARE):
        raise Unavailable(
            f"Ổ đĩa sắp đầy (còn {disk.free / 1e6:.0f} MB), không nhận thêm tệp.",
            f"The disk is almost full ({disk.free / 1e6:.0f} MB are left); no more files are taken.",
        )
