"""What servicers and alert rules share of a filter: the communes of a watch area spelled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.core.errors import NotFound

if TYPE_CHECKING:
    from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceAsyncStub


async def spelled_out(areas: AreaServiceAsyncStub, filter_: ArticleFilter) -> ArticleFilter:
    """The filter with the communes of its watch area among its areas, and without the watch area.

    Raises:
        NotFound: the watch area has no communes, so that the filter would mean every place.
    """
    if not filter_.watch_area:
        return filter_
    watch_area = await areas.GetWatchArea(GetWatchAreaRequest(name=filter_.watch_area))
    if not watch_area.areas:
        raise NotFound(f"{filter_.watch_area}.areas")
    spelled = ArticleFilter()
    spelled.CopyFrom(filter_)
    spelled.ClearField("watch_area")
    spelled.ClearField("areas")
    spelled.areas.extend(dict.fromkeys([*filter_.areas, *watch_area.areas]))
    return spelled
