"""Fixtures of the fault tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that the users of the servers may enter."""
    folder = Path(tempfile.mkdtemp(prefix="ngoclinh-room-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
