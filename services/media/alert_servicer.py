"""AlertService: rules and the inbox of alerts, over the ledger; a rule is tried over the index."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import datetime, time, timedelta
from typing import Any

import grpc.aio
from google.protobuf.empty_pb2 import Empty
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_WARNING, Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import (
    AcknowledgeAlertRequest,
    AlertFilter,
    CreateAlertRuleRequest,
    DeleteAlertRuleRequest,
    GetAlertRequest,
    GetAlertRuleRequest,
    ListAlertRulesRequest,
    ListAlertRulesResponse,
    ListAlertsRequest,
    ListAlertsResponse,
    TestAlertRuleRequest,
    TestAlertRuleResponse,
    UpdateAlertRuleRequest,
    WatchAlertsRequest,
    WatchAlertsResponse,
)
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceServicer
from ngoclinh.media.v1.article_pb2 import Article

from services.core import paging
from services.core.clock import VIETNAM, Clock, to_timestamp, utc_now
from services.core.errors import FetchRefused, InvalidField, NotFound
from services.core.names import random_id
from services.core.ports import ArticleIndex, Ledger
from services.media.alerting import check_webhook, cooldown, most_together, shown_time, window, within
from services.media.filters import spelled_out
from services.rpc.caller import user_of

TRIED = timedelta(days=30)
"""How far back a rule is tried."""
WATCH_POLL_S = 1.0
"""Seconds between two looks for new alerts."""
LATE = timedelta(minutes=1)
"""How much later than its own time an alert may come to be listed: another process makes it, by its own clock."""

_PAGE = 200
_SHOWN = 10
_SETTABLE = ("title", "condition", "threshold_count", "window", "severity", "cooldown", "webhook_url", "disabled")


class AlertServicer(AlertServiceServicer):
    """Answers from the stores that it is handed.

    Args:
        ledger: keeps rules and alerts.
        index: what a rule is tried over.
        channel: where AreaService is, which knows the watch areas.
        webhook_hosts: ``host:port`` pairs that a rule's webhook may name.
        clock: the present moment.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: ArticleIndex,
        channel: grpc.aio.Channel,
        webhook_hosts: Collection[str],
        clock: Clock = utc_now,
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._areas = AreaServiceStub(channel)
        self._webhook_hosts = frozenset(webhook_hosts)
        self._clock = clock

    async def CreateAlertRule(self, request: CreateAlertRuleRequest, context: Any) -> AlertRule:
        """Make a rule."""
        rule = AlertRule()
        rule.CopyFrom(request.alert_rule)
        rule.name = f"alertRules/{random_id()}"
        rule.create_time.CopyFrom(to_timestamp(self._clock()))
        return await self._keep(rule, context)

    async def GetAlertRule(self, request: GetAlertRuleRequest, context: Any) -> AlertRule:
        """One rule."""
        return await self._rule(request.name)

    async def ListAlertRules(self, request: ListAlertRulesRequest, context: Any) -> ListAlertRulesResponse:
        """Rules in the order of their titles."""
        key = paging.decode_token("alertRules", None, request.page_token)
        size = paging.page_size(request.page_size, 100, 1000)
        rules = await self._ledger.alert_rules()
        rest = [rule for rule in rules if key is None or [rule.title, rule.name] > key]
        more = len(rest) > size
        token = paging.encode_token("alertRules", None, [rest[size - 1].title, rest[size - 1].name]) if more else ""
        return ListAlertRulesResponse(alert_rules=rest[:size], next_page_token=token)

    async def UpdateAlertRule(self, request: UpdateAlertRuleRequest, context: Any) -> AlertRule:
        """Change the fields that the mask names, or all that a person may set."""
        rule = await self._rule(request.alert_rule.name)
        fields = list(request.update_mask.paths) or list(_SETTABLE)
        for field in fields:
            if field not in _SETTABLE:
                raise InvalidField(
                    "update_mask",
                    f"không sửa được trường {field}; các trường sửa được: {', '.join(_SETTABLE)}",
                    f"{field} cannot be set; these can: {', '.join(_SETTABLE)}",
                )
            rule.ClearField(field)  # type: ignore[arg-type]  # checked against the table above
        chosen = AlertRule()
        chosen.CopyFrom(request.alert_rule)
        for field in set(_SETTABLE) - set(fields):
            chosen.ClearField(field)  # type: ignore[arg-type]  # from the table above
        chosen.ClearField("create_time")
        rule.MergeFrom(chosen)
        return await self._keep(rule, context)

    async def DeleteAlertRule(self, request: DeleteAlertRuleRequest, context: Any) -> Empty:
        """Remove a rule; its alerts stay."""
        await self._ledger.delete_alert_rule(request.name, user_of(context))
        return Empty()

    async def TestAlertRule(self, request: TestAlertRuleRequest, context: Any) -> TestAlertRuleResponse:
        """What the rule would have done in the last 30 days."""
        rule = AlertRule(title="trial")
        rule.MergeFrom(request.alert_rule)
        self._check(rule)
        now = self._clock()
        condition = within(await spelled_out(self._areas, rule.condition), now - TRIED, now)
        articles = await self._all(condition)
        stories: dict[str, datetime] = {}
        for article in articles:
            stories[article.story or article.name] = shown_time(article)
        days = Counter(moment.astimezone(VIETNAM).date() for moment in stories.values())
        answer = TestAlertRuleResponse(
            story_count=len(stories), alert_count=_alerts(rule, sorted(stories.values())), articles=articles[:_SHOWN]
        )
        for day in sorted(days):
            start = to_timestamp(datetime.combine(day, time(), VIETNAM))
            answer.days.add(start_time=start, story_count=days[day])
        return answer

    async def ListAlerts(self, request: ListAlertsRequest, context: Any) -> ListAlertsResponse:
        """Alerts, newest first."""
        after = paging.decode_token("alerts", request.filter, request.page_token)
        page = await self._ledger.alerts(request.filter, paging.page_size(request.page_size, 50, 200), after)
        token = paging.encode_token("alerts", request.filter, page.next_key) if page.next_key is not None else ""
        return ListAlertsResponse(alerts=page.alerts, next_page_token=token, total_count=page.total)

    async def GetAlert(self, request: GetAlertRequest, context: Any) -> Alert:
        """One alert."""
        found = await self._ledger.alert(request.name)
        if found is None:
            raise NotFound(request.name)
        return found

    async def AcknowledgeAlert(self, request: AcknowledgeAlertRequest, context: Any) -> Alert:
        """Keep who takes care of an alert."""
        return await self._ledger.acknowledge_alert(request.name, user_of(context), request.note)

    async def WatchAlerts(self, request: WatchAlertsRequest, context: Any) -> AsyncIterator[WatchAlertsResponse]:
        """Alerts from now on, as they are raised."""
        filter_ = AlertFilter()
        filter_.CopyFrom(request.filter)
        filter_.ClearField("time_range")
        filter_.time_range.start_time.CopyFrom(to_timestamp(self._clock() - LATE))
        told = {alert.name for alert in (await self._ledger.alerts(filter_, _PAGE)).alerts}
        await context.send_initial_metadata(())
        while True:
            page = await self._ledger.alerts(filter_, _PAGE)
            for alert in reversed(page.alerts):
                if alert.name not in told:
                    told.add(alert.name)
                    yield WatchAlertsResponse(alert=alert)
            await asyncio.sleep(WATCH_POLL_S)

    async def _rule(self, name: str) -> AlertRule:
        rule = await self._ledger.alert_rule(name)
        if rule is None:
            raise NotFound(name)
        return rule

    async def _keep(self, rule: AlertRule, context: Any) -> AlertRule:
        self._check(rule)
        await spelled_out(self._areas, rule.condition)
        rule.condition.ClearField("time_range")
        rule.severity = rule.severity or ALERT_SEVERITY_WARNING
        rule.threshold_count = rule.threshold_count or 1
        rule.update_time.CopyFrom(to_timestamp(self._clock()))
        await self._ledger.put_alert_rule(rule, user_of(context))
        return rule

    def _check(self, rule: AlertRule) -> None:
        """A rule must have a name and ask for something, and its webhook must be one that the office listed."""
        if not rule.title.strip():
            raise InvalidField("alert_rule.title", "hãy đặt tên cho quy tắc", "give the rule a name")
        condition = type(rule.condition)()
        condition.CopyFrom(rule.condition)
        condition.ClearField("time_range")
        condition.ClearField("include_withdrawn")
        if not condition.ByteSize():
            raise InvalidField(
                "alert_rule.condition",
                "quy tắc không có điều kiện nào; hãy chọn từ khoá, địa bàn, chủ đề hoặc thái độ",
                "the rule has no condition; choose words, places, topics or a stance",
            )
        if rule.webhook_url:
            try:
                check_webhook(rule.webhook_url, self._webhook_hosts)
            except FetchRefused as error:
                raise InvalidField("alert_rule.webhook_url", error.vi, error.en) from error

    async def _all(self, condition: Any) -> list[Article]:
        found: list[Article] = []
        after: list[object] | None = None
        while True:
            page = await self._index.search(condition, _PAGE, after)
            found += page.articles
            after = page.next_key
            if after is None:
                return found


def _alerts(rule: AlertRule, times: list[datetime]) -> int:
    """How many alerts a rule would have raised over stories at `times`, in order."""
    if rule.threshold_count <= 1:
        return len(times)
    raised = 0
    silent_until: datetime | None = None
    for number, moment in enumerate(times, 1):
        if silent_until is not None and moment < silent_until:
            continue
        if most_together(times[:number], moment, window(rule)) >= rule.threshold_count:
            raised += 1
            silent_until = moment + cooldown(rule)
    return raised
