"""OperationsService over gRPC and the real stores."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_BLOCKED, Source, SourceCheck
from ngoclinh.media.v1.event_pb2 import ArticleCollected
from ngoclinh.operations.v1.operations_service_pb2 import (
    GetHealthRequest,
    ListQuarantinedRequest,
    PurgeQuarantinedRequest,
    ReleaseQuarantinedRequest,
)
from ngoclinh.operations.v1.operations_service_pb2_grpc import OperationsServiceStub

from services.bootstrap import Running, running
from services.core import config
from services.core.errors import Unavailable
from services.monitoring import now as rules
from services.operations import gauges
from services.operations.servicer import PREVIEW
from tests.contracts.articles import article
from tests.contracts.bus import take
from tests.services.certificates import Authority

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
HALF = SimpleNamespace(total=2 << 40, used=1 << 40, free=1 << 40)


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    settings = config.load(environ={}, flags={"data_dir": tmp_path, "crawler.enabled": False})
    async with running(settings, doors=False, work=False, crawl=False, clock=lambda: NOW) as program:
        yield program


@pytest.fixture
def operations(program: Running) -> OperationsServiceStub:
    return OperationsServiceStub(program.channel)


async def set_aside(program: Running, *texts: str) -> None:
    """Publish articles and quarantine each of them."""
    for text in texts:
        event = ArticleCollected(article=article(text[:5], text))
        await program.stores.bus.publish("media.recorded", event, f"key {text[:5]}")
        await (await take(program.stores.bus, "media.recorded", "analyze")).quarantine(f"không hiểu {text[:5]}")


async def test_quarantined_events_are_listed_oldest_first_with_reason_and_preview(
    program: Running, operations: OperationsServiceStub
) -> None:
    await set_aside(program, "một", "hai", "ba " + "dài " * 5000)
    first = await operations.ListQuarantined(ListQuarantinedRequest(page_size=2))
    rest = await operations.ListQuarantined(ListQuarantinedRequest(page_size=2, page_token=first.next_page_token))
    assert [item.reason for item in [*first.quarantined, *rest.quarantined]] == [
        "không hiểu một", "không hiểu hai", "không hiểu ba dà"
    ]  # fmt: skip
    assert (first.total_count, rest.total_count, rest.next_page_token) == (3, 3, "")
    told = first.quarantined[0]
    assert (told.subject, told.group, told.key, told.attempt) == ("media.recorded", "analyze", "key một", 1)
    assert '"text": "một"' in told.preview
    assert len(rest.quarantined[0].preview) == PREVIEW
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await operations.ListQuarantined(ListQuarantinedRequest(page_token="nonsense"))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_events_are_released_or_purged_by_id(program: Running, operations: OperationsServiceStub) -> None:
    await set_aside(program, "một", "hai")
    one, two = (item.id for item in (await operations.ListQuarantined(ListQuarantinedRequest())).quarantined)
    assert (await operations.ReleaseQuarantined(ReleaseQuarantinedRequest(ids=[one, "999"]))).count == 1
    assert (await take(program.stores.bus, "media.recorded", "analyze")).key == "key một"
    assert (await operations.PurgeQuarantined(PurgeQuarantinedRequest(ids=[one, two]))).count == 1, (
        "one is no longer there"
    )
    assert (await operations.ListQuarantined(ListQuarantinedRequest())).total_count == 0
    with pytest.raises(grpc.aio.AioRpcError):
        await operations.PurgeQuarantined(PurgeQuarantinedRequest())


async def test_an_event_that_is_none_shows_its_bytes(program: Running, operations: OperationsServiceStub) -> None:
    await set_aside(program, "một")
    with sqlite3.connect(program.settings.data_dir / "bus.sqlite") as connection:
        connection.execute("UPDATE message SET payload = x'ffff00'")
    (told,) = (await operations.ListQuarantined(ListQuarantinedRequest())).quarantined
    assert told.preview == "ffff00"


async def test_health_tells_stores_queues_crawler_disk_versions_and_model(
    program: Running, operations: OperationsServiceStub
) -> None:
    await set_aside(program, "một")
    await program.stores.bus.publish("media.recorded", ArticleCollected(), "waits")
    for name, state in (("sources/a", SOURCE_STATE_ACTIVE), ("sources/b", SOURCE_STATE_BLOCKED)):
        source = Source(name=name, state=state)
        source.poll_time.FromDatetime(NOW)
        await program.stores.ledger.record_source(source)
    unread = Source(name="sources/c", state=SOURCE_STATE_ACTIVE, checks=[SourceCheck(kind="feed", ok=False)])
    await program.stores.ledger.record_source(unread)
    health = await operations.GetHealth(GetHealthRequest())
    assert [(store.name, store.reachable) for store in health.stores] == [
        (name, True) for name in ("bus", "ledger", "index", "parcels")
    ]
    assert all(store.size_bytes > 4096 for store in health.stores[:2])
    assert {queue.name: queue.waiting_count for queue in health.queues}["media.recorded/analyze"] == 1
    assert health.quarantined_count == 1
    crawler = health.crawler
    assert (crawler.enabled, crawler.source_count, crawler.active_count, crawler.problem_count) == (False, 3, 2, 2)
    assert crawler.last_poll_time.ToDatetime(UTC) == health.check_time.ToDatetime(UTC) == NOW
    assert 0 < health.disk.free_bytes < health.disk.total_bytes
    assert {part.name: part.version for part in health.versions}["sqlite"] == sqlite3.sqlite_version
    assert health.model.startswith("baseline@")


@pytest.mark.parametrize(
    ("error", "words"),
    [(Unavailable("Mất kết nối.", "Lost."), "Lost."), (ZeroDivisionError("x"), "An internal fault; see the log.")],
    ids=["lost", "fault"],
)
@pytest.mark.parametrize(("name", "call"), [("bus", "quarantined"), ("ledger", "sources")])
async def test_a_store_that_goes_between_two_looks_is_told_and_the_rest_is_told_too(
    program: Running,
    operations: OperationsServiceStub,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    call: str,
    error: Exception,
    words: str,
) -> None:
    async def gone() -> Any:
        raise error

    monkeypatch.setattr(getattr(program.stores, name), call, gone, raising=False)
    health = await operations.GetHealth(GetHealthRequest())
    told = {each.name: each for each in health.stores}
    assert [each for each in told if not told[each].reachable] == [name]
    assert told[name].problem.en == words
    assert len(health.queues) > 5, "what the bus said before is told"
    assert health.disk.total_bytes > 0
    assert health.check_time.seconds > 0


async def test_a_store_that_does_not_answer_is_told_and_the_rest_is_told_too(
    program: Running, operations: OperationsServiceStub
) -> None:
    await program.stores.ledger.close()
    health = await operations.GetHealth(GetHealthRequest())
    broken = {store.name: store for store in health.stores if not store.reachable}
    assert list(broken) == ["ledger"]
    assert broken["ledger"].problem.vi == "Kho dữ liệu ledger.sqlite đã đóng."
    assert (health.crawler.source_count, len(health.queues) > 5) == (0, True)


async def test_no_store_is_silent_since_later_than_it_was_looked_at(tmp_path: Path) -> None:
    settings = config.load(environ={}, flags={"data_dir": tmp_path, "crawler.enabled": False})
    async with running(settings, doors=False, work=False, crawl=False) as program:
        await program.stores.ledger.close()
        health = await OperationsServiceStub(program.channel).GetHealth(GetHealthRequest())
    (since,) = (store.silent_since.ToDatetime(UTC) for store in health.stores if store.name == "ledger")
    assert health.start_time.ToDatetime(UTC) <= since <= health.check_time.ToDatetime(UTC)


async def test_health_tells_what_no_store_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway", days=3)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "ngoclinh-20261117T190000Z.ngoclinh").touch()
    flags = {
        "data_dir": tmp_path / "data", "crawler.enabled": False, "backup.folder": tmp_path / "backups",
        "gateway.tls_cert_file": certificate, "gateway.tls_key_file": key, "nats.ca_file": tmp_path / "none.pem",
    }  # fmt: skip
    now = [datetime.now(UTC)]
    monkeypatch.setattr(gauges, "FRESH_S", 0.0)
    monkeypatch.setattr(rules, "LOOK_S", 0.05)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: HALF)  # the disk of this machine may be full
    async with running(
        config.load(environ={}, flags=flags), doors=False, crawl=False, clock=lambda: now[0]
    ) as program:  # fmt: skip
        stub = OperationsServiceStub(program.channel)
        for _ in range(600):
            health = await stub.GetHealth(GetHealthRequest())
            if "OperationsService" in {service.name for service in health.services}:  # the first call is counted
                break
            await asyncio.sleep(0.1)
        assert {store.name: store.error_count for store in health.stores}["ledger"] == 0
        assert {store.name: store.call_count for store in health.stores}["ledger"] > 0
        assert {service.name for service in health.services} >= {"OperationsService"}
        ends = {each.name: each for each in health.certificates}
        assert 0 < ends["gateway.tls_cert_file"].expire_time.seconds - now[0].timestamp() < 4 * 86_400
        assert "none.pem" in ends["nats.ca_file"].problem.vi
        assert (health.backs_up, health.backup_time.ToDatetime(UTC)) == (True, datetime(2026, 11, 17, 19, tzinfo=UTC))
        assert (health.HasField("retention_time"), health.HasField("clock_doubt"), list(health.alarms)) == (
            False,
            False,
            [],
        )
        now[0] += timedelta(hours=2)
        for _ in range(600):
            raised = [(alarm.name, alarm.critical) for alarm in (await stub.GetHealth(GetHealthRequest())).alarms]
            if len(raised) == 2:
                break
            await asyncio.sleep(0.1)
    assert set(raised) == {("NgocLinhBackupOld", True), ("NgocLinhCertificateEnds", True)}
