"""The folder of root's: only root writes in it, and one update at a time works beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from services.core.errors import Conflict, Forbidden
from services.supervisor import Lock
from services.update.places import Places


def own_folder(places: Places) -> None:
    """Make the folder of root's where there is none.

    Raises:
        Forbidden: it is somebody else's, or others may write in it.
    """
    places.state.mkdir(mode=0o755, parents=True, exist_ok=True)
    state = os.lstat(places.state)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise Forbidden(
            f"{places.state} phải là thư mục mà chỉ root ghi được.",
            f"{places.state} must be a folder that only root writes.",
        )


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """No other update runs beside the block.

    Raises:
        Conflict: another one does.
    """
    own_folder(places)
    lock = Lock(places.state / "lock")
    try:
        lock.__enter__()
    except Conflict as error:
        raise Conflict("Đang có một lần nâng cấp khác.", "Another update is under way.") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
