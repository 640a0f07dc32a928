"""Metrics and the trail of the logs, over a program that really works."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
import structlog
from ngoclinh.area.v1.area_service_pb2 import GetAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_BLOCKED, Source
from ngoclinh.media.v1.event_pb2 import ArticleCollected
from prometheus_client.parser import text_string_to_metric_families

from services.access.passwords import hash_password
from services.bootstrap import Running, drain, running
from services.core import log
from services.core.errors import InvalidField
from services.core.metrics import CATALOGUE
from services.operations import gauges
from tests.contracts.articles import article
from tests.contracts.bus import take
from tests.services.certificates import Authority
from tests.services.gateway.conftest import Answer, send
from tests.services.test_bootstrap import settings_for

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
Values = dict[tuple[str, tuple[str, ...]], float]


def values(page: bytes) -> Values:
    """Value by name and labels, of a page that is checked against the catalogue."""
    found: Values = {}
    for family in text_string_to_metric_families(page.decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        declared = CATALOGUE[name]
        assert family.type == declared.kind
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if key != "le"}
            assert set(labels) == set(declared.labels)
            found[sample.name, tuple(labels[key] for key in declared.labels)] = sample.value
    return found


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scrape looks: the program itself looks at its rules when it starts."""
    monkeypatch.setattr(gauges, "FRESH_S", 0.0)


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "ngoclinh-20261119T190000Z.ngoclinh").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "retention.json").write_text('{"last_run": "2026-11-19T19:00:00+00:00", "pending": []}')
    authority = Authority(tmp_path).file
    flags = {
        "observability.metrics_address": "127.0.0.1:0", "backup.folder": folder, "nats.ca_file": authority,
    }  # fmt: skip
    async with running(settings_for(tmp_path / "data", **flags), crawl=False, clock=lambda: NOW) as program:
        yield program


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


async def scrape(program: Running) -> Values:
    answer = await asyncio.to_thread(send, port(program.metrics_url), "GET", "/metrics")
    assert answer.status == 200
    return values(answer.body)


async def work(program: Running) -> None:
    """An article on its whole way, one event that nobody understands, sources, calls."""
    stores = program.stores
    one = article("one", "Sạt lở ở xã Trà Leng.")
    one.collect_time.FromDatetime(NOW - timedelta(seconds=20))
    await stores.bus.publish("media.collected", ArticleCollected(article=one, content_sha256="1" * 64), f"{one.name}:1")
    assert await drain(stores.bus) == {}
    blocked = Source(name="sources/a", state=SOURCE_STATE_BLOCKED, article_count=3, failure_count=2, refused_count=1)
    blocked.poll_time.FromDatetime(NOW)
    await stores.ledger.record_source(blocked)
    await stores.ledger.record_source(Source(name="sources/b", state=SOURCE_STATE_ACTIVE, article_count=4))
    with pytest.raises(grpc.aio.AioRpcError):
        await AreaServiceStub(program.channel).GetArea(GetAreaRequest(name="areas/2025-99999"))


async def test_the_page_tells_what_was_done(program: Running) -> None:
    before = await scrape(program)
    await work(program)
    after = await scrape(program)

    def grown(name: str, *labels: str) -> float:
        return after[name, labels] - before.get((name, labels), 0)

    assert grown("ngoclinh_rpcs_total", "AreaService", "GetArea", "NOT_FOUND") == 1
    assert grown("ngoclinh_rpc_seconds_count", "SentimentService", "AnalyzeText") == 1
    assert grown("ngoclinh_rpcs_total", "SentimentService", "AnalyzeText", "OK") == 1
    for subject in ("media.collected", "media.recorded", "media.analyzed", "media.indexed"):
        assert grown("ngoclinh_events_total", subject, "done") == 1, subject
    assert grown("ngoclinh_index_lag_seconds_count") == 1
    assert grown("ngoclinh_index_lag_seconds_sum") == pytest.approx(20)
    assert grown("ngoclinh_store_calls_total", "ledger", "record_collected") == 1
    assert after["ngoclinh_pages_total", ("article",)] == 7
    assert after["ngoclinh_sources", ("blocked",)] == after["ngoclinh_sources_in_trouble", ()] == 1
    assert after["ngoclinh_last_poll_timestamp_seconds", ()] == NOW.timestamp()
    assert after["ngoclinh_last_backup_timestamp_seconds", ()] == datetime(2026, 11, 19, 19, tzinfo=UTC).timestamp()
    assert after["ngoclinh_last_retention_timestamp_seconds", ()] == datetime(2026, 11, 19, 19, tzinfo=UTC).timestamp()
    assert after["ngoclinh_certificate_end_timestamp_seconds", ("nats.ca_file",)] > datetime.now(UTC).timestamp()
    assert after["ngoclinh_clock_in_doubt", ()] == 0
    assert after["ngoclinh_findings", ("error",)] == after["ngoclinh_imports", ("running",)] == 0
    assert after["ngoclinh_disk_free_bytes", ()] <= after["ngoclinh_disk_total_bytes", ()]
    assert all(value == 1 for (name, _), value in after.items() if name == "ngoclinh_look_ok")


