"""kill -9 of NATS, PostgreSQL and Elasticsearch at seeded moments while the product works with them.

NGOCLINH_FAULT_ROUNDS says how often each of them, by default once; `make test-faults` does it 20 times. What the
screens say meanwhile is shown in tests/cluster/test_faults.py.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.cluster.places import Place, in_cluster
from tests.e2e.mini_site import settings_for
from tests.engines import Elastic, Nats, Postgres
from tests.faults.kills import kill_and_count, sites_of
from tests.faults.processes import Part, Processes, Restarting

pytestmark = pytest.mark.cluster

ROUNDS = min(20, int(os.environ.get("NGOCLINH_FAULT_ROUNDS") or 1))
DOWN_S = (0.2, 2.0)
"""Shortest and longest time in seconds between the end of a server and its start."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kill_9_of_the_servers_loses_nothing_and_stores_nothing_twice(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place, rng = Place.on(nats, postgres, elastic), random.Random("down")
    named = {"NATS": nats, "PostgreSQL": postgres, "Elasticsearch": elastic}
    servers = {name: Restarting(server, lambda: rng.uniform(*DOWN_S)) for name, server in named.items()}
    with sites_of(*((8, 40) if ROUNDS > 1 else (3, 3))) as sites:
        config = in_cluster(settings_for(sites, tmp_path), place)
        with Processes({"up": Part("--config", config, "up")}, {}, "up", servers) as processes:
            kill_and_count(processes, ROUNDS * len(servers), "servers", sites, tmp_path)
    place.throw_away()
