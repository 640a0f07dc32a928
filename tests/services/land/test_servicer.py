"""LandService over gRPC: parcels, findings, rules, coordinate systems, checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import shapely
from ngoclinh.land.v1.land_service_pb2 import (
    BatchGetParcelsRequest,
    CoordinatePair,
    DetectCoordinateSystemRequest,
    FindParcelsRequest,
    GetParcelRequest,
    GetRuleRequest,
    ListCoordinateSystemsRequest,
    ListFindingsRequest,
    ListParcelsRequest,
    ListRulesRequest,
    ParcelKey,
    SummarizeLandRequest,
    TransformPointsRequest,
)
from ngoclinh.land.v1.parcel_pb2 import Severity

from gis.crs import to_wgs84
from gis.rules import RULES
from services.land import reader, servicer
from services.rpc import status
from tests.contracts.parcel_store import around
from tests.contracts.parcel_store_worker import AREA, a_finding, a_parcel, put
from tests.gis import files
from tests.services.land.serving import Land, land
from tests.services.land.sheets import OPTIONS, request

LONG_S = 55
"""Seconds that a check may take on a busy machine."""


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Land]:
    monkeypatch.setattr(reader, "INLINE_LIMIT_S", LONG_S)
    async with land(tmp_path / "data") as services:
        yield services


async def refusal(call: Any) -> tuple[str, str]:
    """Status and reason of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, status.reason(status.from_rpc_error(caught.value))


async def test_parcels_one_by_one_in_batches_and_in_pages(served: Land) -> None:
    parcels = [a_parcel(number, aliases=[f"parcels/2004-20944-1-{number}"]) for number in range(5)]
    await put(served.store, 1, parcels, [])
    one = await served.parcels.GetParcel(GetParcelRequest(name=parcels[1].name))
    assert one.source_wkb == parcels[1].source_wkb
    assert (await served.parcels.GetParcel(GetParcelRequest(name="parcels/2004-20944-1-1"))).name == one.name
    batch = await served.parcels.BatchGetParcels(
        BatchGetParcelsRequest(names=[parcels[3].name, "parcels/none", parcels[0].name])
    )
    assert [parcel.name for parcel in batch.parcels] == [parcels[3].name, parcels[0].name]
    assert batch.parcels[0].wgs84_wkb == parcels[3].wgs84_wkb
    assert batch.parcels[0].source_wkb == b""
    found: list[str] = []
    listing = ListParcelsRequest(page_size=2)
    while True:
        page = await served.parcels.ListParcels(listing)
        assert page.total_count == 5
        assert all(not parcel.wgs84_wkb and not parcel.source_wkb for parcel in page.parcels)
        found += [parcel.name for parcel in page.parcels]
        listing.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert found == [parcel.name for parcel in parcels]
    assert await refusal(served.parcels.GetParcel(GetParcelRequest(name="parcels/none"))) == ("NOT_FOUND", "NOT_FOUND")


async def test_findings_in_pages_by_filter(served: Land) -> None:
    parcels = [a_parcel(number) for number in range(5)]
    findings = [a_finding(f"f{number}", parcels[number], "T01" if number % 2 else "A01") for number in range(5)]
    await put(served.store, 1, parcels, findings)
    listing = ListFindingsRequest(page_size=2, filter={"areas": [AREA], "severities": [Severity.SEVERITY_ERROR]})
    found: list[str] = []
    while True:
        page = await served.parcels.ListFindings(listing)
        assert page.total_count == 5
        found += [finding.name for finding in page.findings]
        listing.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert found == [f"findings/f{number}" for number in (0, 2, 4, 1, 3)]


async def test_a_page_ends_before_a_message_would_be_too_large(served: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "MOST_BYTES", 2000)
    parcels = [a_parcel(number) for number in range(30)]
    await put(served.store, 1, parcels, [a_finding(f"f{number:02}", parcels[number]) for number in range(30)])
    for call, listing, rows in (
        (served.parcels.ListParcels, ListParcelsRequest(), "parcels"),
        (served.parcels.ListFindings, ListFindingsRequest(), "findings"),
    ):
        found: list[str] = []
        pages = 0
        while True:
            page = await call(listing)
            found += [row.name for row in getattr(page, rows)]
            pages += 1
            listing.page_token = page.next_page_token
            if not page.next_page_token:
                break
        assert pages > 1
        assert len(found) == len(set(found)) == 30


