"""kill -9 of each server at seeded moments of a crawl and an import: nothing acknowledged is lost, nothing is there twice.

NGOCLINH_FAULT_ROUNDS says how often each server is killed, by default 3; `make test-faults` does it 20 times.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gis.synthetic import nam_tra_my_sheet
from tests.cluster.places import Place, in_cluster
from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import Program, eventually
from tests.engines import Elastic, Nats, Postgres, Server
from tests.faults.telling import faults_in, telling

pytestmark = pytest.mark.cluster

ROUNDS = int(os.environ.get("NGOCLINH_FAULT_ROUNDS") or 3)
SITES, ARTICLES = 4, 5
CRAWL_S = 10.0
"""Seconds that the crawl takes at least: two between the requests to one site."""
DOWN_S = (0.5, 3.0)
"""Shortest and longest time in seconds between the end of a server and its start."""
DRAIN_S = 180
READY_S = 300.0
"""Seconds in which the program must serve, on a busy machine."""
LAST_S = 150.0
"""Seconds in which the last question of the witness must be answered."""
LISTED = "/v1/articles?page_size=200"


@pytest.fixture(scope="module")
def sites() -> Iterator[list[Site]]:
    sites = [Site(number, ARTICLES, delay_s=0.2) for number in range(SITES)]
    yield sites
    for site in sites:
        site.close()


class Witness(threading.Thread):
    """Keeps asking, and remembers what the program once said that it holds.

    Attributes:
        acknowledged: names of articles that were listed with their analysis.
        statuses: how often each HTTP status was answered, by path.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(daemon=True)
        self._program = program
        self._end = threading.Event()
        self.acknowledged: set[str] = set()
        self.statuses: dict[str, Counter[int]] = {}

    def run(self) -> None:
        """Ask until the end."""
        while not self._end.wait(0.5):
            listed = self._ask(LISTED)
            if listed:
                self.acknowledged |= {one["name"] for one in listed["articles"] if one.get("analysis")}
            self._ask("/v1/situation")
            self._ask("/v1/health")

    def stop(self) -> None:
        """Ask no more."""
        self._end.set()
        self.join(LAST_S)

    def _ask(self, path: str) -> Any:
        try:
            answer = self._program.ask(path)
        except OSError:
            return None
        self.statuses.setdefault(path, Counter())[answer.status] += 1
        return answer.json if answer.status == 200 else None


def kill_and_start(server: Server, at: float, down_s: float, began: float) -> None:
    """End a server the hard way, `at` seconds after the beginning, and bring it back."""
    time.sleep(max(0.0, at - (time.monotonic() - began)))
    server.kill()
    time.sleep(down_s)
    server.start()


def upload(program: Program, sheet: bytes) -> str:
    """Send the sheet until it is taken; the name of the import."""
    kind = {"Content-Type": "application/octet-stream"}

    def send() -> Any:
        answer = program.ask("/v1/imports:upload?file_name=to.geojson", "POST", sheet, kind)
        assert answer.status in (200, 429, 503, 504), answer.body
        return answer.json["name"] if answer.status == 200 else None

    return str(eventually(send, DRAIN_S, 1))


def committed(program: Program, name: str) -> bool:
    """Has an import ended well?"""
    answer = program.ask(f"/v1/{name}")
    if answer.status != 200:
        return False
    assert answer.json["state"] in ("IMPORT_STATE_RUNNING", "IMPORT_STATE_COMMITTED"), answer.json
    return bool(answer.json["state"] == "IMPORT_STATE_COMMITTED")


