"""A server and its client in a network namespace whose link is cut: `python -m tests.faults.namespace KIND`.

It runs as root in a namespace of its own, prints "came back" in the end, and an error where a clause does not hold.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.core.sections.stores import ElasticsearchSettings
from tests.conftest import ROOT
from tests.contracts.articles import article, collected
from tests.contracts.bus_worker import submission
from tests.contracts.nats_places import open_bus
from tests.engines import Elastic, Nats, Postgres
from tests.faults.cutting import after_a_cut

Call = Callable[[], Awaitable[Any]]
NUMBERS = itertools.count()
APART = ("unshare", "--net", "--fork", "--kill-child")
"""Begins a command in a namespace of its own. Not of mounts, which would keep alive what other tests unmount."""
LIMIT_S = 700
"""Seconds after which it gives up, and ends the server that it started."""


class Link:
    """The only link of the namespace, over which everything goes that does not go over a Unix socket."""

    def cut(self) -> None:
        """Down: what was sent is not answered, nobody can be reached."""
        _link("down")

    def mend(self) -> None:
        """Up again; connections that were open go on."""
        _link("up")


def _link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


@asynccontextmanager
async def nats() -> AsyncIterator[Call]:
    with Nats() as server:
        async with open_bus(f"{server.url} cut") as bus:

            async def publish() -> None:
                key = f"k{next(NUMBERS)}"
                await bus.publish("media.submission", submission(key), key)

            yield publish


@asynccontextmanager
async def postgres() -> AsyncIterator[Call]:
    with Postgres() as server:
        async with PostgresLedger(server.database()) as ledger:
            yield lambda: ledger.record_collected(collected(article(f"c{next(NUMBERS)}")))


@asynccontextmanager
async def elastic() -> AsyncIterator[Call]:
    with Elastic() as server:
        async with ElasticArticleIndex(ElasticsearchSettings(urls=[server.url], alias="cut")) as index:
            await index.put([article("a", change_number=1)])
            yield lambda: index.search(ArticleFilter(), 10)


KINDS = {"nats": nats, "postgres": postgres, "elastic": elastic}


def why_not() -> str:
    """Why no namespace can be made here; empty where one can."""
    missing = [tool for tool in ("unshare", "ip") if shutil.which(tool) is None]
    if missing:
        return f"these programs are not here: {', '.join(missing)}"
    made = subprocess.run([*APART, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return "" if made.returncode == 0 else "namespaces of the network need root"


def run(kind: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Do it in a new namespace, with whatever it started."""
    inside = 'ip link set lo up && exec "$@"'
    command = [*APART, "sh", "-c", inside, "sh", sys.executable, "-m", "tests.faults.namespace", kind]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT, check=False)


async def main(kind: str) -> None:
    """One kind."""
    async with KINDS[kind]() as call:
        await after_a_cut(Link(), call)


if __name__ == "__main__":
    assert Path("/proc/net/dev").read_text().count(":") == 1, "a namespace with its own link only"
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(LIMIT_S)
    asyncio.run(main(sys.argv[1]))
    print("came back")  # noqa: T201