async def test_a_parcel_too_large_for_a_message_comes_without_its_shape(served: Land) -> None:
    await put(served.store, 1, [a_parcel(1, source_wkb=bytes(4 << 20)), a_parcel(2, wgs84_wkb=bytes(4 << 20))], [])
    one, two = [await served.parcels.GetParcel(GetParcelRequest(name=a_parcel(number).name)) for number in (1, 2)]
    assert (one.source_wkb, one.wgs84_wkb) == (b"", a_parcel(1).wgs84_wkb)
    assert (two.source_wkb, two.wgs84_wkb) == (b"", b"")
    assert two.HasField("bounds")


async def test_parcels_are_found_by_key_and_communes_summed_up(served: Land) -> None:
    await put(served.store, 1, [a_parcel(7), a_parcel(8)], [a_finding("f", a_parcel(7))])
    keys = [
        ParcelKey(communes=["areas/2025-20944", "areas/2004-20944"], sheet="03", number="8"),
        ParcelKey(communes=["areas/2004-20956"], sheet="3", number="8"),
    ]
    answer = await served.parcels.FindParcels(FindParcelsRequest(keys=keys))
    assert [[parcel.number for parcel in found.parcels] for found in answer.results] == [["8"], []]
    summed = await served.parcels.SummarizeLand(SummarizeLandRequest(areas=[AREA, "areas/2025-20938"]))
    assert [(each.area, each.parcel_count, each.error_count) for each in summed.summaries] == [
        (AREA, 2, 1),
        ("areas/2025-20938", 0, 0),
    ]
    assert [(rule.rule_code, rule.count) for rule in summed.summaries[0].rules] == [("T01", 1)]
    assert summed.summaries[0].HasField("newest_import_time")
    assert not summed.summaries[1].HasField("newest_import_time")
    assert summed.summaries[0].bounds == summed.summaries[0].focus == around([a_parcel(7), a_parcel(8)])
    assert not summed.summaries[1].HasField("bounds")


async def test_what_is_asked_wrongly_is_refused_with_a_reason(served: Land) -> None:
    invalid = ("INVALID_ARGUMENT", "INVALID_FIELD")
    token = ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
    calls = served.parcels
    assert await refusal(calls.ListParcels(ListParcelsRequest(page_size=-1))) == invalid
    assert await refusal(calls.ListParcels(ListParcelsRequest(page_token="xyz"))) == token
    assert await refusal(calls.ListParcels(ListParcelsRequest(filter={"areas": ["areas/2004-20944"]}))) == invalid
    assert await refusal(calls.ListFindings(ListFindingsRequest(filter={"areas": ["Trà My"]}))) == invalid
    assert await refusal(calls.SummarizeLand(SummarizeLandRequest(areas=["areas/2004-20944"]))) == invalid
    assert await refusal(calls.GetRule(GetRuleRequest(name="rules/none"))) == ("NOT_FOUND", "NOT_FOUND")
    await put(served.store, 1, [a_parcel(number) for number in range(3)], [])
    page = await calls.ListParcels(ListParcelsRequest(page_size=1))
    for other in (
        calls.ListParcels(ListParcelsRequest(page_token=page.next_page_token, filter={"sheet": "3"})),
        calls.ListFindings(ListFindingsRequest(page_token=page.next_page_token)),
        calls.ListRules(ListRulesRequest(page_token=page.next_page_token)),
    ):
        assert await refusal(other) == token


async def test_rules_come_in_the_order_of_their_codes(served: Land) -> None:
    found = []
    listing = ListRulesRequest(page_size=4)
    while True:
        page = await served.parcels.ListRules(listing)
        found += list(page.rules)
        listing.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert [rule.name for rule in found] == [f"rules/{rule}" for rule in RULES]
    assert [rule.code for rule in found] == sorted(rule.code for rule in found)
    for rule in found:
        assert all([rule.title.vi, rule.title.en, rule.description, rule.basis, rule.since])
        assert rule == await served.parcels.GetRule(GetRuleRequest(name=rule.name))


