"""Stages of a server that decide who may call what: who is it → may they call it → about these areas?

What is allowed is declared beside each method in the protos (`ngoclinh.type.v1.Access`); nothing is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from google.protobuf.message import Message
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.type.v1.access_pb2 import Access, Role, Scope

from services.core.errors import Forbidden, NotFound, OutsideArea, PasswordChangeRequired, Unauthenticated
from services.core.names import parse_area_name
from services.core.sections.doors import GrpcSettings
from services.rpc import areas_of, caller, methods
from services.rpc import status as rpc_status
from services.rpc.caller import Caller
from services.rpc.interceptors import Call

KEEP_S = 30.0
"""Seconds for which the communes of a watch area are known."""
AUTHORIZATION = "authorization"

Authenticate = Callable[[str, str], Awaitable[Caller | None]]
"""From the value of `authorization` and an address: who it is. None where this machine's doors are open.

Raises `Unauthenticated` where it is nobody that is known.
"""

TITLES: Mapping[int, tuple[str, str]] = {
    Role.ROLE_SIGNED_IN: ("người dùng", "user"),
    Role.ROLE_VIEWER: ("người xem", "viewer"),
    Role.ROLE_ANALYST: ("chuyên viên thông tin", "analyst"),
    Role.ROLE_LAND_OFFICER: ("cán bộ địa chính", "land officer"),
    Role.ROLE_ADMIN: ("quản trị", "administrator"),
}
"""What roles are called, in Vietnamese and in English."""


class Gate:
    """The stages, for one server.

    Args:
        settings: which callers are processes of ours.
        authenticate: who calls from outside; None lets everybody in as the program.

    Attributes:
        channel: to our services, which are asked about areas; set before calls of people come.
    """

    def __init__(self, settings: GrpcSettings, authenticate: Authenticate | None = None) -> None:
        self._settings = settings
        self._authenticate = authenticate
        self._rules = {methods.path(method): methods.access(method) for method in methods.methods()}
        self._communes: dict[str, tuple[float, frozenset[str]]] = {}
        self.channel: grpc.aio.Channel | None = None

    @asynccontextmanager
    async def identify(self, call: Call) -> AsyncIterator[None]:
        """Who calls, from here on in `caller.present`."""
        metadata = tuple(call.context.invocation_metadata() or ())
        ours = caller.is_ours(call.context.peer(), self._settings)
        token = next((str(value) for key, value in metadata if key == AUTHORIZATION), "")
        found = caller.told(metadata) if ours else None
        if self._authenticate is not None and (token or not ours):
            found = await self._authenticate(token, address(call.context.peer()))
        before = caller.present.set(found)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):  # a stream that is broken off is closed in another context
                caller.present.reset(before)

    @asynccontextmanager
    async def authorize(self, call: Call) -> AsyncIterator[None]:
        """Refuse who has not the role that the method asks for, or may see some areas where it is about all."""
        found, rule = caller.present.get(), self._rules[call.method]
        if found is not None:
            require_allowed(found, rule)
        yield

    @asynccontextmanager
    async def limit_to_areas(self, call: Call) -> AsyncIterator[None]:
        """For people who may see some watch areas: refuse others, narrow requests that name none, thin answers out."""
        found, rule = caller.present.get(), self._rules[call.method]
        if found is not None and found.watch_areas and rule.scope == Scope.SCOPE_FIELDS:
            await self._limit(call, rule, found)
        yield

    async def _limit(self, call: Call, rule: Access, found: Caller) -> None:
        needs_communes = (
            rule.narrowed or rule.answer_areas or rule.lookup.all or any(path != "name" for path in rule.request_areas)
        )
        communes = await self._communes_of(found) if needs_communes else frozenset()
        allowed = found.watch_areas | communes
        if rule.HasField("lookup"):
            await self._look_up(call, rule, allowed)
        request = call.request
        if not isinstance(request, Message):
            request = await anext(call.request, None)
            if request is None:
                raise OutsideArea
            call.request = _again(request, call.request)
        if not areas_of.require(request, rule.request_areas, allowed):
            if rule.narrowed:
                areas_of.narrow(request, rule.narrowed, found.watch_areas, communes)
            elif rule.request_areas:
                raise OutsideArea
        if rule.answer_areas:
            call.answered.append(lambda answer: areas_of.keep(answer, rule.answer_areas, allowed))

    async def _look_up(self, call: Call, rule: Access, allowed: frozenset[str]) -> None:
        """Ask for the resource that a write names, as the same person."""
        assert self.channel is not None
        service = methods.service(call.method.split("/")[1])
        method = service.methods_by_name[rule.lookup.method]
        name = next(areas_of.values(call.request, rule.lookup.field))
        if not name:
            raise OutsideArea
        request: Message = methods.request_class(method)(name=name)
        ask: Any = self.channel.unary_unary(methods.path(method))
        answer = methods.response_class(method).FromString(await ask(request.SerializeToString()))
        if rule.lookup.all:
            areas_of.require(answer, self._rules[methods.path(method)].answer_areas, allowed)

    async def _communes_of(self, found: Caller) -> frozenset[str]:
        assert self.channel is not None
        now, all_of_them = time.monotonic(), frozenset[str]()
        for name in found.watch_areas:
            end, communes = self._communes.get(name, (0.0, frozenset[str]()))
            if end <= now:
                communes = await self._ask(name)
                self._communes[name] = now + KEEP_S, communes
            all_of_them |= communes
        return all_of_them

    async def _ask(self, name: str) -> frozenset[str]:
        """The communes of a watch area; none where it has ended."""
        assert self.channel is not None
        try:
            area = await AreaServiceStub(self.channel).GetWatchArea(GetWatchAreaRequest(name=name))
        except grpc.aio.AioRpcError as error:
            if rpc_status.reason(rpc_status.from_rpc_error(error)) in (NotFound.reason, "INVALID_FIELD"):
                return frozenset()
            raise
        for commune in area.areas:
            parse_area_name(commune)
        return frozenset(area.areas)


async def _again(first: Message, rest: AsyncIterator[Message]) -> AsyncIterator[Message]:
    """A stream whose first message was taken out of it."""
    yield first
    async for message in rest:
        yield message


def require_allowed(found: Caller, rule: Access) -> None:
    """Check a caller against the rule of a method, before anything of a request is looked at.

    Raises:
        Unauthenticated, PasswordChangeRequired, Forbidden: as `require_role`.
        OutsideArea: they may see some areas, and it is about all.
    """
    require_role(found, rule)
    if found.watch_areas and rule.scope not in (Scope.SCOPE_NONE, Scope.SCOPE_FIELDS):
        raise OutsideArea


def require_role(found: Caller, rule: Access) -> None:
    """Check a caller against the rule of a method.

    Raises:
        Unauthenticated: nobody is known.
        PasswordChangeRequired: before all else, they have to.
        Forbidden: their roles do not include the one that is needed.
    """
    if found.may(rule.role):
        return
    if not found.user:
        raise Unauthenticated
    if found.roles == {Role.ROLE_SIGNED_IN}:
        raise PasswordChangeRequired
    vi, en = TITLES.get(rule.role, ("không ai", "nobody"))
    raise Forbidden(
        f"Việc này cần vai trò “{vi}”.",
        f"This needs the role '{en}'.",
        {"role": caller.encode_roles([rule.role]), "user": found.user},
    )


def address(peer: str) -> str:
    """The address of a peer without its port. Example: ``ipv4:10.0.0.7:40122`` is ``10.0.0.7``."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
