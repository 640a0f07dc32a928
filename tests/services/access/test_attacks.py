"""What somebody may try at the doors, and what comes of it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.type.v1.access_pb2 import Role

from services.access.tokens import AGAIN_S, Tokens
from services.bootstrap import Running
from services.core.errors import Unauthenticated
from services.core.paging import encode_token
from services.core.sections.doors import TokenSettings
from services.gateway import events
from tests.browser.identity import Identity
from tests.services.access.test_provider import flags_of
from tests.services.access.test_sign_in import (
    AUDIENCE,
    ISSUER,
    JSON,
    KEY,
    OTHER_KEY,
    SECRET,
    add_user,
    ask,
    jwks,
    over_grpc,
    program,
    provider,
    sign_in,
    token,
)
from tests.services.gateway.conftest import send

__all__ = ["provider"]
FORM = "multipart/form-data; boundary=x"


async def entries(found: Running) -> list[tuple[str, str, str]]:
    kept = (await found.stores.ledger.audit_entries(AuditFilter(), 1000)).entries
    return [(one.method.rpartition("/")[2], one.outcome, one.address) for one in kept]


async def test_who_tries_too_often_to_sign_in_fills_no_log(tmp_path: Path) -> None:
    identity = Identity()
    try:
        flags = flags_of(identity, tmp_path) | {"auth.sign_ins_per_minute": 1}
        async with program(tmp_path, **flags) as found:
            for _ in range(10):
                await sign_in(found, "lan", "x")
            for path in ("/v1/session/callback", "/v1/session/callback?error=x"):
                assert (await ask(found, "GET", path)).headers["location"] == "/#/?why=UNAVAILABLE"
            assert (await sign_in(found, "lan", "x")).status == 429
            assert [one[:2] for one in await entries(found)] == [("SignIn", "UNAUTHENTICATED")]
    finally:
        identity.close()


async def test_the_log_has_the_address_of_who_uses_a_session_not_of_who_used_it_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with program(tmp_path, **{"gateway.tls_by_proxy": True}) as found:
        await add_user(found, "lan")
        held = (await sign_in(found)).headers["set-cookie"].split(";")[0]
        for address in ("10.0.0.7", "10.0.0.66"):
            given = {"cookie": held, "x-forwarded-for": f"1.2.3.4, {address}"}
            assert (await ask(found, "GET", "/v1/users", **given)).status == 200
        assert [one[2] for one in await entries(found) if one[0] == "ListUsers"] == ["10.0.0.66", "10.0.0.7"]


async def test_who_holds_a_session_guesses_the_password_no_more_often_than_who_signs_in(tmp_path: Path) -> None:
    async with program(tmp_path, **{"auth.lockout_failures": 3}) as found:
        await add_user(found, "lan")
        held = {"cookie": (await sign_in(found)).headers["set-cookie"].split(";")[0], "origin": found.url}

        def guess(word: str) -> Any:
            body = {"old_password": word, "new_password": "Mot-cau-khac-2026"}
            return ask(found, "POST", "/v1/me:changePassword", body, **held)

        told = [(await guess(word)).reason for word in ("a", "b", "c", SECRET)]
        assert told == ["INVALID_FIELD"] * 3 + ["OVERLOADED"]


async def test_a_made_page_token_hides_no_look_from_the_log(tmp_path: Path, provider: dict[str, Any]) -> None:
    async with program(tmp_path, **provider) as found:
        await add_user(found, "lan")
        held = {"authorization": f"Bearer {token()}"}
        for path, scope, filter_, after in (
            ("/v1/users", "users", None, "users/"),
            ("/v1/auditEntries", "audit", AuditFilter(), 10**9),
        ):
            answer = await ask(found, "GET", f"{path}?page_token={encode_token(scope, filter_, [after])}", **held)
            assert answer.status == 200
            assert any(isinstance(each, list) and each for each in answer.json.values()), "it shows something"
        assert [one[0] for one in await entries(found)] == ["ListAuditEntries", "ListUsers"]


async def test_nobody_is_named_like_the_program_itself(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        body = {"name": "users/local", "roles": ["ROLE_VIEWER"]}
        assert (await ask(found, "POST", "/v1/users", body)).reason == "INVALID_FIELD"


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


FORGED = {
    "a header that is too deep": lambda: f"{encoded(b'[' * 9000)}.e30.AA",
    "claims that are too deep": lambda: f"{token().split('.')[0]}.{encoded(b'[' * 9000)}.AA",
    "a header that says what must be understood": lambda: jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "exp": int(time.time()) + 300},
        KEY,
        algorithm="RS256",
        headers={"kid": "k0", "crit": ["exp2"], "exp2": 1},
    ),
    "a key of its own": lambda: jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "exp": int(time.time()) + 300},
        KEY,
        algorithm="RS256",
        headers={"kid": "k7", "jwk": json.loads(jwks(KEY))["keys"][0], "jku": "https://evil.example/keys"},
    ),
    "an id of a key that is no text": lambda: encoded(b'{"alg": "RS256", "kid": {"a": []}}') + ".e30.AA",
    "watch areas that cannot be read": lambda: token(areas={"nam-tra-my": True}),
    "watch areas that are numbers": lambda: token(areas=[5]),
    "two audiences, ours not among them": lambda: token(aud=["a", "b"]),
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_token_is_refused_in_words(tmp_path: Path, provider: dict[str, Any], forged: str) -> None:
    async with program(tmp_path, **provider) as found:
        given = f"Bearer {FORGED[forged]()}"
        answer = await ask(found, "GET", "/v1/areas", authorization=given)
        assert (answer.status, answer.reason) == (401, "UNAUTHENTICATED")
        if len(given) < 8000:
            assert await over_grpc(found, ("authorization", given)) == "UNAUTHENTICATED"


async def test_watch_areas_of_a_token_never_become_others_or_all(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    tokens = Tokens(TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_file=file, areas_claim="areas"))
    for areas in ("a,b", "Nam Trà My", ["x,watchAreas/y"], [""]):
        found = await tokens.caller(token(areas=areas), "")
        assert found.watch_areas, areas
        assert all("," not in area and area.isascii() for area in found.watch_areas)
    assert not (await tokens.caller(token(), "")).watch_areas, "a token without sees all, as the settings say"


@pytest.mark.parametrize("shown", ["[]", "{}", '{"keys": 5}', '{"keys": [5]}', "[" * 5000, '{"keys": []}'])
async def test_keys_that_are_none_are_told_as_a_provider_that_is_away(tmp_path: Path, shown: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(shown)
    flags = {"auth.tokens.issuer": ISSUER, "auth.tokens.audience": AUDIENCE, "auth.tokens.jwks_file": file}
    async with program(tmp_path, **flags) as found:
        assert (await ask(found, "GET", "/v1/areas", authorization=f"Bearer {token()}")).reason == "UNAVAILABLE"


async def test_a_key_for_encryption_signs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    (shown,) = json.loads(jwks(KEY))["keys"]
    file.write_text(json.dumps({"keys": [shown | {"kid": "enc", "use": "enc"}, shown]}))
    tokens = Tokens(TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_file=file))
    assert (await tokens.caller(token(kid="k0"), "")).user == "hoa"
    with pytest.raises(Unauthenticated):
        await tokens.caller(token(kid="enc"), "")


async def test_a_key_that_was_taken_away_opens_nothing_soon_after_the_provider_answers_again(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    tokens = Tokens(TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_file=file))
    await tokens.caller(token(), "")
    file.write_text("away")
    tokens._read = -1e9  # an hour later
    assert (await tokens.caller(token(), "")).user == "hoa"
    file.write_text(jwks(OTHER_KEY))
    tokens._read -= AGAIN_S + 1  # that much later
    with pytest.raises(Unauthenticated):
        await tokens.caller(token(), "")


async def test_a_password_in_the_place_of_a_name_is_in_no_log(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        await add_user(found, "lan")
        for typed in ("Mật khẩu của tôi!", "a" * 200):
            assert (await sign_in(found, typed, "x")).status == 401
        kept = (await found.stores.ledger.audit_entries(AuditFilter(), 9)).entries
        assert [one.user for one in kept] == ["?", "?"]


async def test_known_keys_are_believed_while_a_provider_that_hangs_is_asked_for_others(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    tokens = Tokens(TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_file=file))
    await tokens.caller(token(), "")
    async with tokens._one:  # as long as somebody else waits for the provider
        async with asyncio.timeout(30):
            assert (await tokens.caller(token(), "")).user == "hoa"


def begun(port: int, path: str, headers: dict[str, str], said: int) -> tuple[int, bytes]:
    """The answer to a form of which only the first bytes are sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest("POST", path)
        for name, value in {**headers, "content-type": FORM, "content-length": str(said)}.items():
            connection.putheader(name, value)
        connection.endheaders(b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gpkg"\r\n\r\nAAAA')
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/v1/imports:upload", "/v1/areaOutlines:upload", "/v1/articles:clip"])
async def test_a_form_is_not_read_of_somebody_who_may_not_send_it(
    tmp_path: Path, provider: dict[str, Any], path: str
) -> None:
    async with program(tmp_path, **provider) as found:
        viewer = {"authorization": f"Bearer {token(roles=('ngoclinh-viewer',))}"}
        port = int(found.url.rsplit(":", 1)[1])
        status, body = await asyncio.to_thread(begun, port, path, viewer, 10_000_000)
        assert (status, b"FORBIDDEN" in body) == (403, True)
        kept = await entries(found)
        assert [(one[0].startswith("Upload"), one[1]) for one in kept] == [(True, "FORBIDDEN")], "and it is in the log"


async def test_nobody_takes_the_screens_of_all_others(
    tmp_path: Path, provider: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_OF_ONE", 2)
    async with program(tmp_path, **provider) as found:
        port = int(found.url.rsplit(":", 1)[1])
        open_ones: list[http.client.HTTPConnection] = []

        def screen(name: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            open_ones.append(connection)
            given = {"authorization": f"Bearer {token(preferred_username=name)}"}
            connection.request("GET", "/v1/events", headers=given)
            answer = connection.getresponse()
            if answer.status == 200:
                answer.read(5)
            return answer.status

        try:
            told = [await asyncio.to_thread(screen, name) for name in ("hoa", "hoa", "hoa", "nam")]
            assert told == [200, 200, 429, 200]
        finally:
            for connection in open_ones:
                connection.close()


async def test_a_body_that_is_too_deep_is_refused_in_words(tmp_path: Path, provider: dict[str, Any]) -> None:
    async with program(tmp_path, **provider) as found:
        port = int(found.url.rsplit(":", 1)[1])
        held = {"authorization": f"Bearer {token()}", **JSON}
        for path, body in (("/v1/session", b"[" * 4000), ("/v1/watchAreas", b'{"a":' * 90_000)):
            answer = await asyncio.to_thread(send, port, "POST", path, body, held)
            assert (answer.status, answer.reason) == (400, "INVALID_FIELD"), path


@pytest.mark.parametrize("role", [Role.ROLE_VIEWER, Role.ROLE_ADMIN])
async def test_a_session_is_known_by_its_token_only(tmp_path: Path, role: Any) -> None:
    async with program(tmp_path) as found:
        await add_user(found, "lan", role)
        held = (await sign_in(found)).headers["set-cookie"].split(";")[0]
        name, _, value = held.partition("=")
        for forged in (f"{name}={value[:-1]}", f"{name.lower()}x={value}", f"{name}=", f'{name}="{value}"'):
            assert (await ask(found, "GET", "/v1/me", cookie=forged)).status == 401, forged
