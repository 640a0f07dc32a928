"""Users, sessions and the audit log in the PostgreSQL ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry, Session, UserRecord

from services.adapters import audit_rows
from services.adapters import ledger_rows as rows
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import Connection
from services.core.clock import Clock
from services.core.ports import AuditPage


class PostgresAccess:
    """The clauses of the port `Ledger` about access; a part of `PostgresLedger`."""

    _database: Postgres
    _clock: Clock

    async def put_user(self, record: UserRecord) -> None:
        """Keep a user, new or changed."""
        await self._execute(
            "INSERT INTO account (name, record) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
            *(record.user.name, record.SerializeToString()),
        )

    async def user(self, name: str) -> UserRecord | None:
        """One user, or None."""
        found = await self._database.fetch("SELECT record FROM account WHERE name = %s", (name,))
        return UserRecord.FromString(found[0][0]) if found else None

    async def users(self) -> list[UserRecord]:
        """All users, in the order of their names."""
        found = await self._database.fetch("SELECT record FROM account ORDER BY name")
        return [UserRecord.FromString(record) for (record,) in found]

    async def put_session(self, session: Session) -> None:
        """Keep a session, new or used again; one that was ended stays ended."""
        await self._execute(
            'INSERT INTO session (digest, "user", use_time, record) VALUES (%s, %s, %s, %s) ON CONFLICT (digest) '
            "DO UPDATE SET use_time = excluded.use_time, record = excluded.record",
            *(session.digest, session.user, session.use_time.ToMicroseconds(), session.SerializeToString()),
        )

    async def session(self, digest: str) -> Session | None:
        """One session; None where it was never there or has ended."""
        found = await self._database.fetch("SELECT record FROM session WHERE digest = %s AND NOT ended", (digest,))
        return Session.FromString(found[0][0]) if found else None

    async def end_session(self, digest: str) -> None:
        """End a session; one that is not there changes nothing."""
        await self._execute("UPDATE session SET ended = TRUE WHERE digest = %s", digest)

    async def end_sessions(self, user: str) -> None:
        """End all sessions of a user, by resource name."""
        await self._execute('UPDATE session SET ended = TRUE WHERE "user" = %s', user)

    async def drop_sessions(self, used_before: datetime) -> int:
        """Forget sessions that were last used before a moment; returns how many."""
        return await self._execute("DELETE FROM session WHERE use_time < %s", rows.micros(used_before))

    async def append_audit(self, entry: AuditEntry) -> None:
        """Keep an entry; the ledger gives it its name."""
        row = (entry.time.ToMicroseconds(), entry.user, entry.method, entry.outcome, entry.SerializeToString())
        await self._database.write(
            lambda connection: connection.execute(
                'INSERT INTO audit (time, "user", method, outcome, record) VALUES (%s, %s, %s, %s, %s)', row
            )
        )

    async def audit_entries(self, filter_: AuditFilter, limit: int, after: Sequence[object] | None = None) -> AuditPage:
        """Entries that match, newest first."""
        where, values = audit_rows.condition(filter_, after, "%s")
        found = await self._database.fetch(
            f"SELECT id, record FROM audit WHERE {where} ORDER BY id DESC LIMIT %s", (*values, limit + 1)
        )
        return audit_rows.page([(number, record) for number, record in found], limit)

    async def drop_audit(self, before: datetime) -> int:
        """Forget entries from before a moment, but none of the last 90 days; returns how many."""
        end = min(rows.micros(before), rows.micros(self._clock()) - audit_rows.KEPT_US)
        return await self._execute("DELETE FROM audit WHERE time < %s", end)

    async def _execute(self, statement: str, *values: object) -> int:
        async def work(connection: Connection) -> int:
            return (await connection.execute(statement, values)).rowcount

        return await self._database.write(work, idempotent=True)
