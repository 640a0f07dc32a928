"""SituationService: both halves, per commune, in one answer.

A half that does not answer fails nothing: its last good figures stand in, labelled with their age.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.area.v1.area_service_pb2 import Area, GetAreaRequest, GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.land.v1.land_service_pb2 import FindParcelsRequest, LandSummary, SummarizeLandRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import LandValidated, Parcel
from ngoclinh.media.v1.media_service_pb2 import (
    AreaCounts,
    ArticleFilter,
    ListParcelMentionsRequest,
    ListSourcesRequest,
    ParcelMention,
    SummarizeArticlesRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from ngoclinh.situation.v1.situation_service_pb2 import AreaSituation, Freshness, GetSituationRequest, Situation
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceServicer
from ngoclinh.type.v1.type_pb2 import TimeRange

from services.core.clock import Clock, to_datetime, to_timestamp, utc_now
from services.core.errors import InvalidField
from services.core.log import get_logger
from services.core.names import parse_area_name
from services.core.ports import Output
from services.core.sections.work import SituationSettings
from services.core.worker import Handle
from services.rpc import status
from services.rpc.deadline import remaining
from services.situation import freshness, join
from services.situation.kept import Half, LastGood

HALF_S = 10.0
"""Longest wait for one half in seconds."""
KEPT_S = 5.0
"""The same where an earlier answer can stand in."""
MENTIONING = 1000
"""Most articles that are looked through for parcels, the newest."""
TOGETHER = 500
"""Most parcels that are asked for in one call."""

T = TypeVar("T")

_log = get_logger(__name__)


@dataclass
class _Media:
    counts: dict[str, AreaCounts] = field(default_factory=dict)
    poll_times: list[Timestamp] = field(default_factory=list)


@dataclass
class _Land:
    summaries: dict[str, LandSummary] = field(default_factory=dict)


_Mentions = Sequence[ParcelMention]
_Parcels = dict[join.Key, Sequence[Parcel]]


@dataclass(frozen=True)
class _Named:
    """Parcels that articles name: the articles, the parcels by commune, and what the store has of them."""

    mentions: Half[_Mentions]
    keys: Mapping[str, Mapping[join.Key, Sequence[str]]]
    parcels: Half[_Parcels]


class SituationServicer(SituationServiceServicer):
    """Asks AreaService, MediaService and LandService over one channel.

    Args:
        channel: where the three services are.
        default_watch_area: id of the watch area where a request names none.
        settings: days of the default range, age at which media data are stale.
        clock: the present moment.
    """

    def __init__(
        self, channel: grpc.aio.Channel, default_watch_area: str, settings: SituationSettings, clock: Clock = utc_now
    ) -> None:
        self._area = AreaServiceStub(channel)
        self._media_service = MediaServiceStub(channel)
        self._land_service = LandServiceStub(channel)
        self._default = f"watchAreas/{default_watch_area}"
        self._settings = settings
        self._clock = clock
        self._known: dict[str, Area] = {}
        self._kept_media = LastGood[_Media]()
        self._kept_mentions = LastGood[_Mentions]()
        self._kept_land = LastGood[_Land]()
        self._kept_parcels = LastGood[_Parcels]()

    @property
    def handlers(self) -> Mapping[tuple[str, str], Handle]:
        """Handler by (subject, group)."""
        return {("land.validated", "situation"): self.validated}

    async def validated(self, event: LandValidated) -> Sequence[Output]:
        """Log that land data changed; the next situation is asked from the store and shows them."""
        import_ = getattr(event, "import")
        _log.info(
            "land data changed", import_name=import_.name, parcels=import_.parcel_count, errors=import_.error_count
        )
        return []

    async def GetSituation(self, request: GetSituationRequest, context: Any) -> Situation:
        """The situation of the communes of a watch area, or of the communes named."""
        now = self._clock()
        range_ = self._range(request)
        watch_area, names = await self._communes(request)
        units = await asyncio.gather(*(self._unit(name) for name in names))
        filter_ = ArticleFilter(areas=names, time_range=range_)
        question = (*names, *_span(range_, now))
        named, media, land = await asyncio.gather(
            self._named(question, filter_),
            self._half(self._kept_media, question, self._media(filter_)),
            self._half(self._kept_land, tuple(names), self._land(names)),
        )
        situation = Situation(
            time_range=range_,
            watch_area=watch_area,
            freshness=[self._media_freshness(media, named.mentions), self._land_freshness(land, named.parcels)],
            compute_time=to_timestamp(now),
        )
        for name, unit in zip(names, units, strict=True):
            mentioned = join.mentioned(named.keys[name], named.parcels.value or {})
            entry = AreaSituation(area=unit, mentioned_parcels=mentioned)
            if media.value:
                entry.media.CopyFrom(join.media(media.value.counts.get(name, AreaCounts())))
            if land.value:
                entry.land.CopyFrom(join.land(land.value.summaries.get(name, LandSummary())))
            situation.areas.append(entry)
        return situation

    def _range(self, request: GetSituationRequest) -> TimeRange:
        range_ = request.time_range
        start, end = range_.HasField("start_time"), range_.HasField("end_time")
        if not start and not end:
            now = self._clock()
            return TimeRange(
                start_time=to_timestamp(now - timedelta(days=self._settings.days)), end_time=to_timestamp(now)
            )
        if start and end and to_datetime(range_.start_time) > to_datetime(range_.end_time):
            raise InvalidField(
                "time_range", "thời điểm đầu phải trước thời điểm cuối", "start_time must not be after end_time"
            )
        return range_

    async def _communes(self, request: GetSituationRequest) -> tuple[str, list[str]]:
        """The watch area and its communes, or no watch area and the communes named."""
        if request.areas:
            if request.watch_area:
                raise InvalidField("areas", "không dùng cùng với watch_area", "must not be used with watch_area")
            for index, name in enumerate(request.areas):
                if parse_area_name(name, f"areas[{index}]")[0] != 2025:
                    raise InvalidField(
                        f"areas[{index}]", f"“{name}” không phải xã hiện nay", f"'{name}' is no commune of today"
                    )
            return "", list(dict.fromkeys(request.areas))
        name = request.watch_area or self._default
        watch_area = await self._area.GetWatchArea(GetWatchAreaRequest(name=name))
        return watch_area.name, list(watch_area.areas)

    async def _unit(self, name: str) -> Area:
        """A unit; units do not change while the program runs, so each is asked for once."""
        if name not in self._known:
            self._known[name] = await self._area.GetArea(GetAreaRequest(name=name))
        return self._known[name]

    async def _media(self, filter_: ArticleFilter) -> _Media:
        counts, sources = await asyncio.gather(
            self._media_service.SummarizeArticles(
                SummarizeArticlesRequest(filter=filter_, facets=join.FACETS, by_area=True)
            ),
            self._media_service.ListSources(ListSourcesRequest(page_size=1000)),
        )
        return _Media({area.area: area for area in counts.areas}, [source.poll_time for source in sources.sources])

    async def _named(self, question: Hashable, filter_: ArticleFilter) -> _Named:
        """The parcels that articles name, looked up as soon as they are known."""
        mentions = await self._half(self._kept_mentions, question, self._mentions(filter_))
        by_area = join.mentions(mentions.value or (), filter_.areas)
        keys = [key for keys in by_area.values() for key in keys]
        return _Named(mentions, by_area, await self._half(self._kept_parcels, tuple(keys), self._parcels(keys)))

    async def _mentions(self, filter_: ArticleFilter) -> _Mentions:
        request = ListParcelMentionsRequest(filter=filter_, page_size=MENTIONING)
        return (await self._media_service.ListParcelMentions(request)).mentions

    async def _land(self, names: Sequence[str]) -> _Land:
        answer = await self._land_service.SummarizeLand(SummarizeLandRequest(areas=names))
        return _Land({summary.area: summary for summary in answer.summaries})

    async def _parcels(self, keys: Sequence[join.Key]) -> _Parcels:
        """Parcels of the store by mention."""
        asked = {key: found for key in keys if (found := join.lookup(key))}
        wanted = list(asked.values())
        answers = await asyncio.gather(
            *(
                self._land_service.FindParcels(FindParcelsRequest(keys=wanted[start : start + TOGETHER]))
                for start in range(0, len(wanted), TOGETHER)
            )
        )
        results = (result for answer in answers for result in answer.results)
        return {key: result.parcels for key, result in zip(asked, results, strict=True)}

    async def _half(self, kept: LastGood[T], question: Hashable, work: Coroutine[Any, Any, T]) -> Half[T]:
        """The answer of a half; where it fails or takes longer than its share of the deadline, the last good one."""
        last = kept.get(question)
        patience = HALF_S if last is None else min(HALF_S, KEPT_S)
        left = remaining()
        try:
            async with asyncio.timeout(patience if left is None else min(patience, 0.7 * left)):
                return Half(kept.keep(question, await work, self._clock()))
        except (TimeoutError, grpc.aio.AioRpcError) as error:
            _log.warning("half without an answer", error=str(status.from_error(error).message or error))
            return Half(last, silent=True)

    def _media_freshness(self, half: Half[_Media], mentions: Half[_Mentions]) -> Freshness:
        if half.value is None or mentions.value is None:
            return freshness.missing("media")
        newest = join.newest(half.value.poll_times) or join.newest(
            counts.newest_publish_time for counts in half.value.counts.values()
        )
        if half.silent or mentions.silent:
            return freshness.earlier("media", newest, min(half.time, mentions.time), self._clock())
        return freshness.current("media", newest, self._clock(), self._settings.stale_after_hours)

    def _land_freshness(self, half: Half[_Land], parcels: Half[_Parcels]) -> Freshness:
        if half.value is None or parcels.value is None:
            return freshness.missing("land")
        newest = join.newest(summary.newest_import_time for summary in half.value.summaries.values())
        if half.silent or parcels.silent:
            return freshness.earlier("land", newest, min(half.time, parcels.time), self._clock())
        return freshness.current("land", newest, self._clock())


def _span(range_: TimeRange, now: datetime) -> tuple[Hashable, ...]:
    """Which time a range means: a range that ends now is the same question an hour later."""
    start = to_datetime(range_.start_time) if range_.HasField("start_time") else None
    end = to_datetime(range_.end_time) if range_.HasField("end_time") else now
    if abs(now - end) > timedelta(minutes=1):
        return (start, end)
    return (round((end - start) / timedelta(hours=1)) if start else None,)
