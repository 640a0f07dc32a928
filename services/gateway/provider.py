"""`GET /v1/session` and below: the ways to sign in, the way to the identity provider, and the ways back from it.

A browser comes back by a link of another site, so the cookie that remembers the sign-in is SameSite=Lax; it lives ten
minutes and is taken away by the first answer. What goes wrong is told by the page to sign in, in the language in use.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from ngoclinh.access.v1.user_pb2 import User
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.core.errors import NgocLinhError, Overloaded, Unavailable
from services.gateway.extra import Extra
from services.gateway.security import COOKIE, cookie
from services.gateway.session import ATTRIBUTES, LAX, LEAVING, PATH, Keep
from services.rpc.caller import Caller

BEGIN, CALLBACK, LEFT = f"{PATH}/begin", f"{PATH}/callback", f"{PATH}/left"
HELD = "__Host-ngoclinh-signin"
_GONE = "{}=; Max-Age=0; " + LAX


class KnowsProvider(Protocol):
    """What sends people to a provider and begins the sessions of those who come back."""

    def ways(self) -> tuple[bool, str]:
        """With a password, and the title of the provider."""
        ...

    def require_calm(self, address: str) -> None:
        """Count a try to sign in; raises Overloaded where there are too many from one address."""
        ...

    async def go_to_provider(self) -> tuple[str, str]:
        """Where the browser goes, and what it has to hold."""
        ...

    async def come_back(self, held: str, state: str, code: str, address: str) -> tuple[str, User]:
        """Token of a new session, and whose it is."""
        ...


class ProviderDoor:
    """The routes.

    Args:
        knows: the provider.
        keep: into the audit log.
    """

    def __init__(self, knows: KnowsProvider, keep: Keep) -> None:
        self._knows = knows
        self._keep = keep

    async def ways(self, request: Request) -> Response:
        """The ways to sign in."""
        local, title = self._knows.ways()
        return JSONResponse({"local": local, "provider": title}, headers={"Cache-Control": "no-store"})

    async def begin(self, request: Request) -> Response:
        """To the provider."""
        try:
            url, held = await self._knows.go_to_provider()
        except Unavailable:
            return _told("UNAVAILABLE")
        response = _to(url)
        response.headers.append("Set-Cookie", f"{HELD}={held}; Max-Age=600; {LAX}")
        return response

    async def callback(self, request: Request) -> Response:
        """Back from it: the session begins, or the page says why it does not."""
        given, name, outcome = request.query_params, "", "OK"
        token = ""
        try:
            self._knows.require_calm(request.scope["address"])
        except Overloaded:  # who tries too often fills no log either
            return _told("UNAVAILABLE")
        try:
            held = cookie(request.headers, HELD)
            if given.get("error"):
                outcome = "REFUSED" if held else "STATE"
            else:
                state, code = given.get("state", "")[:200], given.get("code", "")[:2000]
                token, user = await self._knows.come_back(held, state, code, request.scope["address"])
                name = user.name.removeprefix("users/")
        except NgocLinhError as error:
            outcome = error.details.get("why", error.reason)
        finally:
            who = Caller(name, frozenset(), address=request.scope["address"])
            await self._keep(who, "gateway/SignIn", "auth.provider", outcome, request.scope["request_id"])
        response = _to("/") if token else _told(outcome)
        response.headers.append("Set-Cookie", _GONE.format(HELD))
        if token:
            response.headers.append("Set-Cookie", f"{COOKIE}={token}; {ATTRIBUTES}")
        return response

    async def left(self, request: Request) -> Response:
        """Back from signing out there; the page says so to the browser that went."""
        held, state = cookie(request.headers, LEAVING), request.query_params.get("state", "")[:200]
        went = held and hmac.compare_digest(held.encode(), state.encode())
        response = _told("LEFT") if went else _to("/")
        response.headers.append("Set-Cookie", _GONE.format(LEAVING))
        return response


def routes(knows: KnowsProvider | None, keep: Keep | None) -> tuple[Extra, ...]:
    """The routes; none where nobody signs in."""
    if knows is None or keep is None:
        return ()
    door = ProviderDoor(knows, keep)
    return (
        Extra("GET", PATH, door.ways, "The ways to sign in: with a password, at a provider."),
        Extra("GET", BEGIN, door.begin, "Go to the identity provider to sign in."),
        Extra("GET", CALLBACK, door.callback, "Come back from the identity provider: state, code."),
        Extra("GET", LEFT, door.left, "Come back from signing out at the identity provider: state."),
    )


def _to(url: str) -> RedirectResponse:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def _told(why: str) -> RedirectResponse:
    return _to(f"/#/?why={why}")
