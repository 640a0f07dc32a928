"""What a person does is kept under the name of the login, whatever a request says."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.access.passwords import hash_password
from services.bootstrap import Running, running
from services.core import config
from services.rpc.client import connect
from tests.contracts.articles import article, collected
from tests.services.gateway.conftest import Answer, send

FORGED = {
    "X-User": "giam-doc",
    "x-user-bin": "Z2lhbS1kb2M=",
    "Grpc-Metadata-X-User": "giam-doc",
    "X-Forwarded-User": "giam-doc",
    "X-Remote-User": "giam-doc",
}


@asynccontextmanager
async def program(folder: Path, **flags: Any) -> AsyncIterator[Running]:
    given = {"data_dir": folder / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False} | flags
    async with running(config.load(environ={}, flags=given), work=False, crawl=False) as found:
        await found.stores.ledger.record_collected(collected(article("a")))
        yield found


async def correct(found: Running, headers: dict[str, str]) -> Answer:
    port = int(found.url.rsplit(":", 1)[1])
    body, kind = b'{"sentiment": "positive"}', {"Content-Type": "application/json"}
    return await asyncio.to_thread(send, port, "POST", f"/v1/{article('a').name}:correct", body, kind | headers)


async def kept_users(found: Running) -> list[str]:
    return [said.user for said in await found.stores.ledger.corrections(article("a").name)]


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    file = tmp_path / "users"
    file.write_text(f"hoa:{hash_password('mat-khau-dai')}\n")
    return file


async def test_without_users_everybody_is_local_whatever_the_headers_say(tmp_path: Path) -> None:
    async with program(tmp_path) as found:
        assert (await correct(found, FORGED)).status == 200
        assert await kept_users(found) == ["local"]


async def test_with_users_the_login_is_the_name(tmp_path: Path, users_file: Path) -> None:
    login = {"Authorization": "Basic " + base64.b64encode(b"hoa:mat-khau-dai").decode()}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"giam-doc:mat-khau-dai").decode()}
    async with program(tmp_path, **{"gateway.users_file": users_file}) as found:
        assert (await correct(found, FORGED)).status == 401
        assert (await correct(found, FORGED | wrong)).status == 401
        assert (await correct(found, FORGED | login)).status == 200
        assert await kept_users(found) == ["hoa"]


async def test_a_program_on_the_tcp_door_cannot_take_a_name(tmp_path: Path) -> None:
    async with program(tmp_path) as found, connect(found.grpc_address) as channel:
        request = CorrectArticleRequest(name=article("a").name, stance="none")
        await MediaServiceStub(channel).CorrectArticle(request, metadata=(("x-user", "giam-doc"),))
        assert await kept_users(found) == ["local"]
