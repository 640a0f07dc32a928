"""An AreaService that shows what reached it, for tests of what stands before services."""

from __future__ import annotations

import asyncio
from typing import Any

from ngoclinh.area.v1 import area_service_pb2 as area

from services.area.servicer import AreaServicer
from services.core.errors import NotFound, Overloaded

AREA_SERVICE = "ngoclinh.area.v1.AreaService"


class EchoAreas(AreaServicer):
    """Echoes names and queries; the query "fault" is a fault, "busy" is too much, a place resolves never."""

    def __init__(self) -> None:
        super().__init__({})

    async def GetArea(self, request: area.GetAreaRequest, context: Any) -> area.Area:
        if request.name.endswith("-99999"):
            raise NotFound(request.name)
        return area.Area(name=request.name, title="Xã Trà Leng")

    async def ListAreas(self, request: area.ListAreasRequest, context: Any) -> area.ListAreasResponse:
        if request.filter.query == "fault":
            raise RuntimeError("secret path /srv/db")
        if request.filter.query == "busy":
            raise Overloaded("bận", "busy", 2.5)
        title = f"{request.filter.query}|{request.filter.edition}|{request.filter.level}|{request.page_size}"
        return area.ListAreasResponse(areas=[area.Area(title=title)])

    async def ResolvePlace(self, request: area.ResolvePlaceRequest, context: Any) -> area.ResolvePlaceResponse:
        if request.text == "wait":
            await asyncio.sleep(30)
        return area.ResolvePlaceResponse(candidates=[area.PlaceCandidate(matched_text=request.text, score=0.5)])

    async def GetWatchArea(self, request: area.GetWatchAreaRequest, context: Any) -> area.WatchArea:
        return area.WatchArea(name=request.name)

    async def ListWatchAreas(self, request: area.ListWatchAreasRequest, context: Any) -> area.ListWatchAreasResponse:
        return area.ListWatchAreasResponse()
