"""NATS JetStream keeps the clauses of `Bus`; the server is a real one."""

from __future__ import annotations

from pathlib import Path

import nats as client
import pytest

from tests.contracts.bus import BusContract
from tests.contracts.nats_places import new_place
from tests.engines import Nats

pytestmark = pytest.mark.cluster


class TestNatsBus(BusContract):
    factory = "tests.contracts.nats_places:open_bus"

    @pytest.fixture(autouse=True)
    def _server(self, nats: Nats) -> None:
        self.server = nats

    def location(self, tmp_path: Path) -> str:
        return new_place(self.server)

    async def inject(self, location: str, subject: str, group: str, payload: bytes) -> None:
        url, _, prefix = location.partition(" ")
        async with await client.connect(url) as connection:
            await connection.jetstream().publish(f"{prefix}.events.{subject}.{group}", payload)