def drained(program: Program) -> bool:
    """Do all stores answer, and is every queue empty?"""
    answer = program.ask("/v1/health")
    if answer.status != 200 or not all(store["reachable"] for store in answer.json["stores"]):
        return False
    return not any(int(queue["waiting_count"]) for queue in answer.json["queues"])


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kill_9_of_every_server_loses_nothing_and_stores_nothing_twice(
    seed: int, nats: Nats, postgres: Postgres, elastic: Elastic, sites: list[Site], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    config = in_cluster(settings_for(sites, tmp_path), Place.on(nats, postgres, elastic))
    sheet = nam_tra_my_sheet()
    plan = [(server, rng.uniform(1, CRAWL_S), rng.uniform(*DOWN_S)) for server in (nats, postgres, elastic)]
    upload_at = rng.uniform(0, CRAWL_S / 2)
    program = Program("--config", config, "up", timeout_s=READY_S)
    witness = Witness(program)
    began = time.monotonic()

    def how_far() -> str:
        kills = ", ".join(f"{type(server).__name__} at {at:.1f} s for {down:.1f} s" for server, at, down in plan)
        return f"seed {seed} of {ROUNDS}, {time.monotonic() - began:.0f} s: {kills}; answers {witness.statuses}"

    logs = {type(server).__name__: server.log for server in (nats, postgres, elastic)}
    with (
        telling(how_far, logs | {"the program": lambda: "".join(program.errors)}),
        ThreadPoolExecutor(len(plan)) as killers,
    ):
        try:
            witness.start()
            killed = [killers.submit(kill_and_start, *step, began) for step in plan]
            time.sleep(upload_at)
            name = upload(program, json.dumps(sheet.geojson()).encode())
            for each in killed:
                each.result()
            eventually(lambda: committed(program, name), DRAIN_S, 1)
            expected = Counter(f"{site.home}tin-{index}.html" for site in sites for index in range(ARTICLES))
            eventually(lambda: len(analysed(program)) >= len(expected), DRAIN_S, 1)
            eventually(lambda: drained(program), DRAIN_S, 1)
            witness.stop()
            check(program, witness, expected, len(sheet.geojson()["features"]))
        finally:
            witness.stop()
            program.terminate(READY_S)
        assert not faults_in(program.errors)


def check(program: Program, witness: Witness, expected: Counter[str], parcels: int) -> None:
    """Everything is there once, and what was answered meanwhile was in order."""
    listed = program.get(LISTED)
    assert Counter(one["canonical_url"] for one in listed["articles"]) == expected
    assert listed["total_count"] == str(expected.total())
    assert {one["revision"] for one in listed["articles"]} == {1}, "the same content again is no new version"
    assert witness.acknowledged <= {one["name"] for one in listed["articles"]}
    assert program.get("/v1/parcels?page_size=1")["total_count"] == str(parcels)
    assert program.get("/v1/quarantine")["total_count"] == "0"
    assert {status for counts in witness.statuses.values() for status in counts} <= {200, 503, 504}
    assert set(witness.statuses["/v1/situation"]) == {200}, "the situation is always answered"
    assert set(witness.statuses["/v1/health"]) == {200}


def analysed(program: Program) -> list[str]:
    """Addresses of the articles that are analysed and listed; none while the index does not answer."""
    answer = program.ask(LISTED)
    listed = answer.json["articles"] if answer.status == 200 else []
    return [one["canonical_url"] for one in listed if one.get("analysis")]


@pytest.mark.timeout(1200)
def test_figures_of_a_silent_store_carry_their_age_until_it_answers(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    config = in_cluster(settings_for([], tmp_path), Place.on(nats, postgres, elastic))
    program = Program("--config", config, "up", timeout_s=READY_S)
    try:
        program.ask("/v1/articles:submit", "POST", {"title": "Đường vào Trà Leng", "text": "Đường ở xã Trà Leng hỏng."})
        before = eventually(lambda: told(program)["articles"] and told(program))
        for server, half, store in ((elastic, "media", "index"), (postgres, "land", "parcels")):
            server.kill()
            try:
                stale = eventually(lambda half=half: told(program)[half], DRAIN_S)  # type: ignore[misc]
                assert "không trả lời; đây là số liệu đọc lúc" in stale["problem"]["vi"]
                assert stale["read_time"] < program.get("/v1/situation")["compute_time"]
                assert told(program)["areas"] == before["areas"]
                assert program.ask("/v1/articles").status in ((503, 504) if half == "media" else (200,))
                silent = {one["name"]: one for one in program.get("/v1/health")["stores"]}[store]
                assert silent["silent_since"] > before["time"]
            finally:
                server.start()
            eventually(lambda: not told(program)["media"] and not told(program)["land"], DRAIN_S, 1)
    finally:
        program.terminate(READY_S)


def told(program: Program) -> dict[str, Any]:
    """The situation: the figures, how many articles, and the halves that are stale because they are silent."""
    answer = program.get("/v1/situation")
    stale = {
        half["origin"]: half for half in answer["freshness"] if "không trả lời" in half.get("problem", {}).get("vi", "")
    }
    return {
        "areas": answer["areas"],
        "articles": sum(int(one.get("media", {}).get("article_count", 0)) for one in answer["areas"]),
        "time": answer["compute_time"],
        "media": stale.get("media"),
        "land": stale.get("land"),
    }
