"""Fixtures of the real servers: one of each for all tests of a process, started when first asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engines import Elastic, Missing, Nats, Postgres, Server


def started(kind: type[Server]) -> Iterator[Server]:
    """A server; where it cannot be had the tests are skipped with what to install, and fail under CI."""
    try:
        server = kind()
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def nats() -> Iterator[Server]:
    """NATS JetStream."""
    yield from started(Nats)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """PostgreSQL with PostGIS."""
    yield from started(Postgres)


@pytest.fixture(scope="session")
def elastic() -> Iterator[Server]:
    """Elasticsearch."""
    yield from started(Elastic)
