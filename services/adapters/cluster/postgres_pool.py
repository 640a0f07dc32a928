"""Connections to one PostgreSQL database: opened when they are needed, each call bounded, the password read from a file.

A pool that opens connections in the background can say only that none came in time. This one connects in the call that
needs a connection, so that the call tells at once what is wrong, and works again as soon as the server does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown

from services.core.errors import InvalidField, Overloaded, Unavailable
from services.core.sections.stores import PostgresSettings

_WRAPPING = re.compile(r"^connection failed: (connection to server .* failed: )?(FATAL:\s+)?")
"""What libpq says before the reason; the address is told in our own words."""
IDLE_S = 300.0
"""Seconds after which a connection that was not used is closed, when another one comes back."""
GRACE_S = 5.0
"""Seconds beyond the server's own limit of a statement after which the line is cut."""
CANCEL_S = 2.0
"""Seconds in which the server must take it that a call was given up; else the line is cut."""


class _Text(StrDumperUnknown):
    """Text as PostgreSQL takes it: it knows no NUL, which U+FFFD stands for instead."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class _CopiedText(StrBinaryDumper):
    """The same in binary COPY."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class Connection(psycopg.AsyncConnection[Any]):
    """A connection on which no wait lasts for ever, also where the server holds the line and says nothing."""

    patience_s: float = 60.0
    """Longest wait for an answer, in seconds."""
    idle_since = 0.0
    """When it was last put back, in seconds of the monotonic clock."""

    async def wait(self, *args: Any, **options: Any) -> Any:
        """Wait for the server; where no answer comes the line is cut, which ends the wait with an OperationalError."""
        timer = asyncio.get_running_loop().call_later(self.patience_s, self._cut)
        try:
            return await super().wait(*args, **options)
        finally:
            timer.cancel()

    async def cancel_safe(self, *, timeout: float = CANCEL_S) -> None:  # noqa: ASYNC109  (as psycopg declares it)
        """Have the server give up the statement; where it does not listen the line is cut, which ends the wait for it."""
        try:
            await super().cancel_safe(timeout=min(timeout, CANCEL_S))
        except psycopg.Error:
            self._cut()
            raise

    def _cut(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError), socket.fromfd(self.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
                line.shutdown(socket.SHUT_RDWR)


class Pool:
    """At most `max_connections` connections whose unqualified names belong to one schema.

    Args:
        settings: address, password file, limits.
        schema: what tables belong to; names of extensions are looked up in `public` besides.

    Raises:
        InvalidField: the address cannot be read, or holds a password.
    """

    def __init__(self, settings: PostgresSettings, schema: str) -> None:
        self._settings = settings
        self._parameters = _parameters(settings, schema)
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._idle: list[Connection] = []
        self.closed = False
        self.address = _address(self._parameters)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside of a transaction; one that comes back in the midst of something is closed.

        Raises:
            Unavailable: the server cannot be reached, or refuses.
            Overloaded: all connections stayed busy.
        """
        try:
            async with asyncio.timeout(self._settings.statement_timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise Overloaded(
                f"Mọi kết nối tới PostgreSQL tại {self.address} đều bận; hãy thử lại sau.",
                f"All connections to PostgreSQL at {self.address} are busy; try again later.",
            ) from None
        try:
            connection = await self._take()
            try:
                yield connection
            finally:
                await self._put_back(connection)
        finally:
            self._slots.release()

    async def forget(self) -> None:
        """Close the connections that nobody uses: the server that they led to is gone."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def close(self) -> None:
        """Close all connections that nobody uses, and the others when they come back."""
        self.closed = True
        await self.forget()

    def unavailable(self, error: Exception) -> Unavailable:
        """What a failure of server or line is to a caller: where, why, what to do."""
        told = (str(error).strip() or type(error).__name__).splitlines()[0].removesuffix(".")
        reason = _WRAPPING.sub("", told)
        if "password" in reason or "authentication" in reason:
            vi = "Hãy kiểm tra tên người dùng trong postgres.url và postgres.password_file."
            en = "Check the user in postgres.url, and postgres.password_file."
        else:
            vi = "Hãy kiểm tra máy chủ và postgres.url; việc sẽ tiếp tục khi máy chủ trả lời."
            en = "Check the server and postgres.url; work goes on when the server answers."
        return Unavailable(
            f"Không dùng được PostgreSQL tại {self.address}: {reason}. {vi}",
            f"PostgreSQL at {self.address} cannot be used: {reason}. {en}",
            {"address": self.address},
        )

    async def _take(self) -> Connection:
        if self.closed:
            raise self.unavailable(Exception("the store is closed"))
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        try:
            parameters = self._parameters | await asyncio.to_thread(self._password)
            connection = await Connection.connect(**parameters, autocommit=True)
        except (psycopg.OperationalError, OSError) as error:
            raise self.unavailable(error) from error
        connection.patience_s = self._settings.statement_timeout_s + GRACE_S
        for dumper in (_CopiedText, _Text):
            connection.adapters.register_dumper(str, dumper)
        return connection

    async def _put_back(self, connection: Connection) -> None:
        if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE and not self.closed:
            connection.idle_since = now = time.monotonic()
            self._idle.append(connection)
            while now - self._idle[0].idle_since > IDLE_S:
                await self._idle.pop(0).close()
        else:
            await connection.close()

    def _password(self) -> dict[str, str]:
        """Read for every connection, so that a new password counts at once."""
        file = self._settings.password_file
        return {} if file is None else {"password": file.read_text(encoding="utf-8").strip()}


def _parameters(settings: PostgresSettings, schema: str) -> dict[str, Any]:
    """Parameters of libpq: those of the address, and those that the stores rely on."""
    try:
        given = conninfo_to_dict(settings.url)
    except psycopg.ProgrammingError as error:
        why = str(error).strip()
        raise InvalidField("postgres.url", f"không đọc được địa chỉ: {why}", f"cannot be read: {why}") from error
    if "password" in given:
        raise InvalidField(
            "postgres.url",
            "không được chứa mật khẩu; hãy dùng postgres.password_file",
            "must not hold a password; use postgres.password_file",
        )
    milliseconds = int(1000 * settings.statement_timeout_s)
    options = (
        f"-c search_path={schema},public -c synchronous_commit=on -c timezone=UTC -c statement_timeout={milliseconds} "
        f"-c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout={2 * milliseconds}"
    )
    return {
        "application_name": f"ngoclinh-{schema}",
        "connect_timeout": max(2, round(settings.connect_timeout_s)),
        "keepalives_idle": 30,
        **given,
        "options": f"{given.get('options', '')} {options}".strip(),
    }


def _address(parameters: dict[str, Any]) -> str:
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "localhost").split(",")
    ports = str(parameters.get("port") or 5432).split(",")
    places = [f"{host}:{ports[min(number, len(ports) - 1)]}" for number, host in enumerate(hosts)]
    return f"{','.join(places)}/{parameters.get('dbname', '')}".rstrip("/")
