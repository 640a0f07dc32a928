"""Pages as files."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from services.core.sections.doors import GatewaySettings
from services.gateway import typescript
from services.gateway.serve import WebServer
from services.gateway.static import PLAIN, pages
from tests.services.gateway.conftest import Answer, send


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Ngọc Linh</title>", encoding="utf-8")
    (tmp_path / "assets" / "index-4kzq.js").write_text("export const a = 1;\n" * 500, encoding="utf-8")
    return tmp_path


async def fetch(built: Path, path: str) -> tuple[Answer, str]:
    server = WebServer(pages(built), GatewaySettings(port=0))
    await server.start()
    try:
        answer = await asyncio.to_thread(send, server.port, "GET", path, None, {"Accept-Encoding": "gzip"})
    finally:
        await server.stop()
    zipped = answer.headers.get("content-encoding") == "gzip"
    return answer, (gzip.decompress(answer.body) if zipped else answer.body).decode()


async def test_a_file_with_a_digest_is_compressed_and_kept(built: Path) -> None:
    answer, text = await fetch(built, "/assets/index-4kzq.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < len(text) / 10
    assert "immutable" in answer.headers["cache-control"]
    assert text.startswith("export const a")


async def test_the_start_page_is_asked_for_each_time(built: Path) -> None:
    answer, text = await fetch(built, "/")
    assert answer.headers["cache-control"] == "no-cache"
    assert "Ngọc Linh" in text


async def test_without_a_build_the_plain_page_is_shown(tmp_path: Path) -> None:
    _, text = await fetch(tmp_path, "/")
    assert text == (PLAIN / "index.html").read_text(encoding="utf-8")


def test_interfaces_follow_the_json_convention(tmp_path: Path) -> None:
    target = tmp_path / "api" / "messages.ts"
    typescript.main(str(target))
    text = target.read_text(encoding="utf-8")
    article = text[text.index("export interface Article {") :].split("}")[0]
    assert "  publish_time?: string;" in article
    assert "  places: PlaceMention[];" in article
    parcel = text[text.index("export interface Parcel {") :].split("}")[0]
    assert "  declared_area_m2?: number;" in parcel
    assert "  computed_area_m2: number;" in parcel
    assert "  attributes: Record<string, string>;" in parcel
    assert "  total_count: string;" in text, "64-bit integers are strings in JSON"
    assert "SEVERITY_ERROR" in text.split("export type Severity = ")[1].split(";")[0]


def test_interfaces_that_stay_the_same_are_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "messages.ts"
    typescript.main(str(target))
    before = target.stat().st_mtime_ns
    typescript.main(str(target))
    assert target.stat().st_mtime_ns == before
