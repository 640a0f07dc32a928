"""Bearer tokens of an identity provider (OpenID Connect): JWT whose signature, issuer, audience and times are checked.

Keys come from a file or an address (JWKS), are kept for a while, and are read again when a token names a key that is not
among them, so that the provider may change keys at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import jwt

from services.access.fetch import FAULTS, FETCH_S, is_safe_url, parse, read_json
from services.core.errors import Expired, InvalidField, Unauthenticated, Unavailable
from services.core.log import get_logger
from services.core.sections.doors import TokenSettings
from services.rpc.caller import Caller, decode_roles

AGAIN_S = 30.0
"""Least seconds between two looks at the keys, whatever tokens name."""
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""What may be allowed: signatures with a public key. Never `none`, never a shared secret."""
_log = get_logger(__name__)


class Tokens:
    """Tells who a token belongs to.

    Args:
        settings: issuer, audience, keys, claims.

    Raises:
        InvalidField: a setting is missing or unsafe.
    """

    def __init__(self, settings: TokenSettings) -> None:
        _require_sound(settings)
        self._settings = settings
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read = -1e9
        self._one = asyncio.Lock()

    async def caller(self, token: str, address: str) -> Caller:
        """Who a token belongs to, with the roles and watch areas of its claims; raises as `claims`."""
        return self.known(await self.claims(token), address)

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says, where it is believed.

        Raises:
            Expired: it has ended.
            Unauthenticated: it is not believed.
            Unavailable: the keys cannot be read.
        """
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in self._settings.algorithms:
                raise jwt.InvalidAlgorithmError
            key = await self._key(str(head.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=self._settings.algorithms,
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=self._settings.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Expired from error
        except jwt.PyJWTError as error:
            _log.info("token refused", why=type(error).__name__)
            raise _refused() from error
        return claims

    def known(self, claims: Mapping[str, Any], address: str) -> Caller:
        """Who claims that are believed are about.

        Raises:
            Unauthenticated: the claim with the watch areas cannot be read: it must not look like none, which means all.
        """
        settings = self._settings
        name = _claim(claims, settings.name_claim) or claims["sub"]
        roles = [role.removeprefix(settings.role_prefix) for role in _texts(_claim(claims, settings.roles_claim))
                 if role.startswith(settings.role_prefix)]  # fmt: skip
        named = _claim(claims, settings.areas_claim) if settings.areas_claim else None
        if not (named is None or isinstance(named, str) or _all_texts(named)):
            _log.warning("token refused", why="the claim with the watch areas is no list of texts")
            raise _refused()
        areas = (_ascii(area.removeprefix("watchAreas/")) for area in _texts(named))
        watch_areas = frozenset(f"watchAreas/{area}" for area in areas)
        return Caller(_ascii(str(name)), decode_roles(",".join(roles)), watch_areas, address)

    async def _key(self, kid: str) -> jwt.PyJWK:
        """The key of an id; one without id where there is only one. Who names a known one waits for nobody."""
        if self._is_due(kid):
            async with self._one:
                if self._is_due(kid):
                    await self._refresh()
        found = self._find(kid)
        if found is None:
            raise jwt.InvalidKeyError
        return found

    def _is_due(self, kid: str) -> bool:
        age = time.monotonic() - self._read
        return age > self._settings.keys_max_age_s or (self._find(kid) is None and age > AGAIN_S)

    def _find(self, kid: str) -> jwt.PyJWK | None:
        if kid or len(self._keys) != 1:
            return self._keys.get(kid)
        return next(iter(self._keys.values()))

    async def _refresh(self) -> None:
        """Read the keys; where that fails, the ones that are known hold on until the next look, which is soon."""
        self._read = now = time.monotonic()
        try:
            if self._settings.jwks_file is not None:
                shown = parse(await asyncio.to_thread(self._settings.jwks_file.read_bytes))
            else:
                shown = await self._fetch()
            keys = jwt.PyJWKSet(_keys(shown)).keys
        except (*FAULTS, jwt.PyJWTError) as error:
            _log.warning("keys cannot be read", why=type(error).__name__)
            if not self._keys:
                raise Unavailable(
                    "Chưa đọc được khóa của nơi cấp danh tính (auth.tokens).",
                    "The keys of the identity provider cannot be read (auth.tokens).",
                ) from error
            self._read = now - self._settings.keys_max_age_s + AGAIN_S
            return
        self._keys = {key.key_id or "": key for key in keys if key.key_type != "oct"}

    async def _fetch(self) -> Any:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self._settings.jwks_url, allow_redirects=False) as answer,
        ):
            answer.raise_for_status()
            return await read_json(answer)


def _require_sound(settings: TokenSettings) -> None:
    unsafe = [name for name in settings.algorithms if name not in ALGORITHMS]
    if unsafe or not settings.algorithms:
        allowed = ", ".join(sorted(ALGORITHMS))
        raise InvalidField("auth.tokens.algorithms", f"chỉ nhận {allowed}", f"only {allowed} are taken")
    if not settings.audience:
        raise InvalidField(
            "auth.tokens.audience", "cần có cùng auth.tokens.issuer", "is needed with auth.tokens.issuer"
        )
    if settings.jwks_file is None and not is_safe_url(settings.jwks_url):
        raise InvalidField(
            "auth.tokens.jwks_url", "cần địa chỉ https://, hoặc đặt jwks_file", "must be https://, or set jwks_file"
        )


def _keys(shown: Any) -> list[dict[str, Any]]:
    """The keys for signatures of a document; other ones, for encryption, never verify anything.

    Raises:
        ValueError: it has another form.
    """
    keys = shown.get("keys") if isinstance(shown, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("no set of keys")
    return [key for key in keys if key.get("use", "sig") == "sig"]


def _refused() -> Unauthenticated:
    return Unauthenticated("Mã truy cập không được chấp nhận.", "The token is not accepted.")


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path. Example: ``realm_access.roles``."""
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _all_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _ascii(name: str) -> str:
    """A name that can travel in metadata: other characters than printable ASCII are written as ``?``."""
    return "".join(each if " " < each < "\x7f" and each != "," else "?" for each in name)[:80] or "?"
