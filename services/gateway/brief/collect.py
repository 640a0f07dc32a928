"""What stands in a brief: one day of a watch area, asked from the services; its numbers are those of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import grpc
import grpc.aio
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.land.v1.import_service_pb2 import ListImportsRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ListFindingsRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import Finding, Import
from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter, ListAlertsRequest
from ngoclinh.media.v1.alert_service_pb2_grpc import AlertServiceStub
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_COMPLAINT,
    ARTICLE_FACET_SENTIMENT,
    ARTICLE_FACET_STANCE,
    TIME_INTERVAL_DAY,
    ArticleFilter,
    ListArticlesRequest,
    ListSourcesRequest,
    SummarizeArticlesRequest,
    SummarizeArticlesResponse,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest, Situation
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub
from ngoclinh.type.v1.type_pb2 import TimeRange

from services.core.clock import VIETNAM, to_datetime, to_timestamp

CHART_DAYS = 14
"""Days that the chart over time shows, the day of the brief being the last."""
MOST_STORIES = 400
MOST_FINDINGS = 20
_PAGE = 200


@dataclass(frozen=True)
class Story:
    """A story: its first article of the day, and how many copies followed it."""

    article: Article
    copies: int


@dataclass(frozen=True)
class Day:
    """One day of the chart."""

    day: date
    negative: int
    neutral: int
    positive: int
    other: int


@dataclass(frozen=True)
class Brief:
    """Everything that a brief says.

    Attributes:
        day: the day in Vietnam.
        title: display name of the watch area.
        prepared: when it was put together.
        total: articles of the day, copies included.
        counts: articles by "{facet}.{label}", such as ``stance.critical`` and ``complaint.yes``.
        topics: stories by their main topic; the topics with most stories first, the newest story first in each.
        truncated: True where the day has more stories than a brief holds.
        days: the days of the chart, in order.
        situation: the communes of the watch area on that day.
        imports: imports of parcels that were committed that day, newest first.
        findings: the most serious findings of these imports.
        finding_total: all findings of severity ERROR of these imports.
        alerts: alerts that were raised that day, newest first.
        sources: display name by name of a source.
    """

    day: date
    title: str
    prepared: datetime
    total: int
    counts: dict[str, int]
    topics: dict[str, list[Story]]
    truncated: bool
    days: list[Day]
    situation: Situation
    imports: list[Import]
    findings: list[Finding]
    finding_total: int
    alerts: list[Alert]
    sources: dict[str, str]


def day_range(day: date, days: int = 1) -> TimeRange:
    """The half-open range of `days` days in Vietnam that end with `day`."""
    end = datetime.combine(day + timedelta(days=1), time(), VIETNAM)
    return TimeRange(start_time=to_timestamp(end - timedelta(days=days)), end_time=to_timestamp(end))


class Collector:
    """Asks the services.

    Args:
        channel: where they are.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._areas = AreaServiceStub(channel)
        self._media = MediaServiceStub(channel)
        self._alerts = AlertServiceStub(channel)
        self._land = LandServiceStub(channel)
        self._imports = ImportServiceStub(channel)
        self._situation = SituationServiceStub(channel)

    async def collect(self, day: date, watch_area: str, now: datetime) -> Brief:
        """The brief of a day.

        Args:
            day: the day in Vietnam.
            watch_area: resource name. Example: ``watchAreas/nam-tra-my``.
            now: when the brief is put together.
        """
        range_ = day_range(day)
        filter_ = ArticleFilter(watch_area=watch_area, time_range=range_)
        facets = [ARTICLE_FACET_SENTIMENT, ARTICLE_FACET_STANCE, ARTICLE_FACET_COMPLAINT]
        counted = await self._media.SummarizeArticles(SummarizeArticlesRequest(filter=filter_, facets=facets))
        chart = SummarizeArticlesRequest(
            filter=ArticleFilter(watch_area=watch_area, time_range=day_range(day, CHART_DAYS)),
            interval=TIME_INTERVAL_DAY,
        )
        articles, truncated = await self._articles(filter_)
        imports = await self._imports_of(range_)
        findings, finding_total = await self._findings(imports)
        alerts = await self._alerts.ListAlerts(
            ListAlertsRequest(filter=AlertFilter(time_range=range_), page_size=_PAGE)
        )
        sources = await self._media.ListSources(ListSourcesRequest(page_size=1000))
        situation = GetSituationRequest(watch_area=watch_area, time_range=range_)
        return Brief(
            day=day,
            title=(await self._areas.GetWatchArea(GetWatchAreaRequest(name=watch_area))).title,
            prepared=now,
            total=counted.total_count,
            counts=_counts(counted),
            topics=by_topic(articles),
            truncated=truncated,
            days=_days(await self._media.SummarizeArticles(chart), day),
            situation=await self._situation.GetSituation(situation),
            imports=imports,
            findings=findings,
            finding_total=finding_total,
            alerts=list(alerts.alerts),
            sources={source.name: source.title for source in sources.sources},
        )

    async def _articles(self, filter_: ArticleFilter) -> tuple[list[Article], bool]:
        found: list[Article] = []
        token = ""
        while len(found) < MOST_STORIES:
            page = await self._media.ListArticles(
                ListArticlesRequest(filter=filter_, page_size=_PAGE, page_token=token)
            )
            found += page.articles
            token = page.next_page_token
            if not token:
                return found, False
        return found, True

    async def _imports_of(self, range_: TimeRange) -> list[Import]:
        """Imports whose state last changed in the range; they are listed newest first."""
        start, end = to_datetime(range_.start_time), to_datetime(range_.end_time)
        try:
            page = await self._imports.ListImports(ListImportsRequest(page_size=_PAGE))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.PERMISSION_DENIED:  # imports are about the whole office
                return []
            raise
        return [found for found in page.imports if start <= to_datetime(found.update_time) < end]

    async def _findings(self, imports: list[Import]) -> tuple[list[Finding], int]:
        found: list[Finding] = []
        for import_ in imports:
            request = ListFindingsRequest(filter=_of_import(import_.name), page_size=MOST_FINDINGS)
            found += (await self._land.ListFindings(request)).findings
        found.sort(key=lambda finding: -finding.severity)
        return found[:MOST_FINDINGS], sum(import_.error_count for import_ in imports)


