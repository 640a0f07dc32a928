"""What every request passes before anything is done: Host, Origin, kind and size of the body, user; safe headers.

A page of another site can make a browser send requests to this machine. It cannot send our Host (DNS rebinding), our
Origin, or JSON without asking first, and we never give leave.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from ngoclinh.type.v1.access_pb2 import Role
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.config import GatewaySettings
from services.core.errors import Forbidden, InvalidField, TooLarge
from services.core.names import random_id
from services.gateway import answers
from services.rpc import caller
from services.rpc.address import is_loopback
from services.rpc.caller import Caller
from services.rpc.interceptors import SAFE_ID

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MIB = 1024 * 1024
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
    """Refuse to listen beyond loopback without users and TLS.

    Raises:
        InvalidField: names the setting that is missing.
    """
    if is_loopback(settings.host):
        return
    certificates = () if settings.tls_by_proxy else ("tls_cert_file", "tls_key_file")
    for name in ("users_file", *certificates):
        if getattr(settings, name) is None:
            raise InvalidField(
                f"gateway.{name}",
                f"cần có khi gateway.host là {settings.host} (ngoài máy này)",
                f"is needed where gateway.host is {settings.host} (beyond this machine)",
            )


@dataclass(frozen=True)
class Door:
    """What a path takes, where it differs from the rest.

    Attributes:
        max_bytes: largest body.
        kinds: content types of a write.
        open: needs no user.
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
        authenticate: the user that an `Authorization` header names, "" for nobody; None lets everyone in.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: GatewaySettings,
        doors: Mapping[str, Door],
        authenticate: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        self._app = app
        self._hosts = {"localhost", "127.0.0.1", "::1", settings.host.strip("[]"), *settings.allowed_hosts}
        self._origins = set(settings.allowed_origins)
        self._doors = doors
        self._door = Door(max_bytes=settings.max_body_mb * MIB)
        self._authenticate = authenticate
        self._tls = settings.tls_cert_file is not None

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
        if scope.get("user"):
            caller.present.set(Caller(scope["user"], frozenset({Role.ROLE_ADMIN})))
        with structlog.contextvars.bound_contextvars(request_id=scope["request_id"]), faults:
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
        """The answer to somebody who is no user; None where everybody may come in, or this one."""
        if self._authenticate is None or door.open:
            return None
        scope["user"] = await self._authenticate(headers.get("authorization", ""))
        if scope["user"]:
            return None
        unknown = Forbidden("Cần tên người dùng và mật khẩu.", "A user name and a password are needed.")
        response = answers.domain_error(unknown, headers, 401)
        response.headers["WWW-Authenticate"] = 'Basic realm="Ngoc Linh", charset="UTF-8"'
        return response

    def _complete(self, headers: MutableHeaders, request_id: str) -> None:
        for name, value in SAFE_HEADERS.items():
            headers.setdefault(name, value)
        if self._tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        headers["X-Request-Id"] = request_id


def _hostname(host: str) -> str:
    """Host name of a Host header, without port and brackets; "" where it is none."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]).lower() if match else ""


def _counted(receive: Receive, most: int) -> Receive:
    """A `receive` that raises TooLarge where a body grows beyond `most` bytes, whatever length it said."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> TooLarge:
    size = f"{most / MIB:g} MB"
    return TooLarge(f"Nội dung gửi lên vượt giới hạn {size}.", f"The body exceeds the limit of {size}.")
