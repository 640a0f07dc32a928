"""Signing in and out at an identity provider (OpenID Connect): authorization code flow with PKCE, the ID token checked.

What a sign-in that was begun has to remember (state, nonce, code verifier) is held by the browser in a cookie that no page
can read and no other host can write; nothing of it is kept here. Nor is the ID token, which holds personal data: signing
out there (OpenID Connect RP-Initiated Logout 1.0) names the client instead, and the provider may ask whether it is meant.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import aiohttp

from services.access.fetch import FAULTS, FETCH_S, is_safe_url, read_json
from services.access.tokens import Tokens
from services.core.errors import Expired, InvalidField, NgocLinhError, Unauthenticated, Unavailable
from services.core.log import get_logger
from services.core.sections.doors import AuthSettings
from services.rpc.caller import Caller

KEEP_S = 3600.0
"""Seconds for which what the provider says of itself is believed."""
_DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_END_SESSION = "end_session_endpoint"
LEFT = "left"
"""Where the browser comes back to from signing out there, beside `redirect_url`."""
_log = get_logger(__name__)


@dataclass(frozen=True)
class _Known:
    """What the provider says of itself, and who checks its ID tokens."""

    authorization: str
    token: str
    tokens: Tokens
    end_session: str


class Provider:
    """Sends people to the provider and knows them when they come back.

    Args:
        settings: issuer, client, claims.

    Raises:
        InvalidField: a setting is missing or unsafe.
    """

    def __init__(self, settings: AuthSettings) -> None:
        _require_sound(settings)
        self._settings = settings
        self._own = settings.provider
        self._one = asyncio.Lock()
        self._known: tuple[float, _Known | None] = (-1e9, None)

    async def begin(self) -> tuple[str, str]:
        """Begin a sign-in; returns where the browser goes, and what it has to hold.

        Raises:
            Unavailable: the provider does not answer.
        """
        known = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code", "client_id": self._own.client_id, "redirect_uri": self._own.redirect_url,
            "scope": self._own.scope, "state": state, "nonce": nonce,
            "code_challenge": _challenge(verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        return _with(known.authorization, asked), f"{state}.{nonce}.{verifier}"

    async def leave(self) -> tuple[str, str]:
        """Where a browser goes to sign out there, and the state that it has to hold; "" where the provider says not.

        Raises:
            Unavailable: the provider does not answer.
        """
        known = await self._discover() if self._own.sign_out else None
        if known is None or not known.end_session:
            return "", ""
        state = secrets.token_urlsafe(32)
        back = urljoin(self._own.redirect_url, LEFT)
        asked = {"client_id": self._own.client_id, "post_logout_redirect_uri": back, "state": state}
        return _with(known.end_session, asked), state

    async def end(self, held: str, state: str, code: str, address: str) -> Caller:
        """Who came back.

        Args:
            held: what the browser was given to hold.
            state: as the provider gave it back.
            code: of the provider, good for one question.
            address: where they came from.

        Raises:
            Unauthenticated: it is not believed; `why` in its metadata is one of STATE, CODE, TOKEN, EXPIRED, NONCE, ROLE.
            Unavailable: the provider does not answer.
        """
        parts = held.split(".")
        if len(parts) != 3 or not state or not hmac.compare_digest(parts[0].encode(), state.encode()):
            raise _refused("STATE")
        _, nonce, verifier = parts
        known = await self._discover()
        token = await self._redeem(known.token, code, verifier)
        try:
            claims = await known.tokens.claims(token)
        except Expired as error:
            raise _refused("EXPIRED") from error
        except Unauthenticated as error:
            raise _refused("TOKEN") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise _refused("NONCE")
        if claims.get("azp", self._own.client_id) != self._own.client_id:
            raise _refused("TOKEN")
        found = known.tokens.known(claims, address)
        if not found.roles:
            raise _refused("ROLE")
        return found

    async def _discover(self) -> _Known:
        async with self._one:
            when, known = self._known
            if known is None or time.monotonic() - when > KEEP_S:
                known = self._understood(await self._ask("GET", self._own.issuer.rstrip("/") + _DISCOVERY))
                self._known = time.monotonic(), known
        return known

    def _understood(self, document: Any) -> _Known:
        told = document if isinstance(document, dict) else {}
        here = urlsplit(self._own.issuer).scheme == "http"  # only a provider of this machine names places on it
        found = [str(told.get(name, "")) for name in _ENDPOINTS]
        if not all(is_safe_url(url, here) for url in found) or told.get("issuer") != self._own.issuer:
            _log.warning("discovery document refused", issuer=self._own.issuer)
            raise _away()
        authorization, token, keys = found
        end_session = str(told.get(_END_SESSION, ""))
        if end_session and not is_safe_url(end_session, here):
            _log.warning("place to sign out refused", issuer=self._own.issuer)
            end_session = ""
        given = {"issuer": self._own.issuer, "audience": self._own.client_id, "jwks_url": keys, "jwks_file": None}
        return _Known(authorization, token, Tokens(self._settings.tokens.model_copy(update=given)), end_session)

    async def _redeem(self, url: str, code: str, verifier: str) -> str:
        """The ID token for a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._own.redirect_url,
                "client_id": self._own.client_id, "code_verifier": verifier}  # fmt: skip
        headers = {}
        if self._own.client_secret_file is not None:
            try:
                secret = (await asyncio.to_thread(self._own.client_secret_file.read_text, "utf-8")).strip()
            except (OSError, UnicodeDecodeError) as error:
                _log.error("the secret of the client cannot be read", why=type(error).__name__)
                raise _away() from error
            pair = f"{quote(self._own.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        answer = await self._ask("POST", url, form, headers)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise _refused("TOKEN")
        return token

    async def _ask(
        self, verb: str, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(verb, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                if form is not None and 400 <= answer.status < 500:
                    raise _refused("CODE")
                answer.raise_for_status()
                return await read_json(answer)
        except FAULTS as error:
            _log.warning("identity provider does not answer", why=type(error).__name__)
            raise _away() from error


def _with(url: str, asked: dict[str, str]) -> str:
    """An address with more in its query."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _challenge(verifier: str) -> str:
    """S256 of RFC 7636, section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "Đăng nhập qua nơi cấp danh tính không thành công.", "Signing in at the identity provider failed.", {"why": why}
    )


def _away() -> NgocLinhError:
    return Unavailable("Nơi cấp danh tính (auth.provider) không trả lời.", "The identity provider does not answer.")


def _require_sound(settings: AuthSettings) -> None:
    own = settings.provider
    for name in ("client_id", "redirect_url"):
        if not getattr(own, name):
            raise InvalidField(
                f"auth.provider.{name}", "cần có cùng auth.provider.issuer", "is needed with auth.provider.issuer"
            )
    for name in ("issuer", "redirect_url"):
        if not is_safe_url(getattr(own, name)):
            raise InvalidField(f"auth.provider.{name}", "cần địa chỉ https://", "must be https://")
