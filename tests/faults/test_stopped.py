"""A process stands still (SIGSTOP): calls end within their bounds in words, screens tell since when, all goes on after SIGCONT."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.places import Place
from tests.e2e.mini_site import settings_for
from tests.e2e.program import eventually
from tests.engines import Elastic, Nats, Postgres, Server
from tests.faults.cuts import LONG
from tests.faults.kills import sites_of
from tests.faults.parts import parts_of
from tests.faults.processes import CRAWLER, READER, Kind, Part, Processes
from tests.faults.work import SQUARE, crawled
from tests.gis import files
from tests.services.gateway.conftest import Answer, send
from tests.services.land.sheets import OPTIONS

BOUND_S = 90.0
"""Seconds within which every call has ended: 30 of its deadline, and what a busy machine takes."""
AGAIN_S = 180.0
"""Seconds within which everything goes on."""
READER_S = 40
"""Seconds that a reader may take in these tests: a busy machine needs some of them."""
CRAWLER_S = 45
"""Seconds without a sign of life after which these tests take a crawler for one that stands still."""
CHECK = {"parcels": [{"wkt": SQUARE}], "options": {"coordinate_system": "5899"}}
KINDS = {
    "crawler": Kind("up", CRAWLER),
    "reader": Kind("up", READER, with_file=True),
    "checker": Kind("up", READER),
}


def ask(port: int, path: str, body: Any = None) -> Answer:
    """One call, which ends within the bound, in words where it does not succeed."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    began = time.monotonic()
    answer = send(port, "GET" if body is None else "POST", path, data, {"Content-Type": kind} if data else {}, BOUND_S)
    assert time.monotonic() - began < BOUND_S
    assert answer.status in (200, 413, 503, 504), answer.body
    if answer.status != 200:
        assert b'"vi"' in answer.body
        assert b'"en"' in answer.body
    return answer


def get(port: int, path: str) -> Any:
    """What is answered to a call that must succeed."""
    answer = ask(port, path)
    assert answer.status == 200, answer.body
    return answer.json


def upload(port: int, folder: Path) -> str:
    """Send a sheet; the name of its import."""
    sheet = files.write(folder / "to3.gpkg", files.squares(3), files.cadastral_columns(3)).read_bytes()
    options = "&".join(f"options.{name}={value}" for name, value in OPTIONS.items())
    return str(ask(port, f"/v1/imports:upload?file_name=to3.gpkg&{options}", sheet).json["name"])


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it was ended meanwhile
            os.kill(pid, signal.SIGCONT)


