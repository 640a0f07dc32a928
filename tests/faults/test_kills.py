"""kill -9 of every process of the embedded program at seeded moments: nothing acknowledged is lost, nothing is there twice.

NGOCLINH_FAULT_KILLS says how often, by default 6 times; `make test-faults` does it 80 times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.mini_site import settings_for
from tests.faults.kills import KILLS, kill_and_count, sites_of
from tests.faults.processes import CRAWLER, READER, Kind, Part, Processes

KINDS = {
    "program": Kind("up"),
    "crawler": Kind("up", CRAWLER),
    "reader": Kind("up", READER, with_file=True),
    "checker": Kind("up", READER),
}
"""The program with its services and workers, its crawler, what reads an uploaded file, what checks parcels of requests."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_9_of_every_process_of_the_program_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    with sites_of(*((8, 40) if KILLS else (3, 3))) as sites:
        config = settings_for(sites, tmp_path)
        with Processes({"up": Part("--config", config, "up")}, KINDS, web="up") as processes:
            kill_and_count(processes, KILLS or 6, "embedded", sites, tmp_path)
