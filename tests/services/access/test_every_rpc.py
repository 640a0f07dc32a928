"""Every RPC × everybody who may not call it: refused with the same reason at gRPC and REST."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ngoclinh.type.v1.access_pb2 import Role

from services.gateway.transcode import Binding, bindings
from services.rpc import methods
from tests.services import every_rpc
from tests.services.doors import CASES, Case, Doors, doors, rest
from tests.services.gateway.conftest import send


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    monkeypatch.setattr("services.access.tokens.AGAIN_S", 0.0)
    async with doors(tmp_path) as found:
        yield found


async def over_rest(opened: Doors, binding: Binding, case: Case) -> str:
    """Why the gateway refuses; "" where it does not."""
    verb, path, body = rest(binding, every_rpc.request(binding.method, case.foreign))
    token = case.token(opened.provider, binding.method)
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    answer = await asyncio.to_thread(send, int(opened.url.rpartition(":")[2]), verb, path, data, headers)
    if answer.status < 400:
        return ""
    texts = {one["locale"]: one["message"] for one in answer.json["error"]["details"] if "locale" in one}
    assert texts["vi"] != texts["en"], "a reason in both languages"
    return answer.reason


@pytest.mark.parametrize("name", CASES)
async def test_every_rpc_refuses_them_at_grpc_and_its_rest_form_alike(opened: Doors, name: str) -> None:
    case, refused = CASES[name], 0
    for method in every_rpc.METHODS:
        if reason := case.reason(method):
            assert await opened.over_grpc(method, case) == reason, method.full_name
            refused += 1
    assert refused >= len(every_rpc.METHODS) // 3
    for binding in bindings():
        if reason := case.reason(binding.method):
            assert await over_rest(opened, binding, case) == reason, (binding.template, binding.method.full_name)
    begun = set(opened.seen) - set(every_rpc.ANSWERS) - {"GetWatchArea", "GetAlertRule"}
    assert not begun, "nothing that was refused was begun"


async def test_every_rpc_takes_the_right_role_so_that_a_refusal_means_something(opened: Doors) -> None:
    admin = Case(lambda provider, method: provider.token({Role.ROLE_ADMIN}), lambda method: "")
    for method in every_rpc.METHODS:
        assert await opened.over_grpc(method, admin) in ("", "INVALID_FIELD"), method.full_name
    for binding in bindings():
        assert await over_rest(opened, binding, admin) in ("", "INVALID_FIELD"), binding.template
    assert len(opened.seen) > len(every_rpc.METHODS) // 2, "most of them reached the method"


async def test_a_key_that_the_provider_takes_away_opens_nothing_any_more(opened: Doors) -> None:
    provider = opened.provider
    new = Case(lambda provider, method: provider.token({Role.ROLE_ADMIN}, kid="second"), lambda method: "")
    old = Case(lambda provider, method: provider.token({methods.access(method).role}), lambda method: "UNAUTHENTICATED")
    (me,) = [method for method in every_rpc.METHODS if method.name == "GetMe"]
    assert await opened.over_grpc(me, old) == "", "the first key is good"
    provider.shown = {"second": provider.second}
    assert await opened.over_grpc(me, new) == "", "a token of the new key makes the keys be read again"
    for method in every_rpc.METHODS:
        assert await opened.over_grpc(method, old) == "UNAUTHENTICATED", method.full_name
    for binding in bindings():
        assert await over_rest(opened, binding, old) == "UNAUTHENTICATED", binding.template
