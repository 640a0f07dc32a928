"""What every request passes before anything is done: Host, Origin, kind and size of the body, user; safe headers.

A page of another site can make a browser send requests to this machine. It cannot send our Host (DNS rebinding), our
Origin, or JSON without asking first, and we never give leave. The cookie of a session is SameSite=Strict besides, and a
write that carries it must say that it comes from our own page.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core import tracing
from services.core.errors import (
    DeadlineExceeded,
    Forbidden,
    InvalidField,
    NgocLinhError,
    TooLarge,
    Unauthenticated,
)
from services.core.names import random_id
from services.core.sections.doors import GatewaySettings
from services.gateway import answers
from services.rpc.address import is_loopback
from services.rpc.caller import NOBODY, Caller, present
from services.rpc.deadline import spend
from services.rpc.interceptors import SAFE_ID

COOKIE = "__Host-ngoclinh"
"""Name of the cookie of a session: with this prefix browsers take it over TLS (or loopback) and for this host only."""
READS = frozenset({"GET", "HEAD", "OPTIONS"})
MIB = 1024 * 1024
PATIENCE_S = 30.0
"""Seconds for which a body is waited for in all, and one more for each `SLOWEST` bytes of it that came."""
SLOWEST = 1000
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
"""A Host header: an address in brackets or a name, and a port."""

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none';"
        " frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def require_safe_address(settings: GatewaySettings) -> None:
    """Refuse to listen beyond loopback without TLS; who comes in is a user then, see `SignIn.is_open`.

    Raises:
        InvalidField: names the setting that is missing.
    """
    if is_loopback(settings.host) or settings.tls_by_proxy:
        return
    for name in ("tls_cert_file", "tls_key_file"):
        if getattr(settings, name) is None:
            raise InvalidField(
                f"gateway.{name}",
                f"cần có khi gateway.host là {settings.host} (ngoài máy này)",
                f"is needed where gateway.host is {settings.host} (beyond this machine)",
            )


class Recognizes(Protocol):
    """What tells who somebody is."""

    async def is_open(self) -> bool:
        """Are the doors open to this machine?"""
        ...

    async def by_authorization(self, authorization: str, address: str) -> Caller | None:
        """Who a header names."""
        ...

    async def by_session(self, token: str, address: str) -> Caller:
        """Who a session belongs to."""
        ...


@dataclass(frozen=True)
class Door:
    """What a path takes, where it differs from the rest.

    Attributes:
        max_bytes: largest body.
        kinds: content types of a write.
        open: needs no user, and asks for none, so that it answers while the ledger does not.
    """

    max_bytes: int = 0
    kinds: frozenset[str] = frozenset({answers.JSON})
    open: bool = False


class Guard:
    """The ASGI layer around the application.

    Args:
        app: what it guards.
        settings: allowed hosts and origins, body limit.
        doors: paths that differ.
        sign_in: who somebody is; None lets everyone in.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: GatewaySettings,
        doors: Mapping[str, Door],
        sign_in: Recognizes | None = None,
    ) -> None:
        self._app = app
        self._hosts = {"localhost", "127.0.0.1", "::1", settings.host.strip("[]"), *settings.allowed_hosts}
        self._origins = set(settings.allowed_origins)
        self._doors = doors
        self._door = Door(max_bytes=settings.max_body_mb * MIB)
        self._sign_in = sign_in
        self._tls = settings.tls_cert_file is not None or settings.tls_by_proxy
        self._behind_proxy = settings.tls_by_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for every request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        scope["request_id"] = asked if SAFE_ID.fullmatch(asked) else random_id()
        door = self._doors.get(scope["path"], self._door)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(raw=message["headers"]), scope["request_id"])
            await send(message)

        response = self._refusal(scope["method"], headers, door) or await self._stranger(scope, headers, door)
        if response is not None:
            await response(scope, receive, answer)
            return
        faults = contextlib.suppress(Exception)  # the application has logged and answered them
        with structlog.contextvars.bound_contextvars(request_id=scope["request_id"]), _traced(scope), faults:
            await self._app(scope, _counted(receive, door.max_bytes), answer)

    def _refusal(self, method: str, headers: Headers, door: Door) -> Response | None:
        """Why a request is not taken, by its headers alone."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _hostname(hosts[0]) not in self._hosts:
            wrong = Forbidden("Tên máy chủ trong yêu cầu không đúng.", "The request names a host that this is not.")
            return answers.domain_error(wrong, headers, 421)
        origins = set(headers.getlist("origin"))
        foreign = method not in READS and headers.get("sec-fetch-site") == "cross-site"
        known = self._origins if foreign else self._origins | {f"{'https' if self._tls else 'http'}://{hosts[0]}"}
        if not origins <= known or (foreign and not origins):
            wrong = Forbidden("Trang web gửi yêu cầu này không được phép.", "This origin may not send requests.")
            return answers.domain_error(wrong, headers)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if method not in READS and (has_body or method == "POST") and kind not in door.kinds:
            kinds = ", ".join(sorted(door.kinds))
            unfit = InvalidField("Content-Type", f"phải là {kinds}", f"must be {kinds}")
            return answers.domain_error(unfit, headers, 415)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > door.max_bytes:
            return answers.domain_error(_too_large(door.max_bytes), headers)
        return None

    async def _stranger(self, scope: Scope, headers: Headers, door: Door) -> Response | None:
        """The answer to somebody who is not known; None where everybody may come in, or this one.

        What it takes to find out is taken from the deadline of what is done then.
        """
        if self._sign_in is None:
            return None
        scope["address"] = client_address(scope, headers, self._behind_proxy)
        if door.open or _is_page(scope["path"]):
            present.set(NOBODY)
            return None
        began = time.monotonic()
        try:
            who = await self._recognize(self._sign_in, scope, headers)
        except NgocLinhError as error:
            return _refused(error, headers)
        if who is NOBODY:
            return _refused(Unauthenticated(), headers)
        present.set(who)
        spend(time.monotonic() - began)
        return None

    async def _recognize(self, sign_in: Recognizes, scope: Scope, headers: Headers) -> Caller | None:
        """Who it is: by header, by session, else nobody; None where the doors are open to this machine."""
        if await sign_in.is_open():
            return None
        if "authorization" in headers:
            return await sign_in.by_authorization(headers["authorization"], scope["address"])
        token = session_token(headers)
        if not token:
            return NOBODY
        from_our_page = "origin" in headers or headers.get("sec-fetch-site") == "same-origin"
        if scope["method"] not in READS and not from_our_page:
            raise Forbidden("Trang web gửi yêu cầu này không được phép.", "This origin may not send requests.")
        return await sign_in.by_session(token, scope["address"])

    def _complete(self, headers: MutableHeaders, request_id: str) -> None:
        for name, value in SAFE_HEADERS.items():
            headers.setdefault(name, value)
        if self._tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        headers["X-Request-Id"] = request_id


def session_token(headers: Mapping[str, str]) -> str:
    """The token of the session that a browser holds; "" where it has none."""
    return cookie(headers, COOKIE)


def cookie(headers: Mapping[str, str], wanted: str) -> str:
    """The value of a cookie; "" where there is none."""
    pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == wanted and value.isascii()), "")


def client_address(scope: Scope, headers: Headers, behind_proxy: bool) -> str:
    """Where a request comes from: the peer, or what the proxy in front says of it."""
    forwarded = headers.getlist("x-forwarded-for") if behind_proxy else []
    if forwarded:
        return forwarded[-1].rpartition(",")[2].strip()[:64]
    return str(scope["client"][0]) if scope.get("client") else ""


def _is_page(path: str) -> bool:
    """Is it a file of the dashboard, which holds no data and shows the page to sign in?"""
    return not path.startswith("/v1/") and path not in ("/openapi.json", "/metrics")


def _refused(error: NgocLinhError, headers: Mapping[str, str]) -> Response:
    response = answers.domain_error(error, headers)
    if isinstance(error, Unauthenticated):  # not Basic: a browser would ask with a window of its own
        response.headers["WWW-Authenticate"] = 'Bearer realm="Ngoc Linh"'
    return response


def _traced(scope: Scope) -> AbstractContextManager[Any]:
    """A span for a call of the API; a stream of events, which outlasts every call, has none, nor have pages and probes."""
    place = "/".join(scope["path"].partition(":")[0].split("/")[:3])
    called = place.startswith("/v1/") and place != "/v1/events"
    return tracing.span(f"{scope['method']} {place}", "server") if called else contextlib.nullcontext()


def _hostname(host: str) -> str:
    """Host name of a Host header, without port and brackets; "" where it is none."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]).lower() if match else ""


def _counted(receive: Receive, most: int) -> Receive:
    """A `receive` that raises where a body grows beyond `most` bytes, whatever length it said, or comes too slowly."""
    seen, waited, whole = 0, 0.0, False

    async def counted() -> Message:
        nonlocal seen, waited, whole
        if whole:
            return await receive()  # the end of the connection, for which a stream waits for hours
        begin = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S + seen / SLOWEST - waited):
                message = await receive()
        except TimeoutError:
            raise DeadlineExceeded from None
        waited += time.monotonic() - begin
        whole = not message.get("more_body", False)
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> TooLarge:
    size = f"{most / MIB:g} MB"
    return TooLarge(f"Nội dung gửi lên vượt giới hạn {size}.", f"The body exceeds the limit of {size}.")
