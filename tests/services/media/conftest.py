"""Real stores in a folder of the test's own, and the service over them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.adapters.embedded.files import Files
from tests.services.media.serving import serving
from tests.services.media.stores import Stores


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    """Bus, ledger and index, closed at the end."""
    stores = Stores(Files(tmp_path))
    yield stores
    await stores.close()


@pytest.fixture
async def media(stores: Stores, tmp_path: Path) -> AsyncIterator[MediaServiceStub]:
    """MediaService over these stores."""
    async with serving(stores, tmp_path) as stub:
        yield stub
