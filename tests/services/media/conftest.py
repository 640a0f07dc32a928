"""Real stores in a folder of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.adapters.embedded.files import Files
from tests.services.media.stores import Stores


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    """Bus, ledger and index, closed at the end."""
    stores = Stores(Files(tmp_path))
    yield stores
    await stores.close()
