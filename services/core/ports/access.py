"""The part of the port `Ledger` that keeps users, sessions, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry, Session, UserRecord


@dataclass(frozen=True)
class AuditPage:
    """A page of audit entries."""

    entries: list[AuditEntry]
    next_key: list[object] | None
    """Sort key of the last row where another page follows."""


class AccessLedger(Protocol):
    """Users, sessions of the dashboard, the audit log."""

    async def put_user(self, record: UserRecord) -> None:
        """Keep a user, new or changed."""
        ...

    async def user(self, name: str) -> UserRecord | None:
        """One user, or None."""
        ...

    async def users(self) -> list[UserRecord]:
        """All users, in the order of their names."""
        ...

    async def put_session(self, session: Session) -> None:
        """Keep a session, new or used again; one that was ended stays ended where its start is the same."""
        ...

    async def session(self, digest: str) -> Session | None:
        """One session; None where it was never there or has ended."""
        ...

    async def end_session(self, digest: str) -> None:
        """End a session; one that is not there changes nothing."""
        ...

    async def end_sessions(self, user: str) -> None:
        """End all sessions of a user, by resource name."""
        ...

    async def drop_sessions(self, used_before: datetime) -> int:
        """Forget sessions that were last used before a moment; returns how many."""
        ...

    async def append_audit(self, entry: AuditEntry) -> None:
        """Keep an entry; the ledger gives it its name. It is never changed."""
        ...

    async def audit_entries(self, filter_: AuditFilter, limit: int, after: Sequence[object] | None = None) -> AuditPage:
        """Entries that match, newest first.

        Raises:
            InvalidPageToken: `after` is no key that this method gave.
        """
        ...

    async def drop_audit(self, before: datetime) -> int:
        """Forget entries from before a moment; returns how many. The adapter refuses to forget those of the last 90 days."""
        ...
