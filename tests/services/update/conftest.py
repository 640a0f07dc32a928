"""An installed product."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.update.installation import Office


@pytest.fixture
def office() -> Iterator[Office]:
    """In a folder that nobody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="ngoclinh-office-") as folder:
        yield Office(Path(folder))
