"""Audit entries that the ledger did not take: a file of the data folder that outlives the process, an entry a line."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

from ngoclinh.access.v1.user_pb2 import AuditEntry

from services.core import protojson
from services.core.errors import TooLarge

NAME = "audit-waiting.jsonl"
"""What the file is called in the data folder."""
MOST_BYTES = 64 * 1024 * 1024
"""Size beyond which no more is taken: some 200,000 entries."""


class Spool:
    """The file; methods block, and may be called from several threads.

    Args:
        file: where; it is made when the first entry comes, and goes with the last.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._one = threading.Lock()

    def waits(self) -> bool:
        """Is there an entry?"""
        return self._file.exists()

    def put(self, entry: AuditEntry) -> None:
        """Add an entry: it is on the disk when this returns.

        Raises:
            TooLarge: the file is full.
            OSError: it cannot be written.
        """
        line = f"{protojson.to_json(entry)}\n".encode()
        with self._one, _private(self._file, os.O_RDWR | os.O_APPEND) as file:
            size = os.fstat(file.fileno()).st_size
            if size + len(line) > MOST_BYTES:
                raise TooLarge(f"Tệp {self._file.name} đã đầy.", f"The file {self._file.name} is full.")
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"  # a crash in the midst of the last one
            file.write(b"\n" + line if torn else line)
            file.flush()
            os.fsync(file.fileno())

    def first(self, most: int) -> tuple[list[AuditEntry], int]:
        """The oldest entries, and the lines that they take; a line that a crash left half written is none.

        Raises:
            OSError: the file cannot be read.
        """
        if not self._file.exists():
            return [], 0
        with self._one, self._file.open("rb") as file:
            lines = [line for line, _ in zip(file, range(most), strict=False)]
        return [entry for line in lines if (entry := _entry(line)) is not None], len(lines)

    def drop(self, lines: int) -> None:
        """Forget the oldest lines.

        Raises:
            OSError: the file cannot be written.
        """
        if not lines:
            return
        with self._one:
            rest = self._file.read_bytes().split(b"\n", lines)[-1]
            if not rest:
                self._file.unlink()
                return
            part = self._file.with_name(f"{NAME}.part")
            with _private(part, os.O_RDWR | os.O_TRUNC) as file:
                file.write(rest)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)


def _private(path: Path, flags: int) -> BinaryIO:
    """A file that nobody else reads, made where it is not there."""
    return os.fdopen(os.open(path, flags | os.O_CREAT, 0o600), "wb")


def _entry(line: bytes) -> AuditEntry | None:
    try:
        return protojson.parse(line, AuditEntry())
    except ValueError:
        return None