async def test_every_metric_of_the_catalogue_is_exported(program: Running) -> None:
    await work(program)
    exported = {name for name, _ in await scrape(program)}
    ends = {"histogram": "_bucket", "counter": "", "gauge": ""}
    assert {name + ends[metered.kind] for name, metered in CATALOGUE.items()} <= exported


async def test_no_label_holds_what_an_event_or_a_call_names(program: Running) -> None:
    await work(program)
    labels = " ".join(value for _, values_ in await scrape(program) for value in values_)
    assert "articles/" not in labels
    assert "areas/" not in labels
    assert "sources/" not in labels


async def test_quarantined_events_and_waiting_ones_are_told_by_group(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **{"observability.metrics_address": "127.0.0.1:0"})
    async with running(settings, work=False, crawl=False) as program:
        bus = program.stores.bus
        for each in "ab":
            await bus.publish("media.recorded", ArticleCollected(article=article(each, each)), each)
        await (await take(bus, "media.recorded", "analyze")).quarantine("không hiểu")
        found = await scrape(program)
    assert found["ngoclinh_bus_depth", ("media.recorded", "analyze")] == 1
    assert found["ngoclinh_quarantined", ("media.recorded", "analyze")] == 1
    assert found["ngoclinh_quarantined", ("land.validated", "situation")] == 0


async def test_a_store_that_does_not_answer_leaves_the_rest_of_the_page(program: Running) -> None:
    await program.stores.ledger.close()
    path = program.settings.data_dir / "ledger.sqlite"
    for file in path.parent.glob("ledger*"):
        file.unlink()
    path.mkdir()
    found = await scrape(program)
    assert found["ngoclinh_look_ok", ("ledger",)] == 0
    assert found["ngoclinh_look_ok", ("bus",)] == 1
    assert ("ngoclinh_sources_in_trouble", ()) not in found


async def test_the_gateway_shows_the_metrics_to_its_users_only(tmp_path: Path) -> None:
    async def ask(program: Running, **headers: str) -> Answer:
        return await asyncio.to_thread(send, port(program.url), "GET", "/metrics", None, headers)

    async with running(settings_for(tmp_path / "open"), crawl=False) as program:
        answer = await ask(program)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert values(answer.body)
        assert program.metrics_url == "", "nothing else listens unasked"
    file = tmp_path / "users"
    file.write_text(f"prometheus:{hash_password('mat-khau-thu-nghiem-1')}\n")
    async with running(settings_for(tmp_path / "closed", **{"gateway.users_file": file}), crawl=False) as program:
        login = base64.b64encode(b"prometheus:mat-khau-thu-nghiem-1").decode()
        assert (await ask(program)).status == 401
        assert (await ask(program, Authorization=f"Basic {login}")).status == 200


@pytest.mark.parametrize("address", ["9100", ":9100", "localhost:", "localhost:70000", "localhost:x"])
async def test_an_address_without_host_or_port_is_refused(tmp_path: Path, address: str) -> None:
    settings = settings_for(tmp_path, **{"observability.metrics_address": address})
    with pytest.raises(InvalidField, match=r"observability\.metrics_address"):
        async with running(settings, crawl=False):
            pass


async def test_one_id_leads_from_the_crawler_to_the_index(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    log.configure("info")
    try:
        async with running(settings_for(tmp_path), doors=False, crawl=False) as program:
            await work(program)
    finally:
        structlog.configure(**before)
    id_ = article("one", "").name.rpartition("/")[2]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("request_id") == id_ or id_ in line.get("done", ())]
    assert [line["subject"] for line in mine if line["event"] in ("event", "batch")] == [
        "media.collected", "media.recorded", "media.analyzed", "media.indexed"
    ]  # fmt: skip
    assert [line["method"] for line in mine if line["event"] == "rpc"][:1] == [
        "/ngoclinh.sentiment.v1.SentimentService/AnalyzeText"
    ], "also in the services that were called meanwhile"
