"""`GET /v1/areas.geojson`: communes as shapes for maps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
import shapely
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from starlette.requests import Request
from starlette.responses import Response

from services.core.areas import register
from services.core.errors import InvalidField
from services.gateway.cells import cells

MOST = 5000
"""Most communes of one answer; there are 3,321."""


class AreaShapes:
    """The collection; it takes `watch_area=watchAreas/…` or `areas=areas/…`, repeated.

    Each feature says in `outline` what its shape is: "schematic" for the cell around the commune's point.

    Args:
        channel: where AreaService is.
        default: id of the watch area where none is asked for.
    """

    def __init__(self, channel: grpc.aio.Channel, default: str) -> None:
        self._areas = AreaServiceStub(channel)
        self._default = f"watchAreas/{default}"

    async def collection(self, request: Request) -> Response:
        """The communes in the order asked for; one that the register does not know is left out."""
        names = request.query_params.getlist("areas")
        if len(names) > MOST:
            raise InvalidField("areas", f"nhiều nhất {MOST} xã", f"at most {MOST} communes")
        if not names:
            wanted = request.query_params.get("watch_area") or self._default
            names = list((await self._areas.GetWatchArea(GetWatchAreaRequest(name=wanted))).areas)
        body = await asyncio.to_thread(_collection, names)
        return Response(body, media_type="application/geo+json", headers={"Cache-Control": "no-cache"})


def _collection(names: list[str]) -> str:
    shapes = cells(names)
    features = [_feature(name, shapes[name]) for name in dict.fromkeys(names) if name in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _feature(name: str, shape: shapely.Polygon) -> dict[str, Any]:
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
            "outline": "schematic",
        },
    }
