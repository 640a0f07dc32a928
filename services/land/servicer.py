"""LandService: parcels and findings from the store, rules and coordinate systems from `gis`, checks by the children."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import Message
from ngoclinh.land.v1.land_service_pb2 import (
    BatchGetParcelsRequest,
    BatchGetParcelsResponse,
    CoordinatePair,
    CoordinateSystemCandidate,
    DetectCoordinateSystemRequest,
    DetectCoordinateSystemResponse,
    EraseOwnersRequest,
    EraseOwnersResponse,
    FindParcelsRequest,
    FindParcelsResponse,
    FoundParcels,
    GetAreaOutlinesRequest,
    GetAreaOutlinesResponse,
    GetParcelOwnersRequest,
    GetParcelRequest,
    GetParcelTileRequest,
    GetParcelTileResponse,
    GetRuleRequest,
    LandSummary,
    ListCoordinateSystemsRequest,
    ListCoordinateSystemsResponse,
    ListFindingsRequest,
    ListFindingsResponse,
    ListParcelsRequest,
    ListParcelsResponse,
    ListRulesRequest,
    ListRulesResponse,
    RuleCount,
    SummarizeLandRequest,
    SummarizeLandResponse,
    TransformPointsRequest,
    TransformPointsResponse,
    ValidateParcelsRequest,
)
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceServicer
from ngoclinh.land.v1.parcel_pb2 import CoordinateSystem, Finding, Parcel, ParcelOwners, Rule, ValidationReport
from ngoclinh.type.v1.type_pb2 import LonLat

from gis import crs, mvt
from services.core import paging, ports
from services.core.clock import to_timestamp
from services.core.errors import InvalidField, InvalidPageToken, NotFound
from services.core.names import parse_area_name
from services.core.ports import ParcelStore
from services.core.sections.work import LandSettings
from services.land import catalogue
from services.land.layers import get_outlines
from services.land.reader import Workers
from services.land.tiles import Tiles

MOST_BYTES = 3_500_000
"""Bytes of an answer: a gRPC message ends at 4 MiB. A page ends earlier rather than exceed it."""

M = TypeVar("M", bound=Message)


class LandServicer(LandServiceServicer):
    """Answers from the store that it is handed.

    Args:
        store: parcels and findings.
        land: limits of the checks.
    """

    def __init__(self, store: ParcelStore, land: LandSettings | None = None) -> None:
        self._store = store
        self._workers = Workers(land or LandSettings())
        self._tiles = Tiles(store)

    async def close(self) -> None:
        """End the children that check parcels."""
        await self._workers.close()

    async def GetParcel(self, request: GetParcelRequest, context: Any) -> Parcel:
        """The current version of one parcel with its geometry; a former name leads to it too."""
        parcel = await self._store.get(request.name)
        if parcel is None:
            raise NotFound(request.name)
        return _light(parcel, MOST_BYTES)

    async def GetParcelOwners(self, request: GetParcelOwnersRequest, context: Any) -> ParcelOwners:
        """What is kept of the owners of the current version of a parcel."""
        owners = await self._store.owners(request.name)
        if owners is None:
            raise NotFound(f"{request.name}/owners")
        return owners

    async def EraseOwners(self, request: EraseOwnersRequest, context: Any) -> EraseOwnersResponse:
        """Erase what is kept of owners, of a parcel or of an import."""
        return EraseOwnersResponse(erased_count=await self._store.erase_owners(request.name))

    async def BatchGetParcels(self, request: BatchGetParcelsRequest, context: Any) -> BatchGetParcelsResponse:
        """The current versions of some parcels with their geometry in WGS 84, or also as it was imported."""
        answer = BatchGetParcelsResponse()
        left = MOST_BYTES
        for name in request.names:
            parcel = await self._store.get(name)
            if parcel is not None:
                if not request.source_geometry:
                    parcel.ClearField("source_wkb")
                answer.parcels.append(_light(parcel, left))
                left -= answer.parcels[-1].ByteSize()
        return answer

    async def ListParcels(self, request: ListParcelsRequest, context: Any) -> ListParcelsResponse:
        """Current parcels that match a filter, in the order of their names, without geometry."""
        _require_areas("filter.areas", request.filter.areas)
        after = paging.decode_token("parcels", request.filter, request.page_token)
        size = paging.page_size(request.page_size, 100, 1000)
        page = await self._store.parcels(request.filter, size, _key(after, str))
        shown, cut = _fitting(page.parcels)
        last = [shown[-1].name] if cut else page.next_key
        token = paging.encode_token("parcels", request.filter, last) if last else ""
        return ListParcelsResponse(parcels=shown, next_page_token=token, total_count=page.total)

    async def FindParcels(self, request: FindParcelsRequest, context: Any) -> FindParcelsResponse:
        """Current parcels by what a text says of them."""
        found = await self._store.find(request.keys)
        return FindParcelsResponse(results=[FoundParcels(parcels=parcels) for parcels in found])

    async def SummarizeLand(self, request: SummarizeLandRequest, context: Any) -> SummarizeLandResponse:
        """How the current parcels of communes stand."""
        _require_areas("areas", request.areas)
        summaries = await self._store.summarize(list(request.areas))
        return SummarizeLandResponse(summaries=[_summary(each) for each in summaries])

    async def ValidateParcels(self, request: ValidateParcelsRequest, context: Any) -> ValidationReport:
        """Check the parcels of the request; nothing is stored."""
        report = await self._workers.validate(request)
        shown, cut = _fitting(report.findings)
        if cut:
            del report.findings[len(shown) :]
        return report

    async def ListFindings(self, request: ListFindingsRequest, context: Any) -> ListFindingsResponse:
        """Findings of current parcels or of one import, most serious first."""
        _require_areas("filter.areas", request.filter.areas)
        after = paging.decode_token("findings", request.filter, request.page_token)
        size = paging.page_size(request.page_size, 100, 1000)
        page = await self._store.findings(request.filter, size, _key(after, int, str, str))
        shown, cut = _fitting(page.findings)
        last = finding_key(shown[-1]) if cut else page.next_key
        token = paging.encode_token("findings", request.filter, last) if last else ""
        return ListFindingsResponse(findings=shown, next_page_token=token, total_count=page.total)

    async def ListRules(self, request: ListRulesRequest, context: Any) -> ListRulesResponse:
        """The rules in the order of their codes."""
        rules, token = _slice("rules", catalogue.rules(), request, lambda rule: rule.code)
        return ListRulesResponse(rules=rules, next_page_token=token)

    async def GetRule(self, request: GetRuleRequest, context: Any) -> Rule:
        """One rule."""
        for rule in catalogue.rules():
            if rule.name == request.name:
                return rule
        raise NotFound(request.name)

    async def DetectCoordinateSystem(
        self, request: DetectCoordinateSystemRequest, context: Any
    ) -> DetectCoordinateSystemResponse:
        """Which coordinate systems fit some coordinates, best first."""
        if request.commune:
            parse_area_name(request.commune, "commune")
        pairs = np.array([(pair.first, pair.second) for pair in request.coordinates])
        found = await asyncio.to_thread(crs.detect, pairs, request.commune)
        return DetectCoordinateSystemResponse(candidates=[_candidate(each) for each in found])

    async def TransformPoints(self, request: TransformPointsRequest, context: Any) -> TransformPointsResponse:
        """Points brought from one coordinate system into another."""
        source, target = (_system(getattr(request, field), field) for field in ("from", "to"))
        pairs = np.array([(pair.first, pair.second) for pair in request.points])
        moved = await asyncio.to_thread(crs.transform_points, pairs, source, target)
        for number in np.flatnonzero(~np.isfinite(moved).all(axis=1)):
            raise InvalidField(
                f"points[{number}]", "nằm ngoài phạm vi của hệ toạ độ", "lies outside what the coordinate system covers"
            )
        answer = TransformPointsResponse(points=[CoordinatePair(first=x, second=y) for x, y in moved.tolist()])
        setattr(answer, "from", f"coordinateSystems/{source}")
        answer.to = f"coordinateSystems/{target}"
        return answer

    async def GetParcelTile(self, request: GetParcelTileRequest, context: Any) -> GetParcelTileResponse:
        """A map tile with parcels and findings."""
        _require_areas("areas", request.areas)
        tile = mvt.Tile(request.z, request.x, request.y)
        data = await self._tiles.draw(tile, getattr(request, "import"), request.areas)
        return GetParcelTileResponse(data=data, content_type=mvt.CONTENT_TYPE)

    async def GetAreaOutlines(self, request: GetAreaOutlinesRequest, context: Any) -> GetAreaOutlinesResponse:
        """The outlines of communes, as far as they are loaded."""
        _require_areas("areas", request.areas)
        return await get_outlines(self._store, request, MOST_BYTES)

    async def ListCoordinateSystems(
        self, request: ListCoordinateSystemsRequest, context: Any
    ) -> ListCoordinateSystemsResponse:
        """The coordinate systems of VN-2000 by central meridian, the deprecated ones too."""
        systems, token = _slice("coordinateSystems", catalogue.coordinate_systems(), request, _order_of_system)
        return ListCoordinateSystemsResponse(coordinate_systems=systems, next_page_token=token)


def finding_key(finding: Finding) -> list[object]:
    """The sort key of a finding as `ParcelStore.findings` takes it: severity counted down, code of the rule, name."""
    return [3 - finding.severity, finding.rule_code, finding.name]


def _order_of_system(system: CoordinateSystem) -> str:
    return f"{system.central_meridian_deg:07.2f} {system.epsg}"


def _slice(scope: str, rows: Sequence[M], request: Any, key: Callable[[M], str]) -> tuple[list[M], str]:
    """A page of a list that is held in memory, in the order of its keys."""
    after = _key(paging.decode_token(scope, None, request.page_token), str)
    size = paging.page_size(request.page_size, 100, 1000)
    rest = [row for row in sorted(rows, key=key) if after is None or key(row) > str(after[0])]
    token = paging.encode_token(scope, None, [key(rest[size - 1])]) if len(rest) > size else ""
    return rest[:size], token


def _key(values: list[Any] | None, *kinds: type) -> list[Any] | None:
    """The sort key of a token, whose values are of these kinds."""
    if values is not None and [type(value) for value in values] != list(kinds):
        raise InvalidPageToken
    return values


def _fitting(messages: Sequence[M]) -> tuple[list[M], bool]:
    """As many messages as fit into one answer, one at least, and whether any was left out."""
    total = 0
    for number, message in enumerate(messages):
        total += message.ByteSize() + 8
        if total > MOST_BYTES and number:
            return list(messages[:number]), True
    return list(messages), False


def _light(parcel: Parcel, most: int) -> Parcel:
    """A parcel of at most so many bytes: without its source geometry, or without any, where it is larger."""
    for geometry in ("source_wkb", "wgs84_wkb"):
        if parcel.ByteSize() > most:
            parcel.ClearField(geometry)
    return parcel


def _require_areas(path: str, names: Sequence[str]) -> None:
    """Communes of today are asked for: names of the edition of 2025."""
    for number, name in enumerate(names):
        field = f"{path}[{number}]"
        if parse_area_name(name, field)[0] != 2025:
            raise InvalidField(
                field,
                f"“{name}” không phải xã, phường hiện nay; ví dụ đúng: areas/2025-20944",
                f"'{name}' is no commune of today; a correct one is areas/2025-20944",
            )


def _system(text: str, field: str) -> int:
    """The code of a coordinate system that parcels may be in: of VN-2000, or WGS 84."""
    try:
        epsg = crs.parse(text)
    except InvalidField as error:
        raise InvalidField(field, error.vi.partition(": ")[2], error.en.partition(": ")[2]) from error
    if not crs.reachable(epsg):
        raise InvalidField(
            field,
            f"EPSG:{epsg} không phải hệ toạ độ VN-2000 hay WGS 84",
            f"EPSG:{epsg} is no coordinate system of VN-2000 and not WGS 84",
        )
    return epsg


def _summary(summary: ports.LandSummary) -> LandSummary:
    answer = LandSummary(
        area=summary.area,
        parcel_count=summary.parcel_count,
        area_m2=summary.area_m2,
        error_count=summary.error_count,
        warning_count=summary.warning_count,
        rules=[RuleCount(rule_code=code, count=count) for code, count in summary.rules.items()],
        bounds=summary.bounds,
        focus=summary.focus,
    )
    if summary.newest_import_time is not None:
        answer.newest_import_time.CopyFrom(to_timestamp(summary.newest_import_time))
    return answer


def _candidate(found: crs.CrsCandidate) -> CoordinateSystemCandidate:
    return CoordinateSystemCandidate(
        coordinate_system=f"coordinateSystems/{found.epsg}",
        score=found.score,
        swapped=found.swapped,
        centre=LonLat(longitude_deg=found.lon, latitude_deg=found.lat),
        distance_km=found.distance_km,
    )
