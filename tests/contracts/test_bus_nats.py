"""NATS JetStream keeps the clauses of `Bus`, and some of its own; the server is a real one."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import nats as client
import pytest

from services.adapters.cluster.bus_nats import NatsBus
from services.core.config import NatsSettings
from tests.contracts.bus import BusContract
from tests.engines import Nats

pytestmark = pytest.mark.cluster

_NUMBERS = itertools.count()


def open_bus(location: str, lease_s: float = 60) -> NatsBus:
    """The bus at "address prefix"."""
    url, _, prefix = location.partition(" ")
    return NatsBus(NatsSettings(urls=[url], prefix=prefix), lease_s)


def new_location(server: Nats) -> str:
    """Where there is an empty bus."""
    return f"{server.url} t{os.getpid()}-{next(_NUMBERS)}"


class TestNatsBus(BusContract):
    factory = "tests.contracts.test_bus_nats:open_bus"

    @pytest.fixture(autouse=True)
    def _server(self, nats: Nats) -> None:
        self.server = nats

    def location(self, tmp_path: Path) -> str:
        return new_location(self.server)

    async def inject(self, location: str, subject: str, group: str, payload: bytes) -> None:
        url, _, prefix = location.partition(" ")
        async with await client.connect(url) as connection:
            await connection.jetstream().publish(f"{prefix}.events.{subject}.{group}", payload)