def by_topic(articles: list[Article]) -> dict[str, list[Story]]:
    """Stories by main topic. A story is told by its original, or by its earliest copy of the day."""
    groups: dict[str, list[Article]] = {}
    for article in articles:
        groups.setdefault(article.story or article.name, []).append(article)
    topics: dict[str, list[Story]] = {}
    for group in groups.values():
        first = min(
            group, key=lambda article: (bool(article.duplicate_of), article.publish_time.ToMicroseconds(), article.name)
        )
        topic = first.analysis.topics[0] if first.analysis.topics else ""
        topics.setdefault(topic, []).append(Story(first, len(group) - 1))
    for stories in topics.values():
        stories.sort(key=lambda story: story.article.publish_time.ToMicroseconds(), reverse=True)
    return dict(sorted(topics.items(), key=lambda item: (-len(item[1]), item[0])))


def _of_import(name: str) -> FindingFilter:
    """The filter; its field is a keyword of Python."""
    filter_ = FindingFilter()
    setattr(filter_, "import", name)
    return filter_


def _counts(answer: SummarizeArticlesResponse) -> dict[str, int]:
    names = {ARTICLE_FACET_SENTIMENT: "sentiment", ARTICLE_FACET_STANCE: "stance", ARTICLE_FACET_COMPLAINT: "complaint"}
    return {f"{names[facet.facet]}.{bucket.value}": bucket.count for facet in answer.facets for bucket in facet.buckets}


def _days(answer: SummarizeArticlesResponse, last: date) -> list[Day]:
    """Every day of the chart, those without an article too."""
    found = {}
    for bucket in answer.histogram:
        tones = {tone.value: tone.count for tone in bucket.sentiments}
        negative, neutral, positive = (tones.get(label, 0) for label in ("negative", "neutral", "positive"))
        day = to_datetime(bucket.start_time).astimezone(VIETNAM).date()
        found[day] = Day(day, negative, neutral, positive, bucket.count - negative - neutral - positive)
    wanted = [last - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    return [found.get(day, Day(day, 0, 0, 0, 0)) for day in wanted]
