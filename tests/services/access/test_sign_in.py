"""Who somebody is: passwords, sessions, tokens, at the doors of a program that runs; nobody can say who they are."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from ngoclinh.access.v1.access_service_pb2 import AuditFilter, GetMeRequest
from ngoclinh.access.v1.access_service_pb2_grpc import AccessServiceStub
from ngoclinh.access.v1.user_pb2 import User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role

from services.access import passwords
from services.access import sign_in as sign_in_module
from services.access.sign_in import SignIn
from services.access.throttle import Bucket, Lockout
from services.bootstrap import Running, running
from services.core import config
from services.core.errors import DeadlineExceeded, InvalidField, Overloaded
from services.core.sections.doors import GatewaySettings
from services.gateway.security import Guard
from services.rpc import status
from services.rpc.client import connect
from services.rpc.deadline import timeout_for
from tests.services.gateway.conftest import Answer, send

ISSUER, AUDIENCE, SECRET = "https://id.example.vn/realms/xa", "ngoclinh", "Mat-khau-thu-9"
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
JSON = {"content-type": "application/json"}


def jwks(*keys: rsa.RSAPrivateKey) -> str:
    found = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) for key in keys]
    return json.dumps({"keys": [each | {"kid": f"k{number}", "use": "sig"} for number, each in enumerate(found)]})


def token(
    key: Any = KEY, kid: str = "k0", alg: str = "RS256", roles: tuple[str, ...] = ("ngoclinh-admin",), **claims: Any
) -> str:
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "exp": now + 300, "preferred_username": "hoa"}
    given |= {"realm_access": {"roles": list(roles)}} | claims
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, key, algorithm=alg, headers={"kid": kid})


@asynccontextmanager
async def program(folder: Path, **flags: Any) -> AsyncIterator[Running]:
    given = {"data_dir": folder / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False} | flags
    async with running(config.load(environ={}, flags=given), work=False, crawl=False) as found:
        yield found


@pytest.fixture
def provider(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    names = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": file, "areas_claim": "areas"}
    return {f"auth.tokens.{name}": value for name, value in names.items()}


async def ask(found: Running, verb: str, path: str, body: Any = None, **headers: str) -> Answer:
    port = int(found.url.rsplit(":", 1)[1])
    data = None if body is None else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()} | (JSON if body is not None else {})
    return await asyncio.to_thread(send, port, verb, path, data, given, 120)


async def add_user(found: Running, name: str, *roles: Any, **given: Any) -> None:
    user = User(name=f"users/{name}", roles=roles or [Role.ROLE_ADMIN], **given)
    await found.stores.ledger.put_user(UserRecord(user=user, password_hash=passwords.hash_password(SECRET)))


async def sign_in(found: Running, name: str = "lan", password: str = SECRET) -> Answer:
    return await ask(found, "POST", "/v1/session", {"name": name, "password": password})


def reason_of(error: grpc.aio.AioRpcError) -> str:
    return status.reason(status.from_rpc_error(error))


async def over_grpc(found: Running, *metadata: tuple[str, str]) -> str:
    """Who the gRPC door takes a caller for, or the reason of the refusal."""
    async with connect(found.grpc_address) as channel:
        try:
            return str((await AccessServiceStub(channel).GetMe(GetMeRequest(), metadata=metadata)).user.name)
        except grpc.aio.AioRpcError as error:
            return reason_of(error)


async def test_a_session_lives_from_signing_in_to_signing_out(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        await add_user(found, "lan")
        begun = await sign_in(found)
        cookie = begun.headers["set-cookie"]
        assert begun.status == 200
        assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert cookie.startswith("__Host-")
        held = cookie.split(";")[0]
        assert (await ask(found, "GET", "/v1/me", cookie=held)).json["user"]["name"] == "users/lan"
        assert (await ask(found, "GET", "/v1/me")).reason == "UNAUTHENTICATED"
        assert (await ask(found, "GET", "/v1/me", cookie="__Host-ngoclinh=guess")).reason == "EXPIRED"
        assert (await ask(found, "DELETE", "/v1/session", cookie=held, origin=found.url)).status == 204
        assert (await ask(found, "GET", "/v1/me", cookie=held)).reason == "EXPIRED"
        entries = (await found.stores.ledger.audit_entries(AuditFilter(), 9)).entries
        assert [(one.user, one.method, one.outcome) for one in entries] == [
            ("lan", "gateway/SignOut", "OK"),
            ("lan", "gateway/SignIn", "OK"),
        ]


async def test_a_write_with_a_session_must_come_from_our_own_page(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        await add_user(found, "lan")
        held = (await sign_in(found)).headers["set-cookie"].split(";")[0]
        body = {"title": "x", "areas": ["areas/2025-20944"]}
        assert (await ask(found, "POST", "/v1/watchAreas", body, cookie=held)).reason == "FORBIDDEN"
        evil = await ask(found, "POST", "/v1/watchAreas", body, cookie=held, origin="https://evil.example")
        assert evil.reason == "FORBIDDEN"
        assert (await ask(found, "POST", "/v1/watchAreas", body, cookie=held, origin=found.url)).status == 200


async def test_a_changed_or_reset_password_ends_sessions_and_is_asked_for_anew(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        await add_user(found, "lan", password_change_required=True)
        held = (await sign_in(found)).headers["set-cookie"].split(";")[0]
        assert (await ask(found, "GET", "/v1/areas", cookie=held)).reason == "PASSWORD_CHANGE_REQUIRED"
        for new, field in ((SECRET, "new_password"), ("ngan", "new_password"), ("Lan-mat-khau-1", "new_password")):
            body = {"old_password": SECRET, "new_password": new}
            refused = await ask(found, "POST", "/v1/me:changePassword", body, cookie=held, origin=found.url)
            assert (refused.reason, field in refused.json["error"]["message"]) == ("INVALID_FIELD", True)
        body = {"old_password": SECRET, "new_password": "Mot-cau-khac-2026"}
        assert (await ask(found, "POST", "/v1/me:changePassword", body, cookie=held, origin=found.url)).status == 200
        assert (await sign_in(found)).reason == "UNAUTHENTICATED"
        fresh = (await sign_in(found, password="Mot-cau-khac-2026")).headers["set-cookie"].split(";")[0]
        assert (await ask(found, "GET", "/v1/areas", cookie=fresh)).status == 200


async def test_failed_sign_ins_close_a_name_whether_it_exists_or_not(tmp_path: Path) -> None:
    async with program(tmp_path, **{"auth.lockout_failures": 3}) as found:
        await add_user(found, "lan")
        for name in ("lan", "nobody"):
            assert [(await sign_in(found, name, "wrong")).status for _ in range(3)] == [401] * 3
            closed = await sign_in(found, name)
            assert (closed.status, closed.reason) == (429, "OVERLOADED")
            assert int(closed.headers["retry-after"]) > 600


async def test_nobody_can_say_who_they_are_or_what_they_may(tmp_path: Path) -> None:
    forged = {"x-user": "giam-doc", "x-roles": "admin"}
    async with program(tmp_path) as found:
        assert await over_grpc(found, *forged.items()) == "", "without users this machine is trusted, but has no name"
        await add_user(found, "lan", Role.ROLE_VIEWER)
        await asyncio.sleep(5.1)
        assert await over_grpc(found, *forged.items()) == "UNAUTHENTICATED"
        basic = "Basic " + base64.b64encode(f"lan:{SECRET}".encode()).decode()
        assert await over_grpc(found, *forged.items(), ("authorization", basic)) == "users/lan"
        me = (await ask(found, "GET", "/v1/me", authorization=basic, **forged)).json
        assert (me["user"]["name"], me["user"]["roles"]) == ("users/lan", ["ROLE_VIEWER"])
        wrong = "Basic " + base64.b64encode(b"lan:x").decode()
        assert await over_grpc(found, ("authorization", wrong)) == "UNAUTHENTICATED"


BAD_TOKENS: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: token(exp=int(time.time()) - 60), "EXPIRED"),
    "not yet": (lambda: token(nbf=int(time.time()) + 600), "UNAUTHENTICATED"),
    "without an end": (lambda: token(exp=None), "UNAUTHENTICATED"),
    "of another issuer": (lambda: token(iss="https://evil.example"), "UNAUTHENTICATED"),
    "for another audience": (lambda: token(aud="other"), "UNAUTHENTICATED"),
    "signed by another key": (lambda: token(OTHER_KEY), "UNAUTHENTICATED"),
    "of an unknown key": (lambda: token(OTHER_KEY, kid="k9"), "UNAUTHENTICATED"),
    "alg none": (lambda: token(None, alg="none"), "UNAUTHENTICATED"),
    "alg HS256": (lambda: token("a-shared-secret-of-thirty-two-bytes", alg="HS256"), "UNAUTHENTICATED"),
    "no token at all": (lambda: "abc", "UNAUTHENTICATED"),
}


async def test_a_token_is_believed_only_where_all_of_it_is_right(tmp_path: Path, provider: dict[str, Any]) -> None:
    async with program(tmp_path, **provider) as found:
        assert await over_grpc(found, ("authorization", f"Bearer {token()}")) == "users/hoa"
        within_skew = token(exp=int(time.time()) - 5)
        assert (await ask(found, "GET", "/v1/areas", authorization=f"Bearer {within_skew}")).status == 200
        for name, (make, reason) in BAD_TOKENS.items():
            answer = await ask(found, "GET", "/v1/areas", authorization=f"Bearer {make()}")
            assert (answer.status, answer.reason) == (401, reason), name
            assert await over_grpc(found, ("authorization", f"Bearer {make()}")) == reason, name


async def test_keys_of_the_provider_may_change_at_any_time(
    tmp_path: Path, provider: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.access.tokens.AGAIN_S", 0.0)
    async with program(tmp_path, **provider) as found:
        fresh = f"Bearer {token(OTHER_KEY, kid='k1')}"
        assert (await ask(found, "GET", "/v1/areas", authorization=fresh)).status == 401
        await asyncio.to_thread(provider["auth.tokens.jwks_file"].write_text, jwks(KEY, OTHER_KEY))
        assert (await ask(found, "GET", "/v1/areas", authorization=fresh)).status == 200


@pytest.mark.parametrize(
    "wrong", [{"algorithms": ["none"]}, {"algorithms": ["HS256"]}, {"audience": ""}, {"jwks_file": None}]
)
async def test_unsafe_settings_of_tokens_are_refused(tmp_path: Path, provider: dict[str, Any], wrong: Any) -> None:
    changed = {f"auth.tokens.{name}": value for name, value in wrong.items()}
    with pytest.raises(InvalidField, match=r"auth\.tokens"):
        async with program(tmp_path, **(provider | changed)):
            pass


@pytest.mark.parametrize(
    "path", ["/v1/parcels.geojson", "/v1/articles:export", "/v1/events", "/v1/brief", "/openapi.json"]
)
async def test_routes_written_by_hand_refuse_strangers_and_pages_show_the_door(
    tmp_path: Path, provider: dict[str, Any], path: str
) -> None:
    async with program(tmp_path, **provider) as found:
        answer = await ask(found, "GET", path)
        assert (answer.status, answer.reason) == (401, "UNAUTHENTICATED")
        assert "basic" not in answer.headers["www-authenticate"].lower(), "no window of the browser"
        assert (await ask(found, "GET", "/healthz")).status == 200
        assert (await ask(found, "GET", "/")).status in (200, 404)


async def test_exports_writes_and_refused_writes_are_audited_and_reads_are_not(
    tmp_path: Path, provider: dict[str, Any]
) -> None:
    async with program(tmp_path, **provider) as found:
        admin = {"authorization": f"Bearer {token()}"}
        viewer = {"authorization": f"Bearer {token(roles=('ngoclinh-viewer',))}"}
        await ask(found, "GET", "/v1/articles", **admin)
        await ask(found, "GET", "/v1/articles:export", **viewer)
        await ask(found, "DELETE", "/v1/watchAreas/x", **viewer)
        page = await ask(found, "GET", "/v1/auditEntries", **admin)
        seen = [(one["method"].rpartition("/")[2], one["outcome"], one["purpose"]) for one in page.json["entries"]]
        exported = {("ListArticles", "OK", "export"), ("ListSources", "OK", "export")}
        assert seen[0] == ("DeleteWatchArea", "FORBIDDEN", "")
        assert set(seen[1:]) <= exported
        assert ("ListArticles", "OK", "export") in seen
        assert {one["user"] for one in page.json["entries"]} == {"hoa"}
        assert {one["address"] for one in page.json["entries"]} == {"127.0.0.1"}


async def test_a_user_who_asks_too_fast_is_told_when_to_come_back(tmp_path: Path, provider: dict[str, Any]) -> None:
    flags = provider | {"auth.calls_per_second": 0.5, "auth.calls_at_once": 10}
    async with program(tmp_path, **flags) as found:
        held = {"authorization": f"Bearer {token()}"}
        answers = [await ask(found, "GET", "/v1/me", **held) for _ in range(12)]
        assert (answers[9].status, answers[-1].status, answers[-1].reason) == (200, 429, "OVERLOADED")
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert await over_grpc(found, ("authorization", held["authorization"])) == "OVERLOADED"


def test_a_hash_belongs_to_its_password_and_tells_when_it_is_old() -> None:
    hashed = passwords.hash_password("mật khẩu")
    assert passwords.matches("mật khẩu", hashed)
    assert passwords.matches(unicodedata.normalize("NFD", "mật khẩu"), hashed), "composed in another way"
    assert not passwords.matches("mat khau", hashed)
    assert hashed.startswith("$argon2id$")
    assert not passwords.is_outdated(hashed)
    for broken in ("", "scrypt$", "scrypt$$", "md5$YQ==$YQ==", "scrypt$YQ==$%%%", "$argon2id$v=19"):
        assert not passwords.matches("x", broken)


def test_made_passwords_keep_the_policy_and_differ() -> None:
    made = {passwords.made() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.require_good(password, "nguyen.thi.lan")


def test_doors_open_again_after_their_time() -> None:
    now = [0.0]
    lockout, bucket = Lockout(2, 60, lambda: now[0]), Bucket(1, 2, lambda: now[0])
    for _ in range(2):
        lockout.failed("lan")
        bucket.take("lan")
    for door in (lockout.require_open, bucket.take):
        with pytest.raises(Overloaded):
            door("lan")
        door("nam")
    now[0] = 61
    lockout.require_open("lan")
    bucket.take("lan")


async def test_a_ledger_that_is_silent_holds_no_call_up_and_the_doors_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: Any) -> Any:
        await asyncio.Event().wait()

    async with program(tmp_path) as found:
        assert (await ask(found, "GET", "/v1/areas?page_size=1")).status == 200
        held = SignIn(found.stores.ledger, config.load(environ={}, flags={"data_dir": tmp_path / "data"}))
        monkeypatch.setattr(sign_in_module, "LEDGER_S", 0.2)
        monkeypatch.setattr(sign_in_module, "KEEP_S", 0.0)
        for method in ("users", "session"):
            monkeypatch.setattr(found.stores.ledger, method, silence)
        assert (await ask(found, "GET", "/v1/areas?page_size=1")).status == 200, "open as they were"
        with pytest.raises(DeadlineExceeded):
            await held.by_session("ai", "127.0.0.1")


async def test_finding_out_who_asks_is_taken_from_the_deadline_of_the_call() -> None:
    left: list[float] = []

    class Slow:
        async def is_open(self) -> bool:
            await asyncio.sleep(0.5)
            return True

    async def app(*_: Any) -> None:
        left.append(timeout_for(30))

    scope = {
        "type": "http", "method": "GET", "path": "/v1/areas", "headers": [(b"host", b"localhost")], "client": None,
    }  # fmt: skip
    guard = Guard(app, GatewaySettings(), {}, Slow())  # type: ignore[arg-type]
    await asyncio.create_task(guard(scope, None, None))  # type: ignore[arg-type]
    assert left[0] < 29.6
    assert timeout_for(30) == 30, "other calls have all of theirs"


async def test_a_user_of_one_watch_area_sees_it_on_every_route_and_no_other(
    tmp_path: Path, provider: dict[str, Any]
) -> None:
    areas = {
        "nam-tra-my": {"title": "Nam Trà My", "areas": ["20944", "20941"]},
        "khac": {"title": "Nơi khác", "areas": ["20950"]},
    }
    async with program(tmp_path, **provider, watch_areas=areas) as found:
        held = {"authorization": f"Bearer {token(areas=['nam-tra-my'], roles=('ngoclinh-viewer',))}"}
        listed = (await ask(found, "GET", "/v1/watchAreas", **held)).json["watch_areas"]
        assert [area["name"] for area in listed] == ["watchAreas/nam-tra-my"]
        situation = (await ask(found, "GET", "/v1/situation", **held)).json
        assert situation["watch_area"] == "watchAreas/nam-tra-my"
        assert [area["area"]["name"] for area in situation["areas"]] == ["areas/2025-20944", "areas/2025-20941"]
        own = (
            "/v1/articles",
            "/v1/parcels",
            "/v1/findings",
            "/v1/alerts",
            "/v1/tiles/12/3277/1873.mvt",
            "/v1/brief",
            "/v1/imports",
        )
        for path in (*own, "/v1/parcels.geojson", "/v1/articles:export", "/v1/articles:summarize"):
            assert (await ask(found, "GET", path, **held)).status in (200, 204), path
        other = "filter.areas=areas/2025-20950"
        for path in (
            "/v1/watchAreas/khac", "/v1/situation?watch_area=watchAreas/khac", "/v1/brief?watch_area=watchAreas/khac",
            "/v1/areas.geojson?watch_area=watchAreas/khac", f"/v1/articles:export?{other}", f"/v1/parcels.geojson?{other}",
            f"/v1/findings?{other}", "/v1/tiles/12/3277/1873.mvt?areas=areas/2025-20950",
        ):  # fmt: skip
            answer = await ask(found, "GET", path, **held)
            assert (answer.status, answer.reason) == (403, "OUTSIDE_AREA"), path
