"""One schema of a PostgreSQL database as the cluster stores use it: transactions, retries, numbered migrations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql

from services.adapters.cluster import migrate
from services.adapters.cluster.postgres_pool import Connection, Pool
from services.core.errors import NgocLinhError, Unavailable
from services.core.log import get_logger
from services.core.ports import EngineState
from services.core.sections.stores import PostgresSettings

ATTEMPTS = 5
"""Attempts at a transaction that the server gives up because of another one, or whose connection is lost."""
PAUSE_S = 0.02
"""Pause before the second attempt in seconds, at most; it doubles."""

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
"""What a transaction does; it may run several times, each time from the start."""

_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SINGLE = b""
_WRITE = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_ENGINE = """
    SELECT current_setting('server_version'),
        (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
         WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'm')),
        (SELECT name FROM migration ORDER BY number DESC LIMIT 1),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        current_setting('max_connections'),
        ARRAY(SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name)
"""
_REFUSED = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
"""What an operator can mend, though it is no failure of the server: no permission, a standby."""
_log = get_logger(__name__)


class Postgres:
    """A schema that is migrated, or checked, at its first use.

    Args:
        settings: address, password file, limits; an address alone takes the defaults of the rest.
        schema: "ledger" or "parcels": what tables belong to, and the folder of the migrations.
        folder: of the migrations, by default that of the package.

    Raises:
        InvalidField: the address cannot be read, or holds a password.
    """

    def __init__(self, settings: PostgresSettings | str, schema: str, folder: Path | None = None) -> None:
        self._settings = PostgresSettings(url=settings) if isinstance(settings, str) else settings
        self._scripts = migrate.scripts(schema, folder)
        self._pool = Pool(self._settings, schema)
        self._preparing = asyncio.Lock()
        self._ready = False
        self.schema = schema

    @property
    def address(self) -> str:
        """Host, port and database, for messages."""
        return self._pool.address

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads, on one state of the database.

        Raises:
            Unavailable: the server does not answer or refuses; it may pass.
            Overloaded: all connections stayed busy.
            Conflict: a newer release made the schema.
        """
        await self.prepare()
        return await self._transact(work, _READ, idempotent=True)

    async def fetch(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement that only reads.

        Raises:
            Unavailable: as in `read`, like the others.
        """
        await self.prepare()

        async def work(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(query, values, binary=True)).fetchall()

        return await self._transact(work, _SINGLE, idempotent=True)

    async def write(self, work: Work[T], *, idempotent: bool = False) -> T:
        """Run `work` in one transaction, READ COMMITTED: when this returns all of it is on disk.

        Args:
            work: reads and writes; it takes the locks that it needs.
            idempotent: doing it twice is the same as once, so that it is done again where the connection is lost
                during COMMIT and nobody knows whether it counted.

        Raises:
            Unavailable: nothing of it was kept, or, as the message then says, nobody knows.
            Overloaded: all connections stayed busy.
            Conflict: a newer release made the schema.
        """
        await self.prepare()
        return await self._transact(work, _WRITE, idempotent)

    async def prepare(self) -> None:
        """Bring the schema up to date at the first use, or only look at it where `postgres.migrate` is off."""
        if self._ready:
            return
        async with self._preparing:
            if not self._ready:
                await (self.migrate() if self._settings.migrate else self._check())
                self._ready = True

    async def migrate(self) -> list[str]:
        """Apply the migrations that are missing; returns their names. Two processes may do so at once.

        Raises:
            Conflict: a newer release made the schema, or a migration that was applied is another one now.
            Unavailable: the server does not answer, or the user may not do so.
        """
        pending = await self._transact(
            lambda connection: migrate.pending(connection, self.schema, self._scripts), _READ, True
        )
        if not pending:
            return []
        return await self._transact(
            lambda connection: migrate.apply(connection, self.schema, self._scripts), _WRITE, True
        )

    async def engine(self) -> EngineState:
        """How the server is: its version, the bytes of this schema, settings under which a crash loses what was kept.

        Raises:
            Unavailable: it does not answer.
        """
        ((version, size, migration, clients, most, unsafe),) = await self.fetch(_ENGINE, (self.schema,))
        problems = [
            (
                f"PostgreSQL: {name} = off, mất điện có thể mất dữ liệu.",
                f"PostgreSQL: {name} = off, a crash may lose data.",
            )
            for name in unsafe
        ]
        notes = [
            (
                f"PostgreSQL tại {self.address}, lược đồ {self.schema} ở bước {migration}; {clients}/{most} kết nối.",
                f"PostgreSQL at {self.address}, schema {self.schema} at {migration}; {clients} of {most} connections.",
            )
        ]
        return EngineState({"postgresql": version}, size, problems, notes)

    async def vacuum(self, *tables: str) -> None:
        """Clear the rows that were deleted out of the pages of some tables now; a failure is only logged.

        What is gone for readers stays in the files of the server until it is cleared, and in its log and its backups
        until these are renewed.
        """
        try:
            async with self._pool.connection() as connection:
                for table in tables:
                    await connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
        except (psycopg.Error, NgocLinhError) as error:
            _log.warning("vacuum", schema=self.schema, tables=tables, error=str(error))

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _check(self) -> None:
        missing = await self._transact(
            lambda connection: migrate.pending(connection, self.schema, self._scripts), _READ, True
        )
        if missing:
            names = ", ".join(script.name for script in missing)
            raise Unavailable(
                f"Cơ sở dữ liệu {self.address} còn thiếu {names} (lược đồ {self.schema}); hãy chạy `ngoclinh migrate`.",
                f"The database {self.address} lacks {names} (schema {self.schema}); run `ngoclinh migrate`.",
                {"missing": names},
            )

    async def _transact(self, work: Work[T], begin: bytes, idempotent: bool) -> T:
        for attempt in range(ATTEMPTS):
            committing = lost = False
            try:
                async with self._pool.connection() as connection:
                    try:
                        if begin:
                            await connection.execute(begin)
                        result = await work(connection)
                        committing = True
                        if begin:
                            await connection.execute(b"COMMIT")
                    except BaseException:
                        lost = connection.closed
                        if not lost:
                            await connection.rollback()
                        raise
                return result
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                failure: psycopg.Error = error
            except (psycopg.OperationalError, psycopg.InterfaceError, *_REFUSED) as error:
                await self._pool.forget()
                if lost and committing and not idempotent:
                    raise self._unknown() from error
                if not lost:
                    raise self._pool.unavailable(error) from error
                failure = error
            _log.info("transaction again", schema=self.schema, attempt=attempt + 1, reason=str(failure))
            await asyncio.sleep(random.random() * PAUSE_S * 2**attempt)  # noqa: S311  (no secret)
        raise self._pool.unavailable(failure) from failure

    def _unknown(self) -> Unavailable:
        return Unavailable(
            f"Mất kết nối với PostgreSQL tại {self.address} khi đang ghi: không rõ đã lưu hay chưa; "
            "hãy xem lại trước khi làm lần nữa.",
            f"The connection to PostgreSQL at {self.address} was lost while writing: it is not known whether this was "
            "kept; look before doing it again.",
            {"address": self.address},
        )
