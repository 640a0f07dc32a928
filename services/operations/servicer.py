"""OperationsService: the quarantine of the bus, and how everything is."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio
from ngoclinh.operations.v1.operations_service_pb2 import (
    GetHealthRequest,
    Health,
    ListQuarantinedRequest,
    ListQuarantinedResponse,
    PurgeQuarantinedRequest,
    PurgeQuarantinedResponse,
    Quarantined,
    ReleaseQuarantinedRequest,
    ReleaseQuarantinedResponse,
)
from ngoclinh.operations.v1.operations_service_pb2_grpc import OperationsServiceServicer
from ngoclinh.sentiment.v1.sentiment_service_pb2 import GetModelRequest
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core import events, paging, ports, protojson
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import InvalidPageToken, NgocLinhError
from services.core.log import get_logger
from services.operations import health
from services.operations.health import Watched
from services.operations.outlook import NOTHING, Outlook

_log = get_logger(__name__)
PREVIEW = 2000
"""Most characters of an event that are shown."""


class OperationsServicer(OperationsServiceServicer):
    """Answers from the stores that it is handed.

    Args:
        watched: the stores.
        channel: where SentimentService is.
        crawling: do the settings ask for the crawler.
        clock: the present moment.
        outlook: what the health tells beside the stores.
    """

    def __init__(
        self,
        watched: Watched,
        channel: grpc.aio.Channel,
        crawling: bool = True,
        clock: Clock = utc_now,
        outlook: Outlook = NOTHING,
    ) -> None:
        self._outlook = outlook
        self._watched = watched
        self._sentiment = SentimentServiceStub(channel)
        self._crawling = crawling
        self._clock = clock
        self._start = clock()

    async def ListQuarantined(self, request: ListQuarantinedRequest, context: Any) -> ListQuarantinedResponse:
        """Events that were set aside, oldest first."""
        key = paging.decode_token("quarantine", None, request.page_token)
        if key is not None and [type(value) for value in key] != [str]:
            raise InvalidPageToken
        everything = await self._watched.bus.quarantined()
        rest = everything[_behind(everything, key[0]) :] if key else everything
        size = paging.page_size(request.page_size, 100, 1000)
        token = paging.encode_token("quarantine", None, [rest[size - 1].id]) if len(rest) > size else ""
        return ListQuarantinedResponse(
            quarantined=map(_told, rest[:size]), next_page_token=token, total_count=len(everything)
        )

    async def ReleaseQuarantined(self, request: ReleaseQuarantinedRequest, context: Any) -> ReleaseQuarantinedResponse:
        """Have events delivered again."""
        return ReleaseQuarantinedResponse(count=await self._watched.bus.release(request.ids))

    async def PurgeQuarantined(self, request: PurgeQuarantinedRequest, context: Any) -> PurgeQuarantinedResponse:
        """Forget events for good."""
        return PurgeQuarantinedResponse(count=await self._watched.bus.purge(request.ids))

    async def GetHealth(self, request: GetHealthRequest, context: Any) -> Health:
        """How everything is now; what does not answer is told as such and fails nothing else."""
        watched = self._watched
        engines, stores = await health.engines(watched), await health.stores(watched)
        (bus, depth), (_, sources) = stores["bus"], stores["ledger"]
        aside = None if depth is None else await health.look(bus, watched.seen, watched.bus.quarantined)
        for name, engine in engines.items():
            stores[name][0].size_bytes = engine.size_bytes
        answer = Health(
            check_time=to_timestamp(self._clock()),  # no store is silent since later
            start_time=to_timestamp(self._start),
            stores=[store for store, _ in stores.values()],
            disk=await asyncio.to_thread(health.disk, watched.data_dir),
            versions=health.versions(engines.values()),
            model=await self._model(),
            queues=health.queues(depth or {}, self._outlook.waiting_since),
            quarantined_count=len(aside or ()),
            crawler=health.crawler(sources or [], self._crawling),
        )
        await self._look_further(answer)
        return answer

    async def _look_further(self, answer: Health) -> None:
        """What is raised, called and due beside the stores."""
        outlook = self._outlook
        answer.alarms.extend(outlook.alarms())
        answer.services.extend(outlook.services())
        answer.certificates.extend(await asyncio.to_thread(lambda: list(outlook.certificates())))
        try:
            doubt = await outlook.clock_doubt()
            if doubt is not None:
                answer.clock_doubt.CopyFrom(doubt)
        except NgocLinhError:
            pass  # the ledger is silent, which is told
        except Exception:
            _log.exception("fault")
        answer.backs_up = outlook.backs_up
        for field, look in ((answer.backup_time, outlook.last_backup), (answer.retention_time, outlook.last_retention)):
            moment = await asyncio.to_thread(look)
            if moment is not None:
                field.CopyFrom(to_timestamp(moment))

    async def _model(self) -> str:
        try:
            model = await self._sentiment.GetModel(GetModelRequest())
        except (grpc.aio.AioRpcError, NgocLinhError):
            return ""
        return f"{model.name}@{model.version}"


def _behind(everything: list[ports.Quarantined], id_: str) -> int:
    """Where the page after an event starts; at the front where the event is no longer there."""
    return next((index + 1 for index, item in enumerate(everything) if item.id == id_), 0)


def _told(item: ports.Quarantined) -> Quarantined:
    event = events.decode(item.subject, item.payload)
    preview = protojson.to_json(event) if event is not None else item.payload[:PREVIEW].hex()
    return Quarantined(
        id=item.id,
        subject=item.subject,
        group=item.group,
        key=item.key,
        reason=item.reason,
        attempt=item.attempts,
        quarantine_time=to_timestamp(item.quarantine_time),
        preview=preview[:PREVIEW],
    )
