"""Clauses of the port `Ledger` about users, sessions and the audit log. An adapter's test is a subclass."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry, Session, User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role

from services.core.clock import to_timestamp
from services.core.errors import InvalidPageToken
from services.core.ports import Ledger

NOW = datetime.now(UTC).replace(microsecond=0)


def record(name: str, *roles: Role.ValueType) -> UserRecord:
    return UserRecord(user=User(name=f"users/{name}", title=name.title(), roles=roles), password_hash="$argon2id$x")


def session(digest: str, user: str, used: datetime = NOW) -> Session:
    return Session(digest=digest, user=f"users/{user}", start_time=to_timestamp(NOW), use_time=to_timestamp(used))


def entry(user: str, method: str = "M/Write", outcome: str = "OK", time: datetime = NOW) -> AuditEntry:
    return AuditEntry(user=user, method=method, outcome=outcome, time=to_timestamp(time), request_id="r1")


class AccessLedgerContract:
    """Every clause; `self.open()` gives further users of the same ledger."""

    factory: ClassVar[str]
    """Import path of a callable (location) -> Ledger. Example: "package.module:Class"."""

    def location(self, tmp_path: Path) -> str:
        """Where the ledger of one test lies."""
        raise NotImplementedError

    def open(self, tmp_path: Path) -> Ledger:
        ledger: Ledger = pkgutil.resolve_name(self.factory)(self.location(tmp_path))
        return ledger

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        ledger = self.open(tmp_path)
        yield ledger
        await ledger.close()

    async def test_a_user_reads_as_last_written_also_elsewhere(self, ledger: Ledger, tmp_path: Path) -> None:
        assert await ledger.users() == []
        assert await ledger.user("users/hoa") is None
        await ledger.put_user(record("hoa", Role.ROLE_VIEWER))
        await ledger.put_user(record("an", Role.ROLE_ADMIN))
        await ledger.put_user(record("hoa", Role.ROLE_ANALYST))
        other = self.open(tmp_path)
        try:
            assert await other.user("users/hoa") == record("hoa", Role.ROLE_ANALYST)
            assert await other.users() == [record("an", Role.ROLE_ADMIN), record("hoa", Role.ROLE_ANALYST)]
        finally:
            await other.close()

    async def test_an_ended_session_does_not_come_back_by_a_use_that_was_under_way(self, ledger: Ledger) -> None:
        await ledger.put_session(session("d1", "hoa"))
        await ledger.put_session(session("d1", "hoa", NOW + timedelta(minutes=2)))
        assert await ledger.session("d1") == session("d1", "hoa", NOW + timedelta(minutes=2))
        await ledger.end_session("d1")
        await ledger.end_session("none")
        await ledger.put_session(session("d1", "hoa", NOW + timedelta(minutes=3)))
        assert await ledger.session("d1") is None

    async def test_all_sessions_of_one_user_end_together(self, ledger: Ledger) -> None:
        for digest, user in (("d1", "hoa"), ("d2", "hoa"), ("d3", "an")):
            await ledger.put_session(session(digest, user))
        await ledger.end_sessions("users/hoa")
        assert [await ledger.session(digest) is None for digest in ("d1", "d2", "d3")] == [True, True, False]

    async def test_sessions_that_nobody_used_are_forgotten(self, ledger: Ledger) -> None:
        await ledger.put_session(session("old", "hoa", NOW - timedelta(days=2)))
        await ledger.put_session(session("new", "hoa"))
        assert await ledger.drop_sessions(NOW - timedelta(days=1)) == 1
        assert await ledger.session("old") is None
        assert await ledger.session("new") is not None

    async def test_entries_come_newest_first_by_pages_and_by_filter(self, ledger: Ledger) -> None:
        for number in range(5):
            await ledger.append_audit(entry(f"u{number % 2}", f"M/{number}", "OK" if number else "FORBIDDEN"))
        first = await ledger.audit_entries(AuditFilter(), 2)
        second = await ledger.audit_entries(AuditFilter(), 3, first.next_key)
        found = [*first.entries, *second.entries]
        assert [one.method for one in found] == ["M/4", "M/3", "M/2", "M/1", "M/0"]
        assert second.next_key is None
        assert len({one.name for one in found}) == 5
        assert found[0].request_id == "r1"

        async def methods(**given: object) -> list[str]:
            page = await ledger.audit_entries(AuditFilter(**given), 10)  # type: ignore[arg-type]
            return [one.method for one in page.entries]

        assert await methods(user="users/u1") == await methods(user="u1") == ["M/3", "M/1"]
        assert await methods(method="M/2") == ["M/2"]
        assert await methods(only_failed=True) == ["M/0"]
        assert await methods(start_time=to_timestamp(NOW + timedelta(seconds=1))) == []
        assert await methods(end_time=to_timestamp(NOW)) == [], "the end is not in it"
        assert len(await methods(end_time=to_timestamp(NOW + timedelta(seconds=1)))) == 5
        with pytest.raises(InvalidPageToken):
            await ledger.audit_entries(AuditFilter(), 2, ["x"])

    async def test_entries_are_forgotten_after_their_time_but_none_of_the_last_90_days(self, ledger: Ledger) -> None:
        for days in (200, 100, 80, 0):
            await ledger.append_audit(entry("hoa", f"M/{days}", time=NOW - timedelta(days=days)))
        assert await ledger.drop_audit(NOW - timedelta(days=150)) == 1
        assert await ledger.drop_audit(NOW + timedelta(days=1)) == 1
        assert [one.method for one in (await ledger.audit_entries(AuditFilter(), 9)).entries] == ["M/0", "M/80"]
