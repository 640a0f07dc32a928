"""The identity provider as the product asks it: which addresses it may name, answers in pieces, signing out there."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ngoclinh.access.v1.access_service_pb2 import AuditFilter

from services.access.fetch import is_safe_url
from services.access.provider import Provider
from services.bootstrap import Running
from services.core.errors import Unavailable
from services.core.sections.doors import AuthSettings, ProviderSettings
from tests.browser.identity import CLIENT, SECRET, Identity
from tests.services.access.test_sign_in import add_user, ask, program, sign_in
from tests.services.gateway.conftest import Answer

PUBLIC = "https://ioc.example.vn"


@pytest.fixture
def identity() -> Iterator[Identity]:
    identity = Identity()
    yield identity
    identity.close()


def settings_of(identity: Identity, folder: Path, **own: Any) -> AuthSettings:
    secret = folder / "secret"
    secret.write_text(SECRET)
    given = {"client_id": CLIENT, "client_secret_file": secret, "redirect_url": f"{PUBLIC}/v1/session/callback"}
    return AuthSettings(provider=ProviderSettings(**{"issuer": identity.issuer, **given, **own}))


def flags_of(identity: Identity, folder: Path, **own: Any) -> dict[str, Any]:
    found = settings_of(identity, folder, **own).provider.model_dump()
    return {f"auth.provider.{name}": value for name, value in found.items() if value is not None}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def location(url: str) -> str:
    """Where a place sends the browser on to."""
    try:
        urllib.request.build_opener(_Stay).open(url, timeout=30)
    except urllib.error.HTTPError as answer:
        return str(answer.headers["Location"])
    raise AssertionError("no way on")


async def enter(found: Running) -> str:
    """Sign in at the provider as a browser does; the cookie of the session."""
    begun = await ask(found, "GET", "/v1/session/begin")
    back = urlsplit(await asyncio.to_thread(location, begun.headers["location"]))
    held = begun.headers["set-cookie"].split(";")[0]
    answer = await ask(found, "GET", f"{back.path}?{back.query}", cookie=held)
    assert answer.headers["location"] == "/", answer.headers
    return "__Host-ngoclinh=" + answer.headers["set-cookie"].rpartition("__Host-ngoclinh=")[2].split(";")[0]


async def leave(found: Running, held: str) -> Answer:
    """Sign out; what the session is good for then."""
    answer = await ask(found, "DELETE", "/v1/session", cookie=held, origin=found.url)
    assert "__Host-ngoclinh=;" in answer.headers["set-cookie"]
    assert (await ask(found, "GET", "/v1/me", cookie=held)).reason == "EXPIRED", "the session has ended in any case"
    return answer


async def test_signing_out_ends_the_session_here_and_goes_on_to_the_provider(
    tmp_path: Path, identity: Identity
) -> None:
    async with program(tmp_path, **flags_of(identity, tmp_path)) as found:
        answer = await leave(found, await enter(found))
        there = urlsplit(answer.json["next"])
        asked = {name: values[0] for name, values in parse_qs(there.query).items()}
        state = asked.pop("state")
        assert f"{there.scheme}://{there.netloc}{there.path}" == f"{identity.issuer}/logout"
        assert asked == {"client_id": CLIENT, "post_logout_redirect_uri": f"{PUBLIC}/v1/session/left"}
        assert len(state) > 40
        cookie = answer.headers["set-cookie"]
        assert f"__Host-ngoclinh-signout={state}; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax" in cookie
        held = f"__Host-ngoclinh-signout={state}"
        back = await ask(found, "GET", f"/v1/session/left?state={state}", cookie=held)
        assert (back.status, back.headers["location"]) == (303, "/#/?why=LEFT")
        assert "__Host-ngoclinh-signout=; Max-Age=0" in back.headers["set-cookie"]
        for forged in ({}, {"cookie": "__Host-ngoclinh-signout=other"}):
            back = await ask(found, "GET", f"/v1/session/left?state={state}", **forged)
            assert (back.status, back.headers["location"]) == (303, "/")
        entries = (await found.stores.ledger.audit_entries(AuditFilter(), 9)).entries
        assert [(one.user, one.method, one.outcome) for one in entries] == [
            ("thu.ha", "gateway/SignOut", "OK"),
            ("thu.ha", "gateway/SignIn", "OK"),
        ]


async def test_the_host_that_a_request_names_is_never_where_the_browser_comes_back_to(
    tmp_path: Path, identity: Identity
) -> None:
    async with program(tmp_path, **flags_of(identity, tmp_path)) as found:
        held = await enter(found)
        port = urlsplit(found.url).port
        given = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}", "x-forwarded-host": "evil.example"}
        answer = await ask(found, "DELETE", "/v1/session", cookie=held, **given)
        asked = parse_qs(urlsplit(answer.json["next"]).query)
        assert asked["post_logout_redirect_uri"] == [f"{PUBLIC}/v1/session/left"]


async def test_signing_out_needs_neither_the_provider_nor_its_leave(tmp_path: Path, identity: Identity) -> None:
    """It is away; it is not asked, by the settings; it does not know the user; nobody is signed in."""
    async with program(tmp_path / "away", **flags_of(identity, tmp_path)) as found:
        held = await enter(found)
        identity.close()
        assert (await leave(found, held)).json["next"], "what the provider said within the hour is believed"
    other = Identity()
    try:
        async with program(tmp_path / "off", **flags_of(other, tmp_path, sign_out=False)) as found:
            assert (await leave(found, await enter(found))).status == 204
        async with program(tmp_path / "local", **flags_of(other, tmp_path)) as found:
            await add_user(found, "lan")
            held = (await sign_in(found)).headers["set-cookie"].split(";")[0]
            assert (await leave(found, held)).status == 204
            assert (await ask(found, "DELETE", "/v1/session", origin=found.url)).status == 204
    finally:
        other.close()


async def test_a_provider_that_was_not_asked_yet_and_is_away_holds_nobody(tmp_path: Path, identity: Identity) -> None:
    async with program(tmp_path, **flags_of(identity, tmp_path)) as found:
        held = await enter(found)
    identity.close()
    async with program(tmp_path, **flags_of(identity, tmp_path)) as found:
        began = time.monotonic()
        assert (await leave(found, held)).status == 204
        assert time.monotonic() - began < 20


HOSTILE = [
    "javascript:alert(1)//https://id.example.vn",
    "http://evil.example/logout",
    "http://localhost:80@evil.example/logout",
    "https://user@evil.example/logout",
    "https://evil.example\\@id.example.vn/",
    "https://id.example.vn/log out",
    "https://id.example.vn/#part",
    "https://id.example.vn/\nSet-Cookie:a=b",
    "https://id.example.vn:port/",
    "https:///logout",
    "//evil.example/logout",
    "data:text/html,x",
    "https://id.example.vn/" + "a" * 2000,
]


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: url[:30])
async def test_a_hostile_place_to_sign_out_is_not_gone_to_and_a_hostile_place_to_sign_in_is_refused(
    tmp_path: Path, identity: Identity, url: str
) -> None:
    assert not is_safe_url(url)
    identity.named = {"end_session_endpoint": url}
    provider = Provider(settings_of(identity, tmp_path))
    assert await provider.leave() == ("", "")
    assert (await provider.begin())[0].startswith(f"{identity.issuer}/authorize?"), "signing in goes on"
    identity.named = {"authorization_endpoint": url}
    with pytest.raises(Unavailable):
        await Provider(settings_of(identity, tmp_path)).begin()


@pytest.mark.parametrize("value", [None, 5, ["https://id.example.vn"], {"a": 1}])
async def test_a_place_to_sign_out_that_is_no_text_is_none(tmp_path: Path, identity: Identity, value: Any) -> None:
    identity.named = {"end_session_endpoint": value}
    assert await Provider(settings_of(identity, tmp_path)).leave() == ("", "")


def test_only_a_provider_of_this_machine_names_places_on_it() -> None:
    for url in ("http://127.0.0.1:9200/x", "http://localhost/x", "http://[::1]:80/x"):
        assert is_safe_url(url)
        assert not is_safe_url(url, here=False), "else one elsewhere could have this machine ask itself"
    for url in ("https://id.example.vn/a?b=c", "https://[2001:db8::1]:8443/"):
        assert is_safe_url(url, here=False)


async def test_what_the_provider_says_may_come_in_pieces_and_end(tmp_path: Path, identity: Identity) -> None:
    identity.pieces = 5
    async with program(tmp_path, **flags_of(identity, tmp_path)) as found:
        assert await enter(found)
    identity.named = {"more": "x" * (1024 * 1024)}
    identity.pieces = 1
    with pytest.raises(Unavailable):
        await Provider(settings_of(identity, tmp_path)).begin()
