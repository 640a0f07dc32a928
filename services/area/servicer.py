"""AreaService: the registers, place resolution, and the watch areas of the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message
from ngoclinh.area.v1.area_service_pb2 import (
    Area,
    AreaFilter,
    GetAreaRequest,
    GetWatchAreaRequest,
    ListAreasRequest,
    ListAreasResponse,
    ListWatchAreasRequest,
    ListWatchAreasResponse,
    ResolvePlaceRequest,
    ResolvePlaceResponse,
    WatchArea,
)
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceServicer

from services.area import convert
from services.core import paging
from services.core.areas import Unit, register, resolve
from services.core.clock import Clock, to_datetime, utc_now, vietnam_date
from services.core.config import WatchAreaSettings
from services.core.errors import InvalidField, NotFound
from services.core.names import area_name, parse_area_name

PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
TODAY = 2025
"""Edition that is valid now."""

Row = TypeVar("Row", Unit, WatchArea)


class AreaServicer(AreaServiceServicer):
    """Answers from the registers of the package.

    Args:
        watch_areas: the settings' watch areas by id.
        clock: the present moment.

    Raises:
        InvalidField: a watch area names a code that no commune of today has.
    """

    def __init__(self, watch_areas: Mapping[str, WatchAreaSettings], clock: Clock = utc_now) -> None:
        self._clock = clock
        self._watch_areas = {
            area.name: area for area in sorted((_watch_area(*row) for row in watch_areas.items()), key=lambda a: a.name)
        }

    async def GetArea(self, request: GetAreaRequest, context: Any) -> Area:
        """One unit of one edition."""
        parse_area_name(request.name)
        unit = register().get(request.name)
        if unit is None:
            raise NotFound(request.name)
        return convert.area(unit)

    async def ListAreas(self, request: ListAreasRequest, context: Any) -> ListAreasResponse:
        """Units by edition, level, parent, or part of the name, in the order of their names."""
        units = await asyncio.to_thread(_matching, request.filter)
        page, token = _page(units, "areas", request, request.filter)
        return ListAreasResponse(areas=map(convert.area, page), next_page_token=token)

    async def ResolvePlace(self, request: ResolvePlaceRequest, context: Any) -> ResolvePlaceResponse:
        """The units that a text may mean, as of a date, best first."""
        moment = to_datetime(request.as_of_time) if request.HasField("as_of_time") else self._clock()
        found = await asyncio.to_thread(resolve, request.text, vietnam_date(moment))
        return ResolvePlaceResponse(candidates=map(convert.candidate, found))

    async def GetWatchArea(self, request: GetWatchAreaRequest, context: Any) -> WatchArea:
        """One watch area."""
        found = self._watch_areas.get(request.name)
        if found is None:
            raise NotFound(request.name)
        return found

    async def ListWatchAreas(self, request: ListWatchAreasRequest, context: Any) -> ListWatchAreasResponse:
        """All watch areas, in the order of their names."""
        page, token = _page(list(self._watch_areas.values()), "watchAreas", request, None)
        return ListWatchAreasResponse(watch_areas=page, next_page_token=token)


def _watch_area(id_: str, settings: WatchAreaSettings) -> WatchArea:
    names = []
    for code in settings.areas:
        unit = register().get(area_name(TODAY, code))
        if unit is None or len(unit.code) != 5:
            raise InvalidField(
                f"watch_areas.{id_}.areas",
                f"“{code}” không phải mã xã, phường, đặc khu hiện nay",
                f"'{code}' is no code of a commune of today",
            )
        names.append(unit.name)
    return WatchArea(name=f"watchAreas/{id_}", title=settings.title, areas=names)


def _matching(filter_: AreaFilter) -> list[Unit]:
    edition = filter_.edition or TODAY
    if filter_.parent:
        parent_edition, _ = parse_area_name(filter_.parent, "filter.parent")
        if parent_edition != edition:
            raise InvalidField(
                "filter.parent",
                f"thuộc danh mục năm {parent_edition}, trong khi đang hỏi danh mục năm {edition}; hãy đặt edition",
                f"is of the edition of {parent_edition}, but the edition of {edition} is asked for; set edition",
            )
    if filter_.query:
        return register().search(filter_.query, edition, filter_.level, filter_.parent)
    return register().units(edition, filter_.level, filter_.parent)


def _page(
    rows: Sequence[Row], scope: str, request: ListAreasRequest | ListWatchAreasRequest, filter_: Message | None
) -> tuple[list[Row], str]:
    key = paging.decode_token(scope, filter_, request.page_token)
    rest = [row for row in rows if row.name > key[0]] if key else list(rows)
    page = rest[: paging.page_size(request.page_size, PAGE_SIZE, MAX_PAGE_SIZE)]
    token = paging.encode_token(scope, filter_, [page[-1].name]) if len(page) < len(rest) else ""
    return page, token
