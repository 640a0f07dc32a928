"""MediaService behind a real server, and what tests do with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.area.servicer import AreaServicer
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import WatchAreaSettings
from services.media.evidence import EvidenceStore
from services.media.servicer import MediaServicer
from services.rpc import status
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.contracts.articles import AREAS
from tests.services.media.stores import Stores

WATCHED = {"nui": WatchAreaSettings(title="Núi", areas=[name.removeprefix("areas/2025-") for name in AREAS[:2]])}


@contextlib.asynccontextmanager
async def serving(stores: Stores, folder: Path) -> AsyncIterator[MediaServiceStub]:
    """MediaService and the AreaService that it asks."""
    server = Server(GrpcSettings(port=0), tcp=False, unix=folder / "s")
    channel = connect(server.target)
    evidence = EvidenceStore(folder / "evidence")
    media = MediaServicer(stores.bus, stores.ledger, stores.index, evidence, channel)
    server.add("ngoclinh.media.v1.MediaService", media)
    server.add("ngoclinh.area.v1.AreaService", AreaServicer(WATCHED))
    await server.start()
    yield MediaServiceStub(channel)
    await channel.close()
    await server.stop(0)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, status_pb2.Status]:
    """Status code, reason and whole status of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    answer = status.from_rpc_error(caught.value)
    return caught.value.code(), status.reason(answer), answer
