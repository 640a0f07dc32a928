"""Who may call what, over every RPC: declared beside each method, refused with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.descriptor import MethodDescriptor
from ngoclinh.area.v1.area_service_pb2 import ListWatchAreasResponse, WatchArea
from ngoclinh.land.v1.land_service_pb2 import FindParcelsResponse, FoundParcels
from ngoclinh.land.v1.parcel_pb2 import Import, ImportOptions, Parcel
from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, ListArticlesRequest
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest
from ngoclinh.type.v1.access_pb2 import Access, Role, Scope

from services.core.errors import OutsideArea
from services.core.sections.doors import GrpcSettings
from services.rpc import areas_of, methods, status
from services.rpc.access import Gate
from services.rpc.caller import INCLUDES, Caller, decode_roles, encode_roles, told
from services.rpc.routing import RoutingChannel
from services.rpc.serve import Server
from tests.services import every_rpc
from tests.services.every_rpc import COMMUNES, IDS, METHODS, MINE, THEIRS

ROLES = [number for number in Role.values() if number]
SETTINGS = GrpcSettings(port=0)


def of(method: MethodDescriptor) -> Access:
    return methods.access(method)


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    gate = Gate(SETTINGS)
    server = Server(SETTINGS, tcp=False, unix=tmp_path / "s", gate=gate)
    server.seen = every_rpc.add_all(server)  # type: ignore[attr-defined]
    await server.start()
    async with RoutingChannel(server.target, {}, SETTINGS) as channel:
        gate.channel = channel
        channel.seen = server.seen  # type: ignore[attr-defined]
        yield channel
    await server.stop(0)


async def reason(channel: Any, method: MethodDescriptor, who: Caller | None, foreign: bool = False) -> str:
    """Why a call is refused; "" where it is not."""
    try:
        request = every_rpc.request(method, foreign)
        await every_rpc.ask(channel, method, request, who.metadata() if who else ())
    except grpc.aio.AioRpcError as error:
        answer = status.from_rpc_error(error)
        assert status.message(answer, "vi") != status.message(answer, "en")
        return status.reason(answer)
    return ""


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_every_method_says_who_may_call_it_and_about_which_areas(method: MethodDescriptor) -> None:
    access = of(method)
    assert access.role, "declare (ngoclinh.type.v1.access) beside the method"
    assert access.scope, "declare how the method stands to areas"
    writes = not methods.repeatable(method) and not method.server_streaming and method.name != "GetParcelTile"
    if writes:
        assert access.role != Role.ROLE_VIEWER, "a method that is not marked as a read is a write"
    fields = [*access.request_areas, *access.answer_areas, access.lookup.field]
    assert any(fields) == (access.scope == Scope.SCOPE_FIELDS), "fields and SCOPE_FIELDS go together"
    for path in access.request_areas:
        assert list(areas_of.values(methods.request_class(method)(), path)) in ([], [""])
    for path in access.answer_areas:
        assert set(areas_of.values(methods.response_class(method)(), path)) <= {""}
    if access.narrowed:
        assert access.narrowed in access.request_areas
    if access.HasField("lookup"):
        assert of(method.containing_service.methods_by_name[access.lookup.method]).answer_areas


@pytest.mark.parametrize("method", METHODS, ids=IDS)
async def test_every_method_refuses_every_role_that_it_is_not_for(channel: Any, method: MethodDescriptor) -> None:
    needed = of(method).role
    nobody, jobless = Caller("", frozenset()), Caller("hoa", frozenset())
    assert await reason(channel, method, nobody) == "UNAUTHENTICATED"
    assert await reason(channel, method, jobless) == "FORBIDDEN"
    for role in ROLES:
        found = await reason(channel, method, Caller("hoa", frozenset({role})))
        if needed in INCLUDES[role]:
            assert found in ("", "INVALID_FIELD"), "the right role is let through to the checks of the request"
        else:
            assert found == ("PASSWORD_CHANGE_REQUIRED" if role == Role.ROLE_SIGNED_IN else "FORBIDDEN")
    assert await reason(channel, method, None) in ("", "INVALID_FIELD"), "the program itself may do all"


@pytest.mark.parametrize("method", METHODS, ids=IDS)
async def test_every_method_keeps_to_the_watch_areas_of_the_caller(channel: Any, method: MethodDescriptor) -> None:
    scope = of(method).scope
    limited = Caller("hoa", frozenset({of(method).role}), frozenset({MINE}))
    found = await reason(channel, method, limited, foreign=True)
    if scope == Scope.SCOPE_NONE or every_rpc.listed(method):
        assert found in ("", "INVALID_FIELD")
    else:
        assert found == "OUTSIDE_AREA"
        assert method.name not in channel.seen or method.name in every_rpc.ANSWERS, "a write was never begun"


async def test_a_list_asked_for_without_an_area_is_narrowed_to_those_of_the_caller(channel: Any) -> None:
    limited = Caller("hoa", frozenset({Role.ROLE_VIEWER}), frozenset({MINE}))
    for method in METHODS:
        if of(method).narrowed and of(method).role == Role.ROLE_VIEWER:
            assert await reason(channel, method, limited) == ""
            found = set(areas_of.values(channel.seen[method.name], of(method).narrowed))
            assert found in (set(COMMUNES[MINE]), {MINE})


async def test_own_areas_are_asked_for_freely_and_every_foreign_one_beside_them_is_refused(channel: Any) -> None:
    (method,) = [each for each in METHODS if each.name == "ListArticles"]
    metadata = Caller("hoa", frozenset({Role.ROLE_VIEWER}), frozenset({MINE})).metadata()
    own = ListArticlesRequest(filter=ArticleFilter(watch_area=MINE, areas=COMMUNES[MINE][:1]))
    await every_rpc.ask(channel, method, own, metadata)
    assert channel.seen["ListArticles"] == own
    own.filter.areas.append(COMMUNES[THEIRS][0])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await every_rpc.ask(channel, method, own, metadata)
    assert status.reason(status.from_rpc_error(caught.value)) == "OUTSIDE_AREA"


def test_answers_are_thinned_out_at_the_innermost_list() -> None:
    mine, other = Parcel(name="a", current_area="areas/1"), Parcel(name="b", current_area="areas/2")
    found = FindParcelsResponse(results=[FoundParcels(parcels=[mine, other]), FoundParcels(parcels=[other])])
    areas_of.keep(found, ["results.parcels.current_area"], {"areas/1"})
    assert found == FindParcelsResponse(results=[FoundParcels(parcels=[mine]), FoundParcels()])
    listed = ListWatchAreasResponse(watch_areas=[WatchArea(name=MINE), WatchArea(name=THEIRS)])
    areas_of.keep(listed, ["watch_areas.name"], {MINE})
    assert [area.name for area in listed.watch_areas] == [MINE]


def test_a_watch_area_without_communes_shows_nothing_rather_than_all() -> None:
    with pytest.raises(OutsideArea):
        areas_of.narrow(ListArticlesRequest(), "filter.areas", {MINE}, set())
    request = GetSituationRequest()
    areas_of.narrow(request, "watch_area", {THEIRS, MINE}, set())
    assert request.watch_area == MINE


def test_callers_survive_the_way_over_metadata() -> None:
    who = Caller("hoa", frozenset({Role.ROLE_ANALYST, Role.ROLE_LAND_OFFICER}), frozenset({MINE}), "10.0.0.7", "export")
    assert told(who.metadata()) == who
    assert told(Caller("", frozenset()).metadata()) == Caller("", frozenset()), "nobody is not the program"
    assert told((("x-request-id", "a"),)) is None
    assert decode_roles("admin,king") == {Role.ROLE_ADMIN}
    assert encode_roles({Role.ROLE_VIEWER, 99}) == "viewer"


SHARED = {
    "UpdateAlertRule": ("GetAlertRule", lambda areas: AlertRule(condition=ArticleFilter(areas=areas))),
    "DeleteAlertRule": ("GetAlertRule", lambda areas: AlertRule(condition=ArticleFilter(areas=areas))),
    "CancelImport": ("GetImport", lambda areas: Import(options=ImportOptions(areas=areas))),
    "CorrectArticle": ("GetArticle", lambda areas: Article(current_areas=areas)),
    "AcknowledgeAlert": ("GetAlert", lambda areas: Alert(areas=areas)),
}
"""Writes to what may be about several communes, with the method that shows it and what it shows."""
REACHES_ALL = {"UpdateAlertRule", "DeleteAlertRule", "CancelImport"}


@pytest.mark.parametrize("name", SHARED)
async def test_what_reaches_every_commune_of_a_thing_is_for_who_may_see_all_of_them(
    channel: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (method,) = [each for each in METHODS if each.name == name]
    limited = Caller("hoa", frozenset({of(method).role}), frozenset({MINE}))
    shown_by, make = SHARED[name]
    for areas, expected in (
        (COMMUNES[MINE], ""),
        ([COMMUNES[MINE][0], COMMUNES[THEIRS][0]], "OUTSIDE_AREA" if name in REACHES_ALL else ""),
        (COMMUNES[THEIRS], "OUTSIDE_AREA"),
    ):
        monkeypatch.setitem(every_rpc.ANSWERS, shown_by, make(areas))
        assert await reason(channel, method, limited) == expected, areas
