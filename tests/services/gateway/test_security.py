"""Requests that a page of another site can make a browser send are refused; so are bodies without end."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from services.core.errors import InvalidField
from services.core.sections.doors import GatewaySettings
from services.gateway.security import require_safe_address
from tests.services.gateway.conftest import Ask

PATH = "/v1/areas/2025-20938"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::1", "a b", "10.0.0.1"),
        *("127.0.0.1:40411.evil.com", "localhost:x", "localhost:", "evil.example@localhost", "localhost/x"),
    ],
)
async def test_a_forged_host_is_misdirected(ask: Ask, host: str) -> None:
    answer = await ask("GET", PATH, headers={"Host": host})
    assert answer.status == 421 or (host == "" and answer.status == 400)


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"])
async def test_names_of_this_machine_are_taken(ask: Ask, host: str) -> None:
    assert (await ask("GET", PATH, headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1", "file://"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_forged_origin_is_forbidden(ask: Ask, origin: str, method: str) -> None:
    path = PATH if method == "GET" else "/v1/areas:resolve"
    answer = await ask(method, path, b'{"text": "x"}' if method == "POST" else None, {"Origin": origin} | JSON)
    assert (answer.status, answer.reason) == (403, "FORBIDDEN")


async def test_the_own_origin_and_a_listed_one_are_taken(ask: Ask) -> None:
    for origin in (f"http://127.0.0.1:{ask.port}", "https://ioc.example.vn"):  # type: ignore[attr-defined]
        answer = await ask("POST", "/v1/areas:resolve", b'{"text": "x"}', {"Origin": origin} | JSON)
        assert answer.status == 200


async def test_a_write_that_another_site_causes_is_forbidden(ask: Ask) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    refused = await ask("POST", "/v1/areas:resolve", b'{"text": "x"}', JSON | foreign)
    assert (refused.status, refused.reason) == (403, "FORBIDDEN")
    listed = JSON | foreign | {"Origin": "https://ioc.example.vn"}
    assert (await ask("POST", "/v1/areas:resolve", b'{"text": "x"}', listed)).status == 200
    own = JSON | {"Sec-Fetch-Site": "same-origin"}
    assert (await ask("POST", "/v1/areas:resolve", b'{"text": "x"}', own)).status == 200
    assert (await ask("GET", PATH, headers=foreign)).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_a_write_that_is_not_json_is_refused(ask: Ask, kind: str) -> None:
    answer = await ask("POST", "/v1/areas:resolve", b'{"text": "x"}', {"Content-Type": kind} if kind else {})
    assert answer.status == 415
    assert answer.json["error"]["details"]


async def test_a_deletion_without_a_body_needs_no_kind(ask: Ask) -> None:
    assert (await ask("DELETE", PATH)).status == 405
    assert (await ask("DELETE", PATH, b"x", {"Content-Type": "text/plain"})).status == 415


async def test_a_body_beyond_the_limit_is_refused_whether_it_says_its_length_or_not(ask: Ask) -> None:
    said = await ask("POST", "/v1/areas:resolve", b"", JSON | {"Content-Length": str(5 * 1024 * 1024)})
    assert (said.status, said.reason) == (413, "TOO_LARGE")
    reader, writer = await asyncio.open_connection("127.0.0.1", ask.port)  # type: ignore[attr-defined]
    writer.write(
        b"POST /v1/areas:resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with_answer = asyncio.create_task(reader.readline())
    for _ in range(40):
        writer.write(chunk)
        await asyncio.wait({with_answer}, timeout=0.05)
        if with_answer.done():
            break
    assert b" 413 " in await asyncio.wait_for(with_answer, 10)
    writer.close()


async def test_every_answer_carries_the_safe_headers(ask: Ask) -> None:
    for answer in (await ask("GET", "/"), await ask("GET", PATH), await ask("GET", PATH, headers={"Host": "evil"})):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


async def test_the_page_needs_nothing_that_the_policy_forbids(ask: Ask) -> None:
    page = (await ask("GET", "/")).body.decode()
    assert "style=" not in page
    assert "onclick" not in page
    assert "//" not in page.replace("<!doctype html>", "")


@pytest.mark.parametrize(
    "request_", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 30000, b"\x16\x03\x01\x02\x00"]
)
async def test_garbage_leaves_the_server_up(ask: Ask, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", ask.port)  # type: ignore[attr-defined]
    writer.write(request_)
    writer.write_eof()
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert (await ask("GET", PATH)).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "::", "ioc.example.vn"])
def test_beyond_loopback_tls_is_needed(host: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for given in ({}, {"users_file": file}, {"tls_cert_file": file}, {"tls_key_file": file}):
        with pytest.raises(InvalidField, match=r"gateway\.(tls_cert_file|tls_key_file)"):
            require_safe_address(GatewaySettings(host=host, **given))
    require_safe_address(GatewaySettings(host=host, tls_cert_file=file, tls_key_file=file))
    require_safe_address(GatewaySettings(host=host, tls_by_proxy=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "::1", "localhost"])
def test_on_loopback_nothing_is_needed(host: str) -> None:
    require_safe_address(GatewaySettings(host=host))
