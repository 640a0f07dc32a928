"""`GET /v1/areas.geojson`: communes as shapes for maps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
import numpy as np
import shapely
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.land.v1.land_service_pb2 import GetAreaOutlinesRequest
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from services.core.areas import register
from services.core.errors import InvalidField
from services.core.names import EDITIONS, area_name
from services.gateway.cells import cells

MOST = 5000
"""Most communes of one answer; there are 3,321."""
BATCH = 500
"""Communes whose outlines are asked for at once."""
DIGITS = 6
"""Decimals of a degree of an outline: about 0.1 m."""

_TODAY = area_name(EDITIONS[-1], "")


class AreaShapes:
    """The collection; it takes `watch_area=watchAreas/…` or `areas=areas/…`, repeated.

    Each feature says in `outline` what its shape is: "loaded" for the outline that an operator loaded, "schematic" for the
    cell around the commune's point where there is none.

    Args:
        channel: where AreaService and LandService are.
        default: id of the watch area where none is asked for.
    """

    def __init__(self, channel: grpc.aio.Channel, default: str) -> None:
        self._areas = AreaServiceStub(channel)
        self._land = LandServiceStub(channel)
        self._default = f"watchAreas/{default}"

    async def collection(self, request: Request) -> Response:
        """The communes in the order asked for; one that the register does not know is left out."""
        names = request.query_params.getlist("areas")
        if len(names) > MOST:
            raise InvalidField("areas", f"nhiều nhất {MOST} xã", f"at most {MOST} communes")
        if not names:
            wanted = request.query_params.get("watch_area") or self._default
            names = list((await self._areas.GetWatchArea(GetWatchAreaRequest(name=wanted))).areas)
        outlines = await self._outlines(names)
        body = await asyncio.to_thread(_collection, names, outlines)
        return Response(body, media_type="application/geo+json", headers={"Cache-Control": "no-cache"})

    async def _outlines(self, names: list[str]) -> dict[str, bytes]:
        """The outlines that are loaded, well-known binary, by name of the commune."""
        current = [name for name in dict.fromkeys(names) if name.startswith(_TODAY)]
        found: dict[str, bytes] = {}
        for start in range(0, len(current), BATCH):
            asked = GetAreaOutlinesRequest(areas=current[start : start + BATCH])
            while True:
                page = await self._land.GetAreaOutlines(asked)
                found |= {one.area: one.wgs84_wkb for one in page.outlines}
                asked.page_token = page.next_page_token
                if not page.next_page_token:
                    break
        return found


def _collection(names: list[str], outlines: dict[str, bytes]) -> str:
    loaded = {name: shapely.transform(shapely.from_wkb(wkb), _rounded) for name, wkb in outlines.items()}
    drawn = cells(name for name in names if name not in loaded)
    features = [
        _feature(name, loaded.get(name) or drawn[name], "loaded" if name in loaded else "schematic")
        for name in dict.fromkeys(names)
        if name in loaded or name in drawn
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _rounded(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    return coordinates.round(DIGITS)


def _feature(name: str, shape: shapely.Geometry, outline: str) -> dict[str, Any]:
    unit = register().get(name)
    assert unit is not None, "a shape has a unit"
    return {
        "type": "Feature",
        "id": name,
        "geometry": json.loads(shapely.to_geojson(shapely.orient_polygons(shape))),
        "properties": {
            "name": name,
            "code": unit.code,
            "title": unit.title,
            "area_km2": unit.area_km2,
            "point": [unit.lon, unit.lat],
            "outline": outline,
        },
    }
