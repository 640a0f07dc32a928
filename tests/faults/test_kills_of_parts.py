"""kill -9 of every part of the product, each a process of its own over real servers, at seeded moments of its work.

NGOCLINH_FAULT_KILLS says how often, by default 10 times; `make test-faults` does it 80 times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.places import Place
from tests.engines import Elastic, Nats, Postgres
from tests.faults.kills import KILLS, kill_and_count, sites_of
from tests.faults.parts import parts_of
from tests.faults.processes import CRAWLER, READER, Kind, Processes

pytestmark = pytest.mark.cluster

KINDS = {
    "gateway": Kind("gateway"),
    "media": Kind("media"),
    "sentiment": Kind("sentiment"),
    "land": Kind("land"),
    "imports": Kind("imports"),
    "worker": Kind("worker"),
    "crawler": Kind("crawler"),
    "crawling child": Kind("crawler", CRAWLER),
    "reader": Kind("imports", READER, with_file=True),
    "checker": Kind("land", READER),
}
"""`ngoclinh serve` of each part, and their children."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_9_of_every_part_loses_nothing_and_stores_nothing_twice(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    with (
        sites_of(*((8, 40) if KILLS else (3, 3))) as sites,
        Processes(parts_of(place, sites, tmp_path), KINDS, web="gateway") as processes,
    ):
        kill_and_count(processes, KILLS or 10, "parts", sites, tmp_path)
    place.throw_away()
