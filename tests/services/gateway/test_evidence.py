"""A clipping with evidence goes in by a form and its file comes out as a download."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.bootstrap import Running, running
from services.core import config
from tests.services.gateway.conftest import Answer, send
from tests.services.gateway.test_upload import FORM, form

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000
FILE = 'Content-Disposition: form-data; name="evidence"; filename="../chup <b>.png"\r\nContent-Type: text/html'


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    flags = {"data_dir": tmp_path, "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    async with running(config.load(environ={}, flags=flags), crawl=False) as program:
        yield program


async def ask(
    program: Running, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    port = int(program.url.rsplit(":", 1)[1])
    return await asyncio.to_thread(send, port, method, path, body, headers or {})


def field(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


async def clip(program: Running, *parts: tuple[str, bytes]) -> Answer:
    return await ask(program, "POST", "/v1/articles:clip", form(*parts), FORM)


async def test_a_clipping_and_its_picture_make_the_whole_round(program: Running) -> None:
    answer = await clip(
        program,
        field("url", "https://mang.example/bai-dang?fbclid=1"),
        field("title", "Bài đăng trên mạng"),
        field("text", "Người dân xã Trà Leng hỏi về sổ đỏ."),
        field("publish_time", "2026-11-20T01:00:00Z"),
        (FILE, PNG),
    )
    assert (answer.status, answer.json["state"]) == (200, "SUBMISSION_STATE_STORED")
    stored = (await ask(program, "GET", f"/v1/{answer.json['article']}")).json
    (shown,) = stored["evidence"]
    assert (stored["publish_time"], stored["kind"]) == ("2026-11-20T01:00:00Z", "ARTICLE_KIND_CLIPPING")
    assert (shown["media_type"], shown["size_bytes"]) == ("image/png", str(len(PNG)))
    file = await ask(program, "GET", f"/v1/evidence/{shown['sha256']}")
    assert (file.status, file.body) == (200, PNG)
    assert file.headers["content-type"] == "image/png", "by its bytes, not by what the form said"
    assert file.headers["content-disposition"] == f'attachment; filename="minh-chung-{shown["sha256"][:12]}.png"'
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    kind = {"Content-Type": "application/json"}
    down = await ask(program, "POST", f"/v1/{stored['name']}:takeDown", '{"reason": "theo yêu cầu"}'.encode(), kind)
    assert down.status == 200
    gone = await ask(program, "GET", f"/v1/evidence/{shown['sha256']}")
    assert (gone.status, gone.reason) == (404, "NOT_FOUND")


async def test_a_clipping_without_a_file_goes_in_by_the_form_too(program: Running) -> None:
    empty = 'Content-Disposition: form-data; name="evidence"; filename=""\r\nContent-Type: application/octet-stream'
    answer = await clip(program, field("text", "Chỉ có chữ."), field("publish_time", ""), (empty, b""))
    assert answer.json["state"] == "SUBMISSION_STATE_STORED"


@pytest.mark.parametrize(
    ("parts", "status", "reason"),
    [
        ([field("text", "x"), (FILE, b"<svg onload=alert(1)>")], 400, "REFUSED_FILE"),
        ([field("url", "https://mang.example/a"), (FILE, PNG)], 400, "INVALID_FIELD"),
        ([field("text", "x"), (FILE, PNG + bytes(10 << 20))], 413, "TOO_LARGE"),
        ([field("text", "x"), (FILE, PNG + bytes(13 << 20))], 413, "TOO_LARGE"),
        ([field("text", "x"), (FILE, PNG), (FILE, PNG)], 400, "INVALID_FIELD"),
        ([field("text", "x"), field("evidence", "0" * 64)], 400, "INVALID_FIELD"),
        ([field("text", "x"), field("name", "articles/x")], 400, "INVALID_FIELD"),
        ([field("text", "x"), field("publish_time", "hôm qua")], 400, "INVALID_FIELD"),
        ([], 400, "INVALID_FIELD"),
    ],
)
async def test_what_is_no_clipping_is_refused(
    program: Running, parts: list[tuple[str, bytes]], status: int, reason: str
) -> None:
    answer = await clip(program, *parts)
    assert (answer.status, answer.reason) == (status, reason)


async def test_only_forms_are_taken_and_only_digests_are_files(program: Running) -> None:
    json_ = await ask(program, "POST", "/v1/articles:clip", b"{}", {"Content-Type": "application/json"})
    assert json_.status == 415
    for path, status in (("x", 400), ("0" * 64, 404), ("..%2f..%2fledger.sqlite", 404)):
        assert (await ask(program, "GET", f"/v1/evidence/{path}")).status == status
