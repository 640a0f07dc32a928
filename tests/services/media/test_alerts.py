"""Alert rules over real stores: what raises an alert, once, and what becomes of it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiohttp import web
from google.protobuf.field_mask_pb2 import FieldMask
from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_CRITICAL, Alert, AlertRaised, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import (
    AcknowledgeAlertRequest,
    AlertFilter,
    CreateAlertRuleRequest,
    DeleteAlertRuleRequest,
    GetAlertRuleRequest,
    ListAlertRulesRequest,
    ListAlertsRequest,
    UpdateAlertRuleRequest,
    WatchAlertsRequest,
)
from ngoclinh.media.v1.alert_service_pb2 import TestAlertRuleRequest as TryAlertRuleRequest
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub
from ngoclinh.media.v1.article_pb2 import ARTICLE_KIND_NEWS, ARTICLE_KIND_POST, Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.area.servicer import AreaServicer
from services.core import protojson
from services.core.clock import to_timestamp
from services.core.ports import Output
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import WatchAreaSettings
from services.core.worker import Quarantine, Retry
from services.media.alert_servicer import AlertServicer
from services.media.alerting import Alerter, Notifier
from services.media.conditions import matches
from services.rpc.client import connect
from services.rpc.serve import Server
from tests.contracts.articles import (
    AREAS,
    SOURCES,
    STANCES,
    START,
    TONES,
    TOPICS,
    WORDS,
    analyzed,
    article,
    collected,
    random_article,
)
from tests.services.media.stores import Stores
from tests.services.media.test_servicer import refusal

NOW = START + timedelta(days=20)


class Office:
    """The alert half over stores whose clock stands still."""

    def __init__(self, stores: Stores, channel: Any) -> None:
        self.stores = stores
        self.stub = AlertServiceStub(channel)
        self.alerter = Alerter(stores.ledger, stores.index, channel, clock=lambda: NOW)

    async def index(self, made: Article, sentiment: str = "negative") -> list[Output]:
        """Record, analyse and index an article, then hold the rules against it."""
        recorded = await self.stores.ledger.record_collected(collected(made))
        event = analyzed(made.name, recorded.article.revision, sentiment=sentiment)
        shown = await self.stores.ledger.record_analyzed(event)
        assert shown is not None
        await self.stores.index.put([shown])
        return list(await self.alerter.indexed(ArticleAnalyzed(article=made.name)))

    async def rule(self, condition: ArticleFilter, **fields: Any) -> AlertRule:
        made: AlertRule = await self.stub.CreateAlertRule(
            CreateAlertRuleRequest(alert_rule=AlertRule(title="Quy tắc", condition=condition, **fields))
        )
        return made

    async def alerts(self, **fields: Any) -> list[Alert]:
        return list((await self.stub.ListAlerts(ListAlertsRequest(filter=AlertFilter(**fields)))).alerts)


@pytest.fixture
async def office(stores: Stores, tmp_path: Path) -> AsyncIterator[Office]:
    await stores.ledger.close()
    stores.ledger = SqliteLedger(tmp_path / "ledger", clock=lambda: NOW)
    server = Server(GrpcSettings(port=0), tcp=False, unix=tmp_path / "s")
    channel = connect(server.target)
    servicer = AlertServicer(stores.ledger, stores.index, channel, ["127.0.0.1:9"], clock=lambda: NOW)
    server.add("ngoclinh.media.v1.AlertService", servicer)
    watched = WatchAreaSettings(title="Núi", areas=[name.removeprefix("areas/2025-") for name in AREAS[:2]])
    server.add("ngoclinh.area.v1.AreaService", AreaServicer({"nui": watched}))
    await server.start()
    yield Office(stores, channel)
    await channel.close()
    await server.stop(0)


def at_day(key: str, days: float, text: str = "", **fields: Any) -> Article:
    made = article(key, text, days=days, **fields)
    made.story = made.story or made.name
    return made


async def test_a_rule_matches_what_a_search_finds(tmp_path: Path) -> None:
    rng = random.Random(5)
    articles = [random_article(rng, number) for number in range(150)]
    async with SqliteArticleIndex(tmp_path / "i") as index:
        await index.put(articles)
        seen = set()
        for _ in range(120):
            condition = ArticleFilter(
                query=rng.choice(["", "", rng.choice(WORDS), " ".join(rng.choices(WORDS, k=2)), '"đất đai"', "!?"]),
                areas=rng.sample(AREAS, rng.choice([0, 0, 1, 2])),
                sources=rng.sample(SOURCES, rng.choice([0, 0, 1])),
                topics=rng.sample(TOPICS, rng.choice([0, 0, 1])),
                sentiments=rng.sample(TONES, rng.choice([0, 0, 2])),
                stances=rng.sample(STANCES, rng.choice([0, 0, 1])),
                kinds=rng.choice([[], [], [ARTICLE_KIND_NEWS, ARTICLE_KIND_POST]]),
                only_complaints=rng.random() < 0.2,
                only_originals=rng.random() < 0.2,
                only_with_parcels=rng.random() < 0.2,
                include_withdrawn=rng.random() < 0.5,
            )
            if rng.random() < 0.3:
                condition.time_range.start_time.FromDatetime(START + timedelta(days=rng.randrange(60)))
            found = {hit.name for hit in (await index.search(condition, 1000)).articles}
            assert {made.name for made in articles if matches(condition, made)} == found, condition
            seen.add(len(found) > 0)
    assert seen == {True, False}, "some conditions find something, some nothing"


async def test_a_rule_speaks_once_a_story(office: Office) -> None:
    rule = await office.rule(
        ArticleFilter(query="sạt lở", watch_area="watchAreas/nui"), severity=ALERT_SEVERITY_CRITICAL
    )
    first = at_day("a", 19, "Sạt lở ở thôn 2.")
    (output,) = await office.index(first)
    copy = at_day("b", 19.5, "Sạt lở ở thôn 2, bản đăng lại.", story=first.name, duplicate_of=first.name)
    assert await office.index(copy) == []
    assert await office.index(at_day("c", 19, "Trời nắng.")) == []
    (alert,) = await office.alerts()
    assert (alert.rule, alert.severity, alert.article, alert.count) == (
        rule.name,
        ALERT_SEVERITY_CRITICAL,
        first.name,
        1,
    )
    assert list(alert.areas) == AREAS[:2]
    assert output == Output("alert.raised", AlertRaised(alert=alert), alert.name)


async def test_an_alert_is_told_again_after_a_crash_before_the_acknowledgement(office: Office) -> None:
    await office.rule(ArticleFilter(query="sạt lở"))
    (first,) = await office.index(at_day("a", 19, "Sạt lở."))
    (again,) = await office.alerter.indexed(ArticleAnalyzed(article=at_day("a", 19).name))
    assert (again.key, again.subject) == (first.key, first.subject)
    assert len(await office.alerts()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations([18.0, 18.3, 18.6])))
async def test_a_rule_that_counts_speaks_when_enough_stories_came_together(
    office: Office, order: tuple[float, ...]
) -> None:
    await office.rule(ArticleFilter(query="sạt lở"), threshold_count=3, window=timedelta(days=1))
    counts = [len(await office.index(at_day(f"k{day}", day, "Sạt lở."))) for day in order]
    assert counts == [0, 0, 1], "whatever the order in which they come"
    assert [alert.count for alert in await office.alerts()] == [3]
    assert await office.index(at_day("k4", 18.4, "Sạt lở.")) == [], "silent for its cooldown"


async def test_stories_far_apart_or_of_one_copy_do_not_count_together(office: Office) -> None:
    await office.rule(ArticleFilter(query="sạt lở"), threshold_count=2, window=timedelta(hours=6))
    first = at_day("a", 18, "Sạt lở.")
    for made in (first, at_day("b", 18.1, "Sạt lở.", story=first.name), at_day("c", 19, "Sạt lở.")):
        assert await office.index(made) == []


async def test_what_is_old_or_withdrawn_or_asked_by_a_resting_rule_raises_nothing(office: Office) -> None:
    await office.rule(ArticleFilter(query="sạt lở"), disabled=True)
    assert await office.index(at_day("a", 19, "Sạt lở.")) == []
    await office.rule(ArticleFilter(query="sạt lở"))
    assert await office.index(at_day("b", 10, "Sạt lở mười ngày trước.")) == []


async def test_a_rule_is_tried_over_the_last_month(office: Office) -> None:
    for key, days, text in (
        ("a", 1, "Sạt lở."),
        ("b", 5, "Sạt lở."),
        ("c", 5.2, "Sạt lở."),
        ("d", 6, "Nắng."),
        ("e", -20, "Sạt lở."),
    ):
        await office.index(at_day(key, days, text))
    condition = ArticleFilter(query="sat lo")
    once = await office.stub.TestAlertRule(TryAlertRuleRequest(alert_rule=AlertRule(title="t", condition=condition)))
    assert (once.story_count, once.alert_count) == (3, 3)
    assert [day.story_count for day in once.days] == [1, 2]
    assert [found.title for found in once.articles] == ["Bài c", "Bài b", "Bài a"]
    counting = AlertRule(title="t", condition=condition, threshold_count=2)
    assert (await office.stub.TestAlertRule(TryAlertRuleRequest(alert_rule=counting))).alert_count == 1
    assert await office.alerts() == [], "a trial raises nothing"


async def test_rules_can_be_changed_listed_and_removed(office: Office) -> None:
    rule = await office.rule(ArticleFilter(query="sạt lở"), threshold_count=2)
    changed = AlertRule(name=rule.name, title="Tên mới", threshold_count=9)
    mask = FieldMask(paths=["title"])
    updated = await office.stub.UpdateAlertRule(UpdateAlertRuleRequest(alert_rule=changed, update_mask=mask))
    assert (updated.title, updated.threshold_count, updated.condition.query) == ("Tên mới", 2, "sạt lở")
    assert updated.create_time == rule.create_time
    assert (await office.stub.GetAlertRule(GetAlertRuleRequest(name=rule.name))) == updated
    await office.rule(ArticleFilter(query="cháy"))
    first = await office.stub.ListAlertRules(ListAlertRulesRequest(page_size=1))
    second = await office.stub.ListAlertRules(ListAlertRulesRequest(page_size=1, page_token=first.next_page_token))
    assert [found.title for page in (first, second) for found in page.alert_rules] == ["Quy tắc", "Tên mới"]
    assert not second.next_page_token
    await office.stub.DeleteAlertRule(DeleteAlertRuleRequest(name=rule.name))
    code, reason, _ = await refusal(office.stub.GetAlertRule(GetAlertRuleRequest(name=rule.name)))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (AlertRule(title="t", condition=ArticleFilter(include_withdrawn=True)), "alert_rule.condition"),
        (
            AlertRule(title="t", condition=ArticleFilter(query="x"), webhook_url="http://127.0.0.1:8/"),
            "alert_rule.webhook_url",
        ),
        (
            AlertRule(title="t", condition=ArticleFilter(query="x"), webhook_url="file:///etc/passwd"),
            "alert_rule.webhook_url",
        ),
        (AlertRule(title="", condition=ArticleFilter(query="x")), "alert_rule.title"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_in_words(office: Office, rule: AlertRule, field: str) -> None:
    code, reason, answer = await refusal(office.stub.CreateAlertRule(CreateAlertRuleRequest(alert_rule=rule)))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert field in str(answer)


async def test_who_acknowledges_is_kept(office: Office) -> None:
    await office.rule(ArticleFilter(query="sạt lở"))
    await office.index(at_day("a", 19, "Sạt lở."))
    (alert,) = await office.alerts(only_open=True)
    request = AcknowledgeAlertRequest(name=alert.name, note="đã báo xã")
    done = await office.stub.AcknowledgeAlert(request, metadata=(("x-user", "an"), ("x-roles", "analyst")))
    assert (done.acknowledge_user, done.note, done.acknowledge_time.ToDatetime(UTC)) == ("an", "đã báo xã", NOW)
    assert await office.alerts(only_open=True) == []


async def test_a_watch_tells_new_alerts(office: Office) -> None:
    rule = await office.rule(ArticleFilter(query="sạt lở"))
    await office.index(at_day("b", 19, "Sạt lở."))
    assert len(await office.alerts()) == 1
    watch = office.stub.WatchAlerts(WatchAlertsRequest())
    await watch.initial_metadata()
    late = Alert(
        name="alerts/late", title="Báo muộn", rule=rule.name, raise_time=to_timestamp(NOW - timedelta(seconds=50))
    )
    assert await office.stores.ledger.raise_alert(late)
    async with asyncio.timeout(60):
        assert (await watch.read()).alert.title == "Báo muộn", "what was made before the watch and is listed after it"
    await office.index(at_day("a", 19, "Sạt lở."))
    async with asyncio.timeout(60):
        told = await watch.read()
    watch.cancel()
    assert told.alert.title == "Bài a"


async def test_a_webhook_gets_the_alert_and_is_tried_again_until_it_answers() -> None:
    got: list[tuple[Any, str]] = []

    async def receive(request: web.Request) -> web.Response:
        got.append((await request.json(), request.headers["Idempotency-Key"]))
        return web.Response(status=500 if len(got) == 1 else 204)

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    alert = Alert(name="alerts/a", title="Sạt lở ở thôn 2")
    alert.raise_time.FromDatetime(datetime(2026, 11, 20, tzinfo=UTC))
    event = AlertRaised(alert=alert, webhook_url=f"http://127.0.0.1:{port}/hook")
    notifier = Notifier([f"127.0.0.1:{port}"])
    with pytest.raises(Retry):
        await notifier.raised(event)
    assert await notifier.raised(event) == []
    await runner.cleanup()
    assert got == [(protojson.to_dict(alert), "alerts/a")] * 2
    with pytest.raises(Retry):
        await notifier.raised(event)
    with pytest.raises(Quarantine):
        await Notifier([]).raised(event)
