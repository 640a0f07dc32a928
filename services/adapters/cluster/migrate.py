"""Numbered migrations of a schema: applied in their order under a lock, each remembered with its checksum.

The files are `migrations/<schema>/NNNN_name.sql`, numbered from 0001 without a gap. A file may hold several statements
and is never changed once it was released; all that are missing are applied in one transaction, so that a schema is
either as before or up to date. Unqualified names belong to the schema; what an extension makes should be made in
`public` (``CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public``), where both schemas find it. A file that finds
something missing raises an exception whose message is Vietnamese and whose detail is the same in English.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from psycopg import sql
from psycopg.errors import RaiseException

from services.adapters.cluster.postgres_pool import Connection
from services.core.errors import Conflict, Unavailable

SCHEMAS = ("ledger", "parcels")
"""Every schema that has migrations."""
_LOCK = 0x6E676F636C696E68
"""Key of the advisory lock: the letters "ngoclinh"."""


class Script(NamedTuple):
    """One migration."""

    name: str
    """Of its file without the ending. Example: "0001_articles"."""
    statements: bytes

    @property
    def sha256(self) -> str:
        """Checksum of its statements, 64 hexadecimal digits."""
        return hashlib.sha256(self.statements).hexdigest()


def scripts(schema: str, folder: Path | None = None) -> list[Script]:
    """The migrations of a schema in their order.

    Args:
        schema: folder of the package's migrations.
        folder: taken instead.
    """
    place = folder or files("services.adapters.cluster") / "migrations" / schema
    found = [
        Script(entry.name.removesuffix(".sql"), entry.read_bytes().replace(b"\r\n", b"\n"))
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name)
        if re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", entry.name)
    ]
    if [int(script.name[:4]) for script in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {schema} are not numbered from 0001 without a gap")
    return found


async def pending(connection: Connection, schema: str, known: Sequence[Script]) -> list[Script]:
    """The migrations that a database lacks.

    Raises:
        Conflict: a newer release made the schema, or a migration that was applied is another one now.
    """
    cursor = await connection.execute(
        "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = 'migration'", (schema,)
    )
    if not cursor.rowcount:
        return list(known)
    rows = await (
        await connection.execute(sql.SQL("SELECT name, sha256 FROM {} ORDER BY number").format(_table(schema)))
    ).fetchall()
    if len(rows) > len(known):
        names = ", ".join(name for name, _ in rows[len(known) :])
        raise Conflict(
            f"Lược đồ {schema} do một phiên bản mới hơn tạo ra ({names}); hãy cập nhật Ngọc Linh.",
            f"The schema {schema} was made by a newer release ({names}); update Ngọc Linh.",
        )
    for script, (name, sha256) in zip(known, rows, strict=False):
        if (script.name, script.sha256) != (name, sha256):
            raise Conflict(
                f"Lược đồ {schema}: bước {name} đã áp dụng khác với bước {script.name} của phiên bản này; "
                "hãy dùng đúng phiên bản đã tạo cơ sở dữ liệu hoặc phiên bản mới hơn.",
                f"The schema {schema}: the applied migration {name} differs from {script.name} of this release; "
                "use the release that made the database, or a newer one.",
            )
    return list(known[len(rows) :])


async def apply(connection: Connection, schema: str, known: Sequence[Script]) -> list[str]:
    """Apply what a database lacks, in the transaction of the connection; returns the names.

    Raises:
        Conflict: as in `pending`.
        Unavailable: a migration says that the database lacks something.
    """
    await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
    patience, connection.patience_s = connection.patience_s, 24 * 3600.0
    try:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        missing = await pending(connection, schema, known)
        if missing:
            await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            await connection.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} (number integer PRIMARY KEY, name text NOT NULL, "
                    "sha256 text NOT NULL, apply_time timestamptz NOT NULL DEFAULT now())"
                ).format(_table(schema))
            )
        for script in missing:
            await _run(connection, script)
            await connection.execute(
                sql.SQL("INSERT INTO {} (number, name, sha256) VALUES (%s, %s, %s)").format(_table(schema)),
                (int(script.name[:4]), script.name, script.sha256),
            )
    finally:
        connection.patience_s = patience
    return [script.name for script in missing]


async def _run(connection: Connection, script: Script) -> None:
    try:
        await connection.execute(script.statements)
    except RaiseException as error:
        vi, en = error.diag.message_primary or str(error), error.diag.message_detail or str(error)
        raise Unavailable(vi, en) from error


def _table(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, "migration")
