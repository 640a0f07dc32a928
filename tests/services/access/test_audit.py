"""The audit log where the ledger does not take entries: nothing is shown, nothing done is forgotten, nobody waits for long."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry

from services.access import audit as audit_module
from services.access import sign_in as sign_in_module
from services.access import spool as spool_module
from services.access.audit import Audit
from services.access.spool import NAME, Spool
from services.adapters.embedded.files import Files
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.bootstrap import Running
from services.core import metrics
from services.core.errors import TooLarge
from services.rpc.caller import Caller
from tests.services.access.test_sign_in import add_user, ask, program, sign_in

WHO = Caller("lan", frozenset(), address="10.0.0.7")
BOUND_S = 15.0
"""Seconds for what ends within one or two: a busy machine takes longer."""


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(Files(tmp_path).ledger)
    await ledger.users()
    yield ledger
    await ledger.close()


@contextmanager
def hung(folder: Path) -> Iterator[None]:
    """During the block the ledger of a data folder can be read, and no write to it ends."""
    other = sqlite3.connect(Files(folder).ledger, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def kept(ledger: Any, method: str = "") -> list[AuditEntry]:
    return list((await ledger.audit_entries(AuditFilter(method=method), 100)).entries)


async def until(ask_for: Any) -> Any:
    """What comes true within a while."""
    async with asyncio.timeout(60):
        while not (found := await ask_for()):  # noqa: ASYNC110  (another thread does it)
            await asyncio.sleep(0.05)
    return found


def late(outcome: str) -> float:
    return metrics.REGISTRY.get_sample_value("ngoclinh_audit_late_total", {"outcome": outcome}) or 0.0


async def signed_in(found: Running) -> dict[str, str]:
    await add_user(found, "lan")
    return {"cookie": (await sign_in(found)).headers["set-cookie"].split(";")[0], "origin": found.url}


async def test_a_look_that_cannot_be_kept_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "KEEP_S", 0.3)
    monkeypatch.setattr(audit_module, "AGAIN_S", 0.0)
    async with program(tmp_path) as found:
        held = await signed_in(found)
        before = late("refused")
        with hung(tmp_path / "data"):
            began = time.monotonic()
            for path in ("/v1/users", "/v1/auditEntries", "/v1/articles:export"):
                answer = await ask(found, "GET", path, **held)
                assert (answer.status, answer.reason) == (503, "UNAVAILABLE"), path
                assert "audit log" in answer.json["error"]["message"] or "nhật ký" in answer.json["error"]["message"]
                assert b"lan" not in answer.body
            assert (await ask(found, "GET", "/v1/areas", **held)).status == 200, "what is not kept is shown"
            assert time.monotonic() - began < 3 * BOUND_S
        assert late("refused") > before
        assert (await ask(found, "GET", "/v1/users", **held)).status == 200


async def test_a_write_is_told_of_and_its_entry_goes_to_the_ledger_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "KEEP_S", 0.3)
    method, file = "ngoclinh.land.v1.LandService/EraseOwners", tmp_path / "data" / NAME
    async with program(tmp_path) as found:
        held, ledger = await signed_in(found), found.stores.ledger
        before = late("waiting")
        with hung(tmp_path / "data"):
            began = time.monotonic()
            for _ in range(3):
                answer = await ask(found, "POST", "/v1/owners:erase", {"name": "imports/x"}, **held)
                assert answer.status in (200, 404)
            assert time.monotonic() - began < 3 * BOUND_S
            assert await kept(ledger, method) == []
        assert late("waiting") == before + 3
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(file.read_bytes().splitlines()) == 3
        monkeypatch.setattr(audit_module, "KEEP_S", 60.0)
        await Audit(ledger, tmp_path / "data").catch_up()
        entries = await kept(ledger, method)  # the first one was on its way and arrived after all
        assert [(one.user, one.resource) for one in entries] == [("lan", "imports/x")] * 3
        assert len({one.request_id for one in entries}) == 3
        assert not file.exists()


async def test_a_sign_in_that_the_ledger_holds_up_is_told_so_soon_and_pages_come_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_module, "SIGN_IN_S", 1.0)
    monkeypatch.setattr(audit_module, "KEEP_S", 0.3)

    async def silence(*_: Any) -> Any:
        await asyncio.Event().wait()

    async with program(tmp_path) as found:
        held = await signed_in(found)
        for method in ("user", "users", "session", "put_session", "end_session", "append_audit"):
            monkeypatch.setattr(found.stores.ledger, method, silence)
        began = time.monotonic()
        answer = await sign_in(found)
        assert (answer.status, answer.reason) == (503, "UNAVAILABLE")
        answer = await ask(found, "DELETE", "/v1/session", **held)
        assert (answer.status, answer.reason) == (503, "UNAVAILABLE")
        assert "__Host-ngoclinh=; Max-Age=0" in answer.headers["set-cookie"], "this browser has no session any more"
        for path in ("/", "/healthz", "/v1/session"):
            assert (await ask(found, "GET", path, **held)).status == 200, path
        assert time.monotonic() - began < BOUND_S
        monkeypatch.undo()
        await Audit(found.stores.ledger, tmp_path / "data").catch_up()
        seen = [(one.method, one.outcome) for one in await kept(found.stores.ledger)]
        assert seen[:2] == [("gateway/SignOut", "UNAVAILABLE"), ("gateway/SignIn", "UNAVAILABLE")]


async def test_the_bounds_of_a_sign_in_are_ten_seconds_together() -> None:
    assert sign_in_module.SIGN_IN_S + audit_module.KEEP_S <= 10


async def test_an_entry_is_kept_though_who_waits_for_it_is_gone(tmp_path: Path, ledger: SqliteLedger) -> None:
    audit = Audit(ledger, tmp_path)
    with hung(tmp_path):
        asked = asyncio.create_task(audit.keep(WHO, "a.B/C", "x", "OK", "r1"))
        await asyncio.sleep(0.2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    await audit.close()
    await until(lambda: kept(ledger))
    assert [one.request_id for one in await kept(ledger)] == ["r1"]


async def test_what_waits_goes_to_the_ledger_by_itself_and_half_lines_are_left_out(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    spool = Spool(tmp_path / NAME)
    spool.put(AuditEntry(method="a.B/C", request_id="r1"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"method": "a.B/')  # a crash
    spool.put(AuditEntry(method="a.B/C", request_id="r2"))
    task = asyncio.create_task(Audit(ledger, tmp_path).keep_up())
    try:
        await until(lambda: asyncio.to_thread(lambda: not spool.waits()))
    finally:
        task.cancel()
    assert {one.request_id for one in await kept(ledger)} == {"r1", "r2"}


async def test_where_neither_the_ledger_nor_the_disk_takes_an_entry_the_log_has_it(
    tmp_path: Path, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_module, "KEEP_S", 0.2)
    monkeypatch.setattr(spool_module, "MOST_BYTES", 10)
    before = late("lost")
    with hung(tmp_path):
        await Audit(ledger, tmp_path).keep(WHO, "a.B/C", "parcels/5", "OK", "r1")
    assert late("lost") == before + 1


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.integers(0, 4), max_size=12))
def test_entries_leave_in_the_order_in_which_they_came(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    spool, expected = Spool(tmp_path_factory.mktemp("spool") / NAME), []
    for number, step in enumerate(steps):
        if step:
            spool.put(AuditEntry(request_id=str(number), resource="Trà Leng\n"))
            expected.append(str(number))
        else:
            entries, lines = spool.first(2)
            assert [one.request_id for one in entries] == expected[:2]
            spool.drop(lines)
            expected = expected[lines:]
        assert spool.waits() == bool(expected)
    assert [one.request_id for one in spool.first(99)[0]] == expected


def test_a_full_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "MOST_BYTES", 1000)
    spool = Spool(tmp_path / NAME)
    entry = AuditEntry(request_id="r" * 600)
    spool.put(entry)
    with pytest.raises(TooLarge):
        spool.put(entry)
    assert spool.first(99)[0] == [entry]
