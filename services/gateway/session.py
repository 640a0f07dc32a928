"""`POST /v1/session` and `DELETE /v1/session`: sign in and out of the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from ngoclinh.access.v1.user_pb2 import User
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.core import protojson
from services.core.errors import InvalidField, NgocLinhError
from services.gateway import answers
from services.gateway.extra import Extra
from services.gateway.security import COOKIE, Recognizes, session_token
from services.rpc.caller import Caller

PATH = "/v1/session"
MAX_BODY = 4096
ATTRIBUTES = "Path=/; HttpOnly; Secure; SameSite=Strict"
"""No page can read it, it is never sent to another host or without TLS (but on loopback), and no other site sends it."""
LAX = "Path=/; HttpOnly; Secure; SameSite=Lax"
"""Of a cookie that has to be there when the browser comes back from the provider, by a link of another site."""
LEAVING = "__Host-ngoclinh-signout"
"""Name of the cookie that remembers that this browser went to sign out there."""

_NAME = re.compile(r"[A-Za-z0-9?@._-]{1,80}")
"""What names of users and of providers are made of."""
Keep = Callable[[Caller, str, str, str, str], Awaitable[None]]
"""Keeps in the audit log: who, method, resource, outcome, request id."""


class SignsIn(Recognizes, Protocol):
    """What begins and ends sessions."""

    async def sign_in(self, name: str, password: str, address: str) -> tuple[str, User]:
        """Begin a session; returns its token and the user."""
        ...

    def require_calm(self, address: str) -> None:
        """Count a try to sign in; raises Overloaded where there are too many from one address."""
        ...

    async def sign_out(self, token: str) -> tuple[str, str, str]:
        """End a session; returns whose it was, where the browser goes on to, and what it has to hold meanwhile."""
        ...


class SessionDoor:
    """The two routes.

    Args:
        sign_in: begins and ends sessions.
        keep: into the audit log.
    """

    def __init__(self, sign_in: SignsIn, keep: Keep) -> None:
        self._sign_in = sign_in
        self._keep = keep

    async def begin(self, request: Request) -> Response:
        """Sign in with `{"name": …, "password": …}`; answers the user and sets the cookie."""
        self._sign_in.require_calm(request.scope["address"])  # who tries too often fills no log either
        name, password = _credentials(await request.body())
        outcome = "OK"
        try:
            token, user = await self._sign_in.sign_in(name, password, request.scope["address"])
        except NgocLinhError as error:
            outcome = error.reason
            raise
        finally:
            await self._told(request, name, "gateway/SignIn", outcome)
        response = Response(protojson.to_json(user), media_type=answers.JSON, headers={"Cache-Control": "no-store"})
        response.headers["Set-Cookie"] = f"{COOKIE}={token}; {ATTRIBUTES}"
        return response

    async def end(self, request: Request) -> Response:
        """Sign out: the session ends on the server, and the cookie goes, also where the server cannot be told.

        Answers `{"next": …}` where the browser goes on to sign out at the provider.
        """
        token, who, onward, state = session_token(request.headers), "", "", ""
        response, outcome = Response(status_code=204), "OK"
        if token:
            try:
                who, onward, state = await self._sign_in.sign_out(token)
            except NgocLinhError as error:
                response, outcome = answers.domain_error(error, request.headers), error.reason
            await self._told(request, who, "gateway/SignOut", outcome)
        if onward:
            response = JSONResponse({"next": onward})
            response.headers.append("Set-Cookie", f"{LEAVING}={state}; Max-Age=600; {LAX}")
        response.headers.append("Set-Cookie", f"{COOKIE}=; Max-Age=0; {ATTRIBUTES}")
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _told(self, request: Request, name: str, method: str, outcome: str) -> None:
        """What cannot be a name is not kept: it may be a password that was typed in the wrong field."""
        who = Caller(name if _NAME.fullmatch(name) else "?" * bool(name), frozenset(), address=request.scope["address"])
        await self._keep(who, method, "", outcome, request.scope["request_id"])


def routes(sign_in: SignsIn | None, keep: Keep | None) -> tuple[Extra, ...]:
    """The routes; none where nobody signs in."""
    if sign_in is None or keep is None:
        return ()
    door = SessionDoor(sign_in, keep)
    return (
        Extra("POST", PATH, door.begin, "Sign in with name and password; sets the cookie of the session."),
        Extra("DELETE", PATH, door.end, "Sign out."),
    )


def _credentials(body: bytes) -> tuple[str, str]:
    try:
        given = json.loads(body)
        name, password = given["name"], given["password"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidField("body", "cần name và password", "needs name and password") from error
    if not isinstance(name, str) or not isinstance(password, str):
        raise InvalidField("body", "name và password phải là chuỗi", "name and password must be strings")
    return name.strip(), password