async def test_coordinate_systems_are_listed_and_detected(served: Land) -> None:
    listed = (await served.parcels.ListCoordinateSystems(ListCoordinateSystemsRequest())).coordinate_systems
    own = next(system for system in listed if system.epsg == 5899)
    assert (own.central_meridian_deg, own.scale_factor, own.deprecated) == (107.75, 0.9999, False)
    assert "49 Quảng Nam" in own.provinces
    assert [system.central_meridian_deg for system in listed] == sorted(
        system.central_meridian_deg for system in listed
    )
    assert {system.epsg for system in listed if system.deprecated} == {6956, 6957, 6958, 6959}
    pairs = [CoordinatePair(first=1_677_300, second=537_600)]
    asked = DetectCoordinateSystemRequest(coordinates=pairs, commune="areas/2004-20944")
    best = (await served.parcels.DetectCoordinateSystem(asked)).candidates[0]
    assert (best.coordinate_system, best.swapped) == ("coordinateSystems/5899", True)
    assert best.score > 0.5
    assert best.centre.latitude_deg == pytest.approx(15.167, abs=0.01)
    bad = DetectCoordinateSystemRequest(coordinates=pairs, commune="Trà Mai")
    assert await refusal(served.parcels.DetectCoordinateSystem(bad)) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_points_go_from_one_system_into_another_and_back(served: Land) -> None:
    corner = CoordinatePair(first=545000.25, second=1676000.5)
    request_ = TransformPointsRequest(points=[corner] * 2, **{"from": "107-45", "to": "4326"})
    away = await served.parcels.TransformPoints(request_)
    assert (getattr(away, "from"), away.to) == ("coordinateSystems/5899", "coordinateSystems/4326")
    expected = to_wgs84(np.array([shapely.Point(545000.25, 1676000.5)]), 5899)[0]
    place = pytest.approx((expected.x, expected.y), abs=1e-9)
    assert [(point.first, point.second) for point in away.points] == [place] * 2
    request_ = TransformPointsRequest(points=away.points, **{"from": "EPSG:4326", "to": "5899"})
    (back, _) = (await served.parcels.TransformPoints(request_)).points
    assert (back.first, back.second) == pytest.approx((545000.25, 1676000.5), abs=1e-3)
    for source, target, reason in (
        ("6956", "4326", "UNUSABLE_COORDINATE_SYSTEM"), ("5899", "3857", "INVALID_FIELD"),
        ("x", "4326", "INVALID_FIELD"), ("", "4326", "INVALID_FIELD"),
    ):  # fmt: skip
        wrong = TransformPointsRequest(points=[corner], **{"from": source, "to": target})
        assert (await refusal(served.parcels.TransformPoints(wrong)))[1] == reason
    far = TransformPointsRequest(points=[CoordinatePair(first=1e300, second=1e300)], **{"from": "5899", "to": "4326"})
    assert await refusal(served.parcels.TransformPoints(far)) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_parcels_in_a_request_are_checked_and_not_stored(served: Land) -> None:
    shapes = [files.squares(1)[0], shapely.affinity.translate(files.squares(1)[0], 15, 0)]
    keys = [{"sheet": "3", "number": str(number)} for number in (7, 8)]
    inputs = [{"wkb": shapely.to_wkb(shape)} | key for shape, key in zip(shapes, keys, strict=True)]
    report = await served.parcels.ValidateParcels(request(*inputs, coordinate_system="5899", **OPTIONS), timeout=LONG_S)
    overlap = next(finding for finding in report.findings if finding.rule_code == "T01")
    assert (overlap.parcel, list(overlap.related_parcels)) == ("parcels/2004-20944-3-7", ["parcels/2004-20944-3-8"])
    assert overlap.measured_value == pytest.approx(100)
    assert report.error_count == 1
    assert (await served.parcels.ListParcels(ListParcelsRequest())).total_count == 0


async def test_projected_numbers_without_a_zone_are_an_invalid_argument(served: Land) -> None:
    asked = request({"wkt": files.squares(1)[0].wkt})
    assert await refusal(served.parcels.ValidateParcels(asked, timeout=LONG_S)) == (
        "INVALID_ARGUMENT",
        "UNKNOWN_COORDINATE_SYSTEM",
    )
    asked = request({"wkt": files.squares(1)[0].wkt}, coordinate_system="6959")
    assert await refusal(served.parcels.ValidateParcels(asked, timeout=LONG_S)) == (
        "INVALID_ARGUMENT",
        "UNUSABLE_COORDINATE_SYSTEM",
    )


async def test_a_report_too_large_for_a_message_keeps_the_most_serious(
    served: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = [shapely.affinity.translate(shape, number / 10) for number, shape in enumerate(files.squares(60))]
    asked = request(*({"wkb": shapely.to_wkb(shape)} for shape in [*shapes, *shapes]), coordinate_system="5899")
    whole = await served.parcels.ValidateParcels(asked, timeout=LONG_S)
    monkeypatch.setattr(servicer, "MOST_BYTES", 5000)
    cut = await served.parcels.ValidateParcels(asked, timeout=LONG_S)
    assert 0 < len(cut.findings) < len(whole.findings)
    assert cut.findings == whole.findings[: len(cut.findings)]
    assert (cut.error_count, cut.warning_count) == (whole.error_count, whole.warning_count)
