"""Users, sessions and the audit log in the SQLite ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry, Session, UserRecord

from services.adapters import audit_rows
from services.adapters import ledger_rows as rows
from services.adapters.embedded.database import Database
from services.core.clock import Clock
from services.core.ports import AuditPage

MIGRATION = """
    CREATE TABLE account (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE session (
        digest TEXT PRIMARY KEY, user TEXT NOT NULL, use_time INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
        record BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX session_of_user ON session (user);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, user TEXT NOT NULL, method TEXT NOT NULL,
        outcome TEXT NOT NULL, record BLOB NOT NULL
    );
    CREATE INDEX audit_time ON audit (time);
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END;
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN old.time > (strftime('%s', 'now') - 7776000) * 1000000
    BEGIN SELECT raise(ABORT, 'audit is kept for 90 days'); END;
"""
"""A session that was ended keeps its row, so that a use of it that is under way does not bring it back."""


class SqliteAccess:
    """The clauses of the port `Ledger` about access; a part of `SqliteLedger`."""

    _database: Database
    _clock: Clock

    async def put_user(self, record: UserRecord) -> None:
        """Keep a user, new or changed."""
        await self._execute(
            "INSERT OR REPLACE INTO account VALUES (?, ?)", record.user.name, record.SerializeToString()
        )

    async def user(self, name: str) -> UserRecord | None:
        """One user, or None."""
        found = await self._database.read(
            lambda connection: connection.execute("SELECT record FROM account WHERE name = ?", (name,)).fetchone()
        )
        return UserRecord.FromString(found[0]) if found else None

    async def users(self) -> list[UserRecord]:
        """All users, in the order of their names."""
        found = await self._database.read(
            lambda connection: connection.execute("SELECT record FROM account ORDER BY name").fetchall()
        )
        return [UserRecord.FromString(record) for (record,) in found]

    async def put_session(self, session: Session) -> None:
        """Keep a session, new or used again; one that was ended stays ended."""
        await self._execute(
            "INSERT INTO session (digest, user, use_time, record) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET use_time = excluded.use_time, record = excluded.record",
            *(session.digest, session.user, session.use_time.ToMicroseconds(), session.SerializeToString()),
        )

    async def session(self, digest: str) -> Session | None:
        """One session; None where it was never there or has ended."""
        found = await self._database.read(
            lambda connection: connection.execute(
                "SELECT record FROM session WHERE digest = ? AND NOT ended", (digest,)
            ).fetchone()
        )
        return Session.FromString(found[0]) if found else None

    async def end_session(self, digest: str) -> None:
        """End a session; one that is not there changes nothing."""
        await self._execute("UPDATE session SET ended = 1 WHERE digest = ?", digest)

    async def end_sessions(self, user: str) -> None:
        """End all sessions of a user, by resource name."""
        await self._execute("UPDATE session SET ended = 1 WHERE user = ?", user)

    async def drop_sessions(self, used_before: datetime) -> int:
        """Forget sessions that were last used before a moment; returns how many."""
        return await self._execute("DELETE FROM session WHERE use_time < ?", rows.micros(used_before))

    async def append_audit(self, entry: AuditEntry) -> None:
        """Keep an entry; the ledger gives it its name."""
        await self._execute(
            "INSERT INTO audit (time, user, method, outcome, record) VALUES (?, ?, ?, ?, ?)",
            *(entry.time.ToMicroseconds(), entry.user, entry.method, entry.outcome, entry.SerializeToString()),
        )

    async def audit_entries(self, filter_: AuditFilter, limit: int, after: Sequence[object] | None = None) -> AuditPage:
        """Entries that match, newest first."""
        where, values = audit_rows.condition(filter_, after, "?")
        found = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT id, record FROM audit WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit + 1)
            ).fetchall()
        )
        return audit_rows.page(found, limit)

    async def drop_audit(self, before: datetime) -> int:
        """Forget entries from before a moment, but none of the last 90 days; returns how many."""
        end = min(rows.micros(before), rows.micros(self._clock()) - audit_rows.KEPT_US)
        return await self._execute("DELETE FROM audit WHERE time < ?", end)

    async def _execute(self, statement: str, *values: object) -> int:
        return await self._database.write(lambda connection: connection.execute(statement, values).rowcount)
