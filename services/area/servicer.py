"""AreaService: the registers, place resolution, and the watch areas."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from ngoclinh.area.v1.area_service_pb2 import (
    Area,
    AreaFilter,
    BatchGetAreasRequest,
    BatchGetAreasResponse,
    CreateWatchAreaRequest,
    DeleteWatchAreaRequest,
    GetAreaRequest,
    GetWatchAreaRequest,
    ListAreasRequest,
    ListAreasResponse,
    ListWatchAreasRequest,
    ListWatchAreasResponse,
    ResolvePlaceRequest,
    ResolvePlaceResponse,
    SearchAreasRequest,
    SearchAreasResponse,
    UpdateWatchAreaRequest,
    WatchArea,
)
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceServicer

from services.area import convert
from services.area.watch_areas import TODAY, WatchAreas
from services.core import paging
from services.core.areas import Unit, register, resolve, search
from services.core.areas.finder import LIMIT
from services.core.clock import Clock, to_datetime, utc_now, vietnam_date
from services.core.errors import InvalidField, NotFound
from services.core.names import parse_area_name
from services.core.ports import WatchAreaLedger
from services.core.sections.work import WatchAreaSettings
from services.rpc.caller import user_of

PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
MAX_LIMIT = 100

Row = TypeVar("Row", Unit, WatchArea)


class AreaServicer(AreaServiceServicer):
    """Answers from the registers of the package.

    Args:
        watch_areas: the settings' watch areas by id.
        clock: the present moment.
        ledger: where watch areas that people make are kept; None where nothing can be changed.

    Raises:
        InvalidField: a watch area names a code that no commune of today has.
    """

    def __init__(
        self,
        watch_areas: Mapping[str, WatchAreaSettings],
        clock: Clock = utc_now,
        ledger: WatchAreaLedger | None = None,
    ) -> None:
        self._clock = clock
        self._watch_areas = WatchAreas(watch_areas, ledger)

    async def GetArea(self, request: GetAreaRequest, context: Any) -> Area:
        """One unit of one edition."""
        parse_area_name(request.name)
        unit = register().get(request.name)
        if unit is None:
            raise NotFound(request.name)
        return convert.area(unit)

    async def BatchGetAreas(self, request: BatchGetAreasRequest, context: Any) -> BatchGetAreasResponse:
        """Some units in the order of their names in the request; those that do not exist are left out."""
        found = map(register().get, request.names)
        return BatchGetAreasResponse(areas=[convert.area(unit) for unit in found if unit])

    async def ListAreas(self, request: ListAreasRequest, context: Any) -> ListAreasResponse:
        """Units by edition, level, parent, or part of the name, in the order of their names."""
        units = await asyncio.to_thread(_matching, request.filter)
        page, token = _page(units, "areas", request, request.filter)
        return ListAreasResponse(areas=map(convert.area, page), next_page_token=token)

    async def SearchAreas(self, request: SearchAreasRequest, context: Any) -> SearchAreasResponse:
        """Units by the beginning of their name, best first."""
        edition = _edition(request.edition, request.parent, "parent")
        limit = paging.page_size(request.limit, LIMIT, MAX_LIMIT)
        found = await asyncio.to_thread(search, request.query, edition, request.level, request.parent, limit)
        return SearchAreasResponse(matches=map(convert.match, found))

    async def ResolvePlace(self, request: ResolvePlaceRequest, context: Any) -> ResolvePlaceResponse:
        """The units that a text may mean, as of a date, best first."""
        moment = to_datetime(request.as_of_time) if request.HasField("as_of_time") else self._clock()
        found = await asyncio.to_thread(resolve, request.text, vietnam_date(moment))
        return ResolvePlaceResponse(candidates=map(convert.candidate, found))

    async def GetWatchArea(self, request: GetWatchAreaRequest, context: Any) -> WatchArea:
        """One watch area."""
        return await self._watch_areas.get(request.name)

    async def ListWatchAreas(self, request: ListWatchAreasRequest, context: Any) -> ListWatchAreasResponse:
        """All watch areas, in the order of their names."""
        page, token = _page(list((await self._watch_areas.all()).values()), "watchAreas", request, None)
        return ListWatchAreasResponse(watch_areas=page, next_page_token=token)

    async def CreateWatchArea(self, request: CreateWatchAreaRequest, context: Any) -> WatchArea:
        """Make a watch area."""
        return await self._watch_areas.create(request.watch_area, request.watch_area_id, user_of(context))

    async def UpdateWatchArea(self, request: UpdateWatchAreaRequest, context: Any) -> WatchArea:
        """Change a watch area, one of the settings too."""
        return await self._watch_areas.update(request.watch_area, request.update_mask.paths, user_of(context))

    async def DeleteWatchArea(self, request: DeleteWatchAreaRequest, context: Any) -> Empty:
        """Remove a watch area; one of the settings goes back to what they say."""
        await self._watch_areas.delete(request.name, user_of(context))
        return Empty()


def _matching(filter_: AreaFilter) -> list[Unit]:
    edition = _edition(filter_.edition, filter_.parent, "filter.parent")
    if filter_.query:
        return register().search(filter_.query, edition, filter_.level, filter_.parent)
    return register().units(edition, filter_.level, filter_.parent)


def _edition(edition: int, parent: str, field: str) -> int:
    """The edition that is asked for, today's where none is.

    Raises:
        InvalidField: the unit above, which stands in `field`, is of another one.
    """
    edition = edition or TODAY
    if parent:
        parent_edition, _ = parse_area_name(parent, field)
        if parent_edition != edition:
            raise InvalidField(
                field,
                f"thuộc danh mục năm {parent_edition}, trong khi đang hỏi danh mục năm {edition}; hãy đặt edition",
                f"is of the edition of {parent_edition}, but the edition of {edition} is asked for; set edition",
            )
    return edition


def _page(
    rows: Sequence[Row], scope: str, request: ListAreasRequest | ListWatchAreasRequest, filter_: Message | None
) -> tuple[list[Row], str]:
    key = paging.decode_token(scope, filter_, request.page_token)
    rest = [row for row in rows if row.name > key[0]] if key else list(rows)
    page = rest[: paging.page_size(request.page_size, PAGE_SIZE, MAX_PAGE_SIZE)]
    token = paging.encode_token(scope, filter_, [page[-1].name]) if len(page) < len(rest) else ""
    return page, token
