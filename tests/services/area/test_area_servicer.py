"""AreaService over a real server: the registers, resolution by date, watch areas, pages, errors."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.area.v1 import area_service_pb2 as pb
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub

from services.area.servicer import AreaServicer
from services.core.clock import to_timestamp
from services.core.config import Settings
from services.core.errors import InvalidField
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import WatchAreaSettings
from services.rpc import status
from services.rpc.client import connect
from services.rpc.serve import Server

WATCH_AREAS = {
    "nam-tra-my": Settings().watch_areas["nam-tra-my"],
    "ba-che": WatchAreaSettings(title="Ba Chẽ", areas=["06970"]),
}


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.fixture
async def areas(tmp_path: Path) -> AsyncIterator[AreaServiceStub]:
    socket = tmp_path / "grpc.sock"
    server = Server(GrpcSettings(), tcp=False, unix=socket)
    server.add("ngoclinh.area.v1.AreaService", AreaServicer(WATCH_AREAS, clock=lambda: at(2026, 11, 25)))
    await server.start()
    async with connect(f"unix:{socket}") as channel:
        yield AreaServiceStub(channel)
    await server.stop()


async def reason(call: grpc.aio.UnaryUnaryCall) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), status.reason(status.from_rpc_error(caught.value))


async def test_a_unit_with_its_validity_and_relations(areas: AreaServiceStub) -> None:
    old = await areas.GetArea(pb.GetAreaRequest(name="areas/2004-20938"))
    assert (old.title, old.level, old.parent) == ("Xã Trà Dơn", pb.AREA_LEVEL_COMMUNE, "areas/2004-516")
    assert (old.valid_from_date, old.valid_until_date) == ("", "2025-07-01")
    assert list(old.successors) == ["areas/2025-20938"]
    assert not old.HasField("centroid")
    new = await areas.GetArea(pb.GetAreaRequest(name="areas/2025-20938"))
    assert (new.title, new.valid_from_date, new.valid_until_date) == ("Xã Trà Leng", "2025-07-01", "")
    assert list(new.predecessors) == ["areas/2004-20935", "areas/2004-20938"]
    assert new.area_km2 == pytest.approx(221.15)
    assert (new.centroid.longitude_deg, new.centroid.latitude_deg) == pytest.approx((108.01, 15.24))


@pytest.mark.parametrize("name", ["areas/2025-99999", "areas/2004-99"])
async def test_an_unknown_unit_is_not_found(areas: AreaServiceStub, name: str) -> None:
    assert await reason(areas.GetArea(pb.GetAreaRequest(name=name))) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_pages_go_through_all_communes_of_today_once(areas: AreaServiceStub) -> None:
    filter_ = pb.AreaFilter(level=pb.AREA_LEVEL_COMMUNE)
    names: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await areas.ListAreas(pb.ListAreasRequest(filter=filter_, page_size=1000, page_token=token))
        names += [area.name for area in page.areas]
        token, pages = page.next_page_token, pages + 1
    assert (len(names), pages) == (3321, 4)
    assert names == sorted(set(names))


async def test_units_of_a_parent_and_by_part_of_the_name(areas: AreaServiceStub) -> None:
    page = await areas.ListAreas(pb.ListAreasRequest(filter=pb.AreaFilter(edition=2004, parent="areas/2004-516")))
    assert [area.code for area in page.areas] == [str(code) for code in range(20935, 20963, 3)]
    page = await areas.ListAreas(pb.ListAreasRequest(filter=pb.AreaFilter(query="tra leng")))
    assert [area.name for area in page.areas] == ["areas/2025-20938"]
    assert page.next_page_token == ""


async def found(areas: AreaServiceStub, query: str, **narrower: Any) -> list[str]:
    """Titles, with the former unit by whose name they were found."""
    answer = await areas.SearchAreas(pb.SearchAreasRequest(query=query, **narrower))
    return [f"{each.area.title} < {each.former}" if each.former else each.area.title for each in answer.matches]


OF_THE_DISTRICT = [
    f"Xã {name} < Huyện Nam Trà My, Tỉnh Quảng Nam" for name in ("Trà Leng", "Trà Linh", "Trà Tập", "Trà Vân")
]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Trà Leng", ["Xã Trà Leng"]),
        ("tra leng", ["Xã Trà Leng"]),
        ("XÃ TRÀ LENG", ["Xã Trà Leng"]),
        ("tra len", ["Xã Trà Leng"]),
        (unicodedata.normalize("NFD", "Trà Leng"), ["Xã Trà Leng"]),
        ("Trà Leng, Đà Nẵng", ["Xã Trà Leng"]),
        ("20938", ["Xã Trà Leng"]),
        ("Trà Dơn", ["Xã Trà Leng < Xã Trà Dơn, Huyện Nam Trà My, Tỉnh Quảng Nam"]),
        ("Nam Trà My", ["Xã Nam Trà My", *OF_THE_DISTRICT]),
        ("huyện nam trà m", ["Xã Nam Trà My < Huyện Nam Trà My, Tỉnh Quảng Nam", *OF_THE_DISTRICT]),
    ],
)
async def test_units_are_found_by_what_is_typed_of_a_name(areas: AreaServiceStub, query: str, first: list[str]) -> None:
    titles = await found(areas, query, level=pb.AREA_LEVEL_COMMUNE)
    assert titles[: len(first)] == first


async def test_what_is_found_says_where_it_lies(areas: AreaServiceStub) -> None:
    answer = await areas.SearchAreas(pb.SearchAreasRequest(query="Trà Leng", limit=1))
    assert [(each.area.name, each.above, each.former) for each in answer.matches] == [
        ("areas/2025-20938", "Thành phố Đà Nẵng", "")
    ]


async def test_marks_count_where_one_is_typed(areas: AreaServiceStub) -> None:
    communes = {"level": pb.AREA_LEVEL_COMMUNE, "limit": 100}
    assert "Xã Trà Leng < Xã Trà Dơn, Huyện Nam Trà My, Tỉnh Quảng Nam" in await found(areas, "tra don", **communes)
    assert await found(areas, "Trà Don", **communes) == ["Xã Nam Trà My < Xã Trà Don, Huyện Nam Trà My, Tỉnh Quảng Nam"]
    provinces = {"level": pb.AREA_LEVEL_PROVINCE}
    assert await found(areas, "đồng n", **provinces) == await found(areas, "ĐỒNG N", **provinces) != []
    assert await found(areas, "đong nai", **provinces) == [], "a mark is typed, so the others are wanted too"
    assert await found(areas, "dong nai", **provinces) == await found(areas, "Đồng Nai", **provinces)
    assert await found(areas, "Đà Nă", **provinces) == await found(areas, "Đà Nẵ", **provinces) != []
    assert await found(areas, "Khánh Hoà", **provinces) == await found(areas, "Khánh Hòa", **provinces) != []


async def test_names_come_before_beginnings_and_those_before_later_words(areas: AreaServiceStub) -> None:
    titles = await found(areas, "tra my", level=pb.AREA_LEVEL_COMMUNE, limit=100)
    own = [title for title in titles if "<" not in title]
    assert own[:1] == ["Xã Trà My"]
    assert own.index("Xã Nam Trà My") > 0
    assert titles.index("Xã Nam Trà My") > titles.index("Xã Trà My")


async def test_a_search_is_narrowed_and_bounded(areas: AreaServiceStub) -> None:
    assert await found(areas, "tan lap dong nai") == await found(areas, "Tân Lập", parent="areas/2025-75", limit=100)
    assert len(await found(areas, "t")) == 20
    assert len(await found(areas, "t", limit=100)) == 100
    assert await found(areas, "tra my", edition=2004, level=pb.AREA_LEVEL_DISTRICT) == [
        "Huyện Bắc Trà My",
        "Huyện Nam Trà My",
    ]
    below = await found(areas, "tra", edition=2004, parent="areas/2004-49", level=pb.AREA_LEVEL_COMMUNE, limit=100)
    assert "Xã Trà Dơn" in below, "a province is above its districts' communes too"


@pytest.mark.parametrize("query", ["", "  ", "%", "'; --", "xyzzy", "a " * 100, "trà" * 60, "\u0300" * 200, "\u200b"])
async def test_what_is_no_name_finds_nothing(areas: AreaServiceStub, query: str) -> None:
    assert await found(areas, query) == []


async def test_some_units_come_in_the_order_of_their_names_without_unknown_ones(areas: AreaServiceStub) -> None:
    names = ["areas/2025-20944", "areas/2025-99999", "areas/2004-20938"]
    answer = await areas.BatchGetAreas(pb.BatchGetAreasRequest(names=names))
    assert [area.title for area in answer.areas] == ["Xã Nam Trà My", "Xã Trà Dơn"]
    assert await reason(areas.BatchGetAreas(pb.BatchGetAreasRequest())) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
    )


async def test_a_token_of_another_filter_is_refused(areas: AreaServiceStub) -> None:
    page = await areas.ListAreas(pb.ListAreasRequest(page_size=1))
    other = pb.ListAreasRequest(filter=pb.AreaFilter(edition=2004), page_token=page.next_page_token)
    assert await reason(areas.ListAreas(other)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


@pytest.mark.parametrize(
    "request_",
    [
        pb.ListAreasRequest(page_size=-1),
        pb.ListAreasRequest(filter=pb.AreaFilter(edition=1999)),
        pb.ListAreasRequest(filter=pb.AreaFilter(parent="Đà Nẵng")),
        pb.ListAreasRequest(filter=pb.AreaFilter(parent="areas/2004-49")),
    ],
)
async def test_a_request_out_of_range_is_refused(areas: AreaServiceStub, request_: pb.ListAreasRequest) -> None:
    assert await reason(areas.ListAreas(request_)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


@pytest.mark.parametrize(
    "request_",
    [
        pb.SearchAreasRequest(query="x" * 201),
        pb.SearchAreasRequest(limit=101),
        pb.SearchAreasRequest(edition=1999),
        pb.SearchAreasRequest(parent="areas/2004-49"),
    ],
)
async def test_a_search_out_of_range_is_refused(areas: AreaServiceStub, request_: pb.SearchAreasRequest) -> None:
    assert await reason(areas.SearchAreas(request_)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_code_is_resolved_as_of_the_day_in_vietnam(areas: AreaServiceStub) -> None:
    async def title(moment: datetime | None) -> str:
        request = pb.ResolvePlaceRequest(text="20938", as_of_time=to_timestamp(moment) if moment else None)
        return (await areas.ResolvePlace(request)).candidates[0].area.title

    assert await title(at(2025, 6, 30, hour=16)) == "Xã Trà Dơn"
    assert await title(at(2025, 6, 30, hour=17)) == "Xã Trà Leng"  # midnight in Vietnam
    assert await title(None) == "Xã Trà Leng"


async def test_candidates_tell_what_covers_them_today(areas: AreaServiceStub) -> None:
    answer = await areas.ResolvePlace(pb.ResolvePlaceRequest(text="xã Trà Dơn, huyện Nam Trà My"))
    (found,) = answer.candidates
    assert (found.area.name, list(found.current_areas)) == ("areas/2004-20938", ["areas/2025-20938"])
    assert found.matched_text == "xã Trà Dơn"
    assert 0 < found.score <= 1
    assert not (await areas.ResolvePlace(pb.ResolvePlaceRequest(text="xyz"))).candidates


async def test_watch_areas_of_the_settings(areas: AreaServiceStub) -> None:
    found = await areas.GetWatchArea(pb.GetWatchAreaRequest(name="watchAreas/nam-tra-my"))
    assert found.title == "Nam Trà My"
    assert list(found.areas) == [f"areas/2025-{code}" for code in (20944, 20941, 20950, 20938, 20959)]
    first = await areas.ListWatchAreas(pb.ListWatchAreasRequest(page_size=1))
    assert [area.name for area in first.watch_areas] == ["watchAreas/ba-che"]
    assert list(first.watch_areas[0].areas) == ["areas/2025-06978"]
    rest = await areas.ListWatchAreas(pb.ListWatchAreasRequest(page_token=first.next_page_token))
    assert [area.name for area in rest.watch_areas] == ["watchAreas/nam-tra-my"]
    unknown = areas.GetWatchArea(pb.GetWatchAreaRequest(name="watchAreas/none"))
    assert await reason(unknown) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


@pytest.mark.parametrize("code", ["20956", "48", "99999"])
def test_a_watch_area_of_unknown_communes_stops_the_start(code: str) -> None:
    with pytest.raises(InvalidField) as caught:
        AreaServicer({"x": WatchAreaSettings(title="X", areas=[code])})
    assert caught.value.field == "watch_areas.x.areas"
    assert code in caught.value.vi
    assert code in caught.value.en
