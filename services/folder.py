"""The data folder as a place: that it can be used, and the socket in it by which programs of this machine come in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.core.errors import InvalidField

_SOCKET_FOLDER = "ngoclinh-socket-"


def make(data_dir: Path) -> None:
    """Make the folder where it is not there, and look whether files can be made in it.

    Raises:
        InvalidField: it cannot be used.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidField(
            "data_dir", f"không dùng được thư mục {data_dir}: {why}", f"cannot use the folder {data_dir}: {why}"
        ) from error


@contextmanager
def socket(data_dir: Path) -> Iterator[Path]:
    """Path of the Unix socket, short because the kernel takes 107 bytes; `socket` in the data folder leads to it.

    Who holds the lock has no living predecessor: the folder that one left behind when it was killed is removed.
    """
    link = data_dir / "socket"
    if link.is_symlink():
        left = link.readlink().parent
        if left.name.startswith(_SOCKET_FOLDER):
            shutil.rmtree(left, ignore_errors=True)
    link.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=_SOCKET_FOLDER) as private:
        path = Path(private) / "socket"
        link.symlink_to(path)
        yield path
        link.unlink(missing_ok=True)