def state(port: int, name: str) -> Any:
    """An import."""
    return get(port, f"/v1/{name}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stopped_reader_holds_up_nothing_else(tmp_path: Path) -> None:
    with sites_of(0, 0) as sites:
        config = settings_for(sites, tmp_path)
        config.write_text(config.read_text() + f"[land]\nreader_timeout_s = {READER_S}\n")
        with Processes({"up": Part("--config", config, "up")}, KINDS, web="up") as processes:
            port = processes.port
            ended = upload(port, tmp_path)
            with stopped(processes.find("reader")):
                failed = eventually(lambda: (one := state(port, ended))["state"] != "IMPORT_STATE_RUNNING" and one)
            assert failed["state"] == "IMPORT_STATE_FAILED"
            assert f"quá {READER_S} giây" in failed["problem"]["vi"]
            committed = upload(port, tmp_path)
            eventually(lambda: state(port, committed)["state"] == "IMPORT_STATE_COMMITTED")
            eventually(lambda: ask(port, "/v1/parcels:validate", CHECK).status == 200)
            with stopped(processes.find("checker")):
                assert ask(port, "/v1/parcels:validate", CHECK).status == 413
            eventually(lambda: ask(port, "/v1/parcels:validate", CHECK).status == 200)
            assert paste(port, "Đường hỏng.").status == 200
            assert processes.faults == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stopped_crawler_is_told_ended_and_started_again(tmp_path: Path) -> None:
    with sites_of(2, 4) as sites:
        config = settings_for(sites, tmp_path)  # its last table is that of the crawler
        config.write_text(config.read_text() + f"silence_s = {CRAWLER_S}\n")
        with Processes({"up": Part("--config", config, "up")}, KINDS, web="up") as processes:
            port = processes.port
            eventually(lambda: get(port, "/v1/health")["crawler"].get("last_poll_time"))
            with stopped(pid := processes.find("crawler")):
                paste(port, "Đường hỏng.")  # answered, or told: the crawler may hold the spool
                health = get(port, "/v1/health")
                assert health["crawler"]["last_poll_time"] < health["check_time"], "since when it found nothing"
                eventually(lambda: processes.find("crawler") != pid, AGAIN_S)
            eventually(lambda: paste(port, "Đường hỏng nặng.").status == 200, AGAIN_S)
            eventually(
                lambda: (
                    crawled(sites).keys()
                    <= {one["canonical_url"] for one in get(port, "/v1/articles?page_size=200")["articles"]}
                ),
                AGAIN_S,
            )
            assert any("child stands still" in line for line in processes.parts["up"].errors)
            assert processes.faults == []


def paste(port: int, text: str) -> Answer:
    """Paste a text."""
    return ask(port, "/v1/articles:submit", {"title": text, "text": text})


def analysed(port: int, text: str) -> bool:
    """Is a pasted text listed with its analysis?"""
    found = ask(port, "/v1/articles?page_size=200")
    return found.status == 200 and any(one["title"] == text and one.get("analysis") for one in found.json["articles"])


@pytest.mark.cluster
@pytest.mark.skipif(not LONG, reason="waits for minutes: `make test-faults` does it")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stopped_servers_and_a_stopped_sentiment_service_are_told_and_everything_goes_on(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    with Processes(parts_of(place, [], tmp_path), {}, web="gateway") as processes:
        port = processes.port
        eventually(lambda: paste(port, "trước").status == 200)
        with stopped(processes.parts["sentiment"].pid):
            paste(port, "trong lúc dừng")
            assert get(port, "/v1/health")["model"] == "", "a model that does not answer is told as none"
            assert ask(port, "/v1/articles").status == 200
        eventually(lambda: analysed(port, "trong lúc dừng"), AGAIN_S, 1)
        for server, stores in ((nats, {"bus"}), (postgres, {"ledger", "parcels"}), (elastic, {"index"})):
            told_while_stopped(port, server, stores)
            text = f"sau {type(server).__name__}"
            eventually(lambda text=text: paste(port, text).status == 200, AGAIN_S, 1)  # type: ignore[misc]
            eventually(lambda text=text: analysed(port, text), AGAIN_S, 1)  # type: ignore[misc]
        assert processes.faults == []
    place.throw_away()


def told_while_stopped(port: int, server: Server, stores: set[str]) -> None:
    """While a server stands still every page is answered or told, and health tells since when."""
    server.pause()
    try:
        took = {}
        for path in ("/v1/articles", "/v1/parcels", "/v1/sources", "/v1/imports"):
            began = time.monotonic()
            ask(port, path)
            took[path] = round(time.monotonic() - began)
        sys.stdout.write(f"\n{type(server).__name__} stands still, seconds until an answer: {took}\n")
        paste(port, "không ai nhận")
        ask(port, "/v1/situation")
        told = eventually(
            lambda: (
                (health := get(port, "/v1/health"))
                and {one["name"] for one in health["stores"] if not one["reachable"]} >= stores
                and health
            ),
            AGAIN_S,
        )
        silent = {one["name"]: one for one in told["stores"] if not one["reachable"]}
        assert set(silent) == stores
        assert all(one["silent_since"] < told["check_time"] and one["problem"]["vi"] for one in silent.values())
    finally:
        server.resume()
