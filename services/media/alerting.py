"""Holds alert rules against every article that was just indexed, and sends what they raise to where the office wants it.

A rule speaks once a story; one that counts speaks when enough stories came together, and is then silent for its cooldown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_WARNING, Alert, AlertRaised, AlertRule
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from crawlers.safety import SafeResolver, check_url, endpoint
from services.core import protojson
from services.core.clock import Clock, to_datetime, to_timestamp, utc_now
from services.core.errors import FetchRefused, NotFound, Unavailable
from services.core.log import get_logger
from services.core.names import digest_id
from services.core.ports import ArticleIndex, Ledger, Output
from services.core.worker import Handle, Quarantine, Retry
from services.media.conditions import matches
from services.media.filters import spelled_out

DEFAULT_WINDOW = timedelta(days=1)
OLDEST = timedelta(days=3)
"""An article that was published longer ago raises no alert: a first crawl of an archive is no news."""
WEBHOOK_TIMEOUT_S = 10.0

_PAGE = 200
_log = get_logger(__name__)


def duration(value: Duration, default: timedelta) -> timedelta:
    """A duration of a rule, or the default where it sets none."""
    return value.ToTimedelta() if value.ByteSize() else default


def window(rule: AlertRule) -> timedelta:
    """The time in which a rule counts stories."""
    return duration(rule.window, DEFAULT_WINDOW)


def cooldown(rule: AlertRule) -> timedelta:
    """The time for which a rule that counts is silent after an alert."""
    return duration(rule.cooldown, window(rule))


def within(condition: ArticleFilter, start: datetime, end: datetime) -> ArticleFilter:
    """The condition of a rule over the half-open range from `start` to `end`."""
    ranged = ArticleFilter()
    ranged.CopyFrom(condition)
    ranged.time_range.start_time.CopyFrom(to_timestamp(start))
    ranged.time_range.end_time.CopyFrom(to_timestamp(end))
    return ranged


def shown_time(article: Article) -> datetime:
    """The time by which an article is placed: of publication, else of collection."""
    return to_datetime(article.publish_time if article.HasField("publish_time") else article.collect_time)


def most_together(times: Sequence[datetime], moment: datetime, width: timedelta) -> int:
    """Most of `times` in one half-open stretch of length `width` that holds `moment`.

    Articles come in any order, so stories after the one in hand count as those before it do.
    """
    starts = [time for time in times if moment - width < time <= moment]
    return max((sum(start <= time < start + width for time in times) for start in starts), default=0)


class Alerter:
    """Handler of `media.indexed` for the group `alerts`.

    Args:
        ledger: has the rules and keeps the alerts.
        index: counts stories.
        channel: where AreaService is, which knows the watch areas.
        clock: the present moment.
    """

    def __init__(self, ledger: Ledger, index: ArticleIndex, channel: grpc.aio.Channel, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._index = index
        self._areas = AreaServiceStub(channel)
        self._clock = clock

    @property
    def handlers(self) -> Mapping[tuple[str, str], Handle]:
        """Handler by (subject, group)."""
        return {("media.indexed", "alerts"): self.indexed}

    async def indexed(self, event: ArticleAnalyzed) -> Sequence[Output]:
        """Hold every rule against an article; what is raised is kept before it is told to anybody."""
        article = await self._ledger.article(event.article)
        if article is None or article.HasField("withdrawn_time"):
            return []
        published = shown_time(article)
        if published < self._clock() - OLDEST:
            return []
        raised = []
        for rule in await self._ledger.alert_rules():
            alert = None if rule.disabled else await self._held_against(rule, article, published)
            if alert is not None:
                raised.append(
                    Output("alert.raised", AlertRaised(alert=alert, webhook_url=rule.webhook_url), alert.name)
                )
        return raised

    async def _held_against(self, rule: AlertRule, article: Article, published: datetime) -> Alert | None:
        try:
            condition = await spelled_out(self._areas, rule.condition)
        except (NotFound, grpc.aio.AioRpcError) as error:
            if isinstance(error, grpc.aio.AioRpcError) and error.code() != grpc.StatusCode.NOT_FOUND:
                told = f"AreaService: {error.code().name}: {error.details()}"
                raise (Unavailable(told, told) if error.code() == grpc.StatusCode.UNAVAILABLE else error) from error
            _log.warning("watch area of a rule is gone", rule=rule.name, watch_area=rule.condition.watch_area)
            return None
        if not matches(condition, article):
            return None
        count = 1
        silent_since = None
        if rule.threshold_count > 1:
            width = window(rule)
            times = await self._stories(within(condition, published - width, published + width))
            times[article.story or article.name] = published
            count = most_together(list(times.values()), published, width)
            if count < rule.threshold_count:
                return None
            silent_since = self._clock() - cooldown(rule)
        alert = self._alert(rule, article, count)
        return alert if await self._ledger.raise_alert(alert, silent_since) else None

    async def _stories(self, condition: ArticleFilter) -> dict[str, datetime]:
        """Stories that match, each with the time of its earliest article."""
        found: dict[str, datetime] = {}
        after: list[object] | None = None
        while True:
            page = await self._index.search(condition, _PAGE, after)
            for article in page.articles:
                found[article.story or article.name] = shown_time(article)
            after = page.next_key
            if after is None:
                return found

    def _alert(self, rule: AlertRule, article: Article, count: int) -> Alert:
        story = article.story or article.name
        alert = Alert(
            name="alerts/" + digest_id(f"{rule.name} {story}"),
            rule=rule.name,
            rule_title=rule.title,
            severity=rule.severity or ALERT_SEVERITY_WARNING,
            title=article.title,
            article=article.name,
            source=article.source,
            url=article.url,
            story=story,
            areas=article.current_areas,
            topics=article.analysis.topics,
            count=count,
            raise_time=to_timestamp(self._clock()),
        )
        if article.HasField("publish_time"):
            alert.publish_time.CopyFrom(article.publish_time)
        return alert


class Notifier:
    """Handler of `alert.raised` for the group `notify`: one JSON request to the rule's webhook.

    Args:
        allowed_hosts: ``host:port`` pairs that webhooks may name; these may lie in the office's own network.
    """

    def __init__(self, allowed_hosts: Collection[str]) -> None:
        self._allowed = frozenset(allowed_hosts)

    @property
    def handlers(self) -> Mapping[tuple[str, str], Handle]:
        """Handler by (subject, group)."""
        return {("alert.raised", "notify"): self.raised}

    async def raised(self, event: AlertRaised) -> Sequence[Output]:
        """Send an alert; any answer but 2xx is tried again later."""
        if not event.webhook_url:
            return []
        try:
            check_webhook(event.webhook_url, self._allowed)
        except FetchRefused as error:
            raise Quarantine(error.en) from error
        connector = aiohttp.TCPConnector(resolver=SafeResolver(self._allowed))
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.alert.name}
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post(
                    event.webhook_url,
                    data=protojson.to_json(event.alert).encode(),
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                if answer.status // 100 != 2:
                    raise Retry(f"webhook answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retry(f"webhook does not answer: {type(error).__name__}") from error
        return []


def check_webhook(url: str, allowed_hosts: Collection[str]) -> None:
    """Refuse a webhook whose host the office did not list.

    Raises:
        FetchRefused: no http or https URL, or a host that is not listed.
    """
    check_url(url, allowed_hosts)
    host, port = endpoint(url)
    if f"{host}:{port}" not in allowed_hosts:
        raise FetchRefused(
            f"Máy chủ {urlsplit(url).netloc} không có trong alerts.webhook_hosts; hãy thêm {host}:{port} vào cài đặt.",
            f"The host {urlsplit(url).netloc} is not in alerts.webhook_hosts; add {host}:{port} to the settings.",
            {"url": url},
        )
