"""The doors while PostgreSQL holds its connections and says nothing: every answer within its bound, no entry of the log lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.access.v1.access_service_pb2 import AuditFilter

from services.access.audit import KEEP_S
from services.access.sign_in import SIGN_IN_S
from services.access.spool import NAME
from services.bootstrap import running
from services.core import config
from tests.engines import Postgres
from tests.services.access.test_sign_in import add_user, ask, provider, sign_in, token

__all__ = ["provider"]
BUSY_S = 15.0
"""Seconds that a busy machine takes beside a bound."""
METHODS = {"gateway/SignIn", "ngoclinh.land.v1.LandService/EraseOwners", "ngoclinh.media.v1.MediaService/ListArticles"}


@pytest.mark.cluster
async def test_a_stopped_ledger_holds_no_door_and_what_was_done_meanwhile_is_kept(
    tmp_path: Path, postgres: Postgres, provider: dict[str, Any]
) -> None:
    flags = {
        "data_dir": tmp_path / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False,
        "stores.ledger": "cluster", "postgres.url": postgres.database(), **provider,
    }  # fmt: skip
    held = {"authorization": f"Bearer {token()}"}
    async with running(config.load(environ={}, flags=flags), crawl=False) as found:
        await add_user(found, "lan")
        assert (await sign_in(found)).status == 200
        assert (await ask(found, "GET", "/v1/articles:export", **held)).status == 200
        await asyncio.to_thread(postgres.pause)
        try:
            took = []
            for verb, path, body, expected in (
                ("POST", "/v1/session", {"name": "lan", "password": "x"}, {503}),
                ("GET", "/v1/articles:export", None, {503}),
                ("POST", "/v1/owners:erase", {"name": "imports/x"}, {200, 404}),
                ("GET", "/", None, {200}),
            ):
                began = time.monotonic()
                answer = await ask(found, verb, path, body, **({} if path == "/v1/session" else held))
                took.append(time.monotonic() - began)
                assert answer.status in expected, (path, answer.body)
                assert answer.status != 503 or answer.reason == "UNAVAILABLE"
            bounds = (SIGN_IN_S + KEEP_S, KEEP_S, KEEP_S, 0)
            assert all(one < bound + BUSY_S for one, bound in zip(took, bounds, strict=True)), took
            assert len((tmp_path / "data" / NAME).read_bytes().splitlines()) >= 2
        finally:
            await asyncio.to_thread(postgres.resume)
        async with asyncio.timeout(120):
            while (tmp_path / "data" / NAME).exists():  # noqa: ASYNC110  (a task of the program does it)
                await asyncio.sleep(0.2)
        entries = (await found.stores.ledger.audit_entries(AuditFilter(), 100)).entries
        seen = sorted((one.method, one.outcome) for one in entries if one.method in METHODS)
        assert ("gateway/SignIn", "UNAVAILABLE") in seen
        assert ("ngoclinh.media.v1.MediaService/ListArticles", "UNAVAILABLE") in seen
        erased = [one for one in entries if one.method.endswith("/EraseOwners")]
        assert [(one.user, one.resource) for one in erased] == [("hoa", "imports/x")], "once, and by whom"
