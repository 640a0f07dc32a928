"""The wire to a server is cut, or hardly lets anything through: calls end within their bounds in words, all goes on later."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.core.sections.stores import ElasticsearchSettings
from tests.cluster.places import Place, in_cluster
from tests.contracts.articles import article, collected
from tests.contracts.bus_worker import submission
from tests.contracts.nats_places import open_bus
from tests.e2e.mini_site import settings_for
from tests.e2e.program import eventually
from tests.engines import Elastic, Nats, Postgres
from tests.faults import namespace
from tests.faults.cuts import LONG
from tests.faults.cutting import after_a_cut, comes_back, ends
from tests.faults.processes import Part, Processes
from tests.faults.proxy import Wire
from tests.faults.test_stopped import AGAIN_S, analysed, ask, get, paste

pytestmark = pytest.mark.cluster


async def on_a_bad_wire(wire: Wire, call: Callable[[], Awaitable[Any]]) -> None:
    """Good, cut, mended, narrow, mended."""
    await after_a_cut(wire, call)
    wire.narrow(200)
    await ends(call)  # whether it succeeds depends on how much it says
    wire.mend()
    await comes_back(call)


@pytest.mark.timeout(600)
async def test_calls_to_nats_end_and_come_back(nats: Nats) -> None:
    numbers = iter(range(1_000_000))
    with Wire(nats.port) as wire:
        async with open_bus(f"nats://127.0.0.1:{wire.port} cut{wire.port}") as bus:

            async def publish() -> None:
                key = f"k{next(numbers)}"
                await bus.publish("media.submission", submission(key), key)

            await on_a_bad_wire(wire, publish)


@pytest.mark.timeout(600)
async def test_calls_to_postgresql_end_and_come_back(postgres: Postgres) -> None:
    numbers = iter(range(1_000_000))
    with Wire(postgres.port) as wire:
        url = postgres.database().replace(f":{postgres.port}/", f":{wire.port}/")
        async with PostgresLedger(url) as ledger:
            await on_a_bad_wire(wire, lambda: ledger.record_collected(collected(article(f"c{next(numbers)}"))))


@pytest.mark.timeout(600)
async def test_calls_to_elasticsearch_end_and_come_back(elastic: Elastic) -> None:
    with Wire(elastic.port) as wire:
        settings = ElasticsearchSettings(urls=[f"http://127.0.0.1:{wire.port}"], alias=f"cut{wire.port}")
        async with ElasticArticleIndex(settings) as index:
            await index.put([article("a", change_number=1)])
            await on_a_bad_wire(wire, lambda: index.search(ArticleFilter(), 10))


LATER = pytest.mark.skipif(not LONG, reason="waits for a minute: `make test-faults` does it")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["nats", pytest.param("postgres", marks=LATER), pytest.param("elastic", marks=LATER)])
def test_calls_end_while_the_link_of_a_namespace_is_down(kind: str, request: pytest.FixtureRequest) -> None:
    if why := namespace.why_not():
        pytest.skip(why)
    request.getfixturevalue(kind)  # tells where the server cannot be had
    done = namespace.run(kind, 800)
    assert (done.returncode, done.stdout) == (0, "came back\n"), done.stdout + done.stderr


@pytest.mark.skipif(not LONG, reason="waits for minutes: `make test-faults` does it")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_product_without_its_network_tells_so_and_goes_on(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.port)) for server in (nats, postgres, elastic)]
        config = in_cluster(settings_for([], tmp_path), place)
        text = config.read_text()
        for server, wire in zip((nats, postgres, elastic), wires, strict=True):
            text = text.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{wire.port}")
        config.write_text(text)
        processes = stack.enter_context(Processes({"up": Part("--config", config, "up")}, {}, web="up"))
        port = processes.port
        eventually(lambda: paste(port, "trước").status == 200)
        for wire in wires:
            wire.cut()
        took = {}
        for path in ("/v1/articles", "/v1/parcels", "/v1/sources", "/v1/imports"):
            began = time.monotonic()
            assert ask(port, path).status in (503, 504)
            took[path] = round(time.monotonic() - began)
        sys.stdout.write(f"\nwithout network, seconds until it was told: {took}\n")
        assert paste(port, "không ai nhận").status in (503, 504)
        assert ask(port, "/v1/situation").status in (200, 503, 504)
        health = get(port, "/v1/health")
        assert [store["name"] for store in health["stores"] if store.get("silent_since")] == [
            "bus", "ledger", "index", "parcels",
        ]  # fmt: skip
        for wire in wires:
            wire.mend()
        eventually(lambda: paste(port, "sau").status == 200, AGAIN_S, 1)
        eventually(lambda: analysed(port, "sau"), AGAIN_S, 1)
        assert processes.faults == []
    place.throw_away()
