"""The audit log: every write and every look at personal data, with who, when, from where, and what came of it.

Nothing is shown whose look could not be kept. A write has happened when it is told of: where the ledger does not take its
entry soon, the entry waits in a file of the data folder and goes to the ledger later, so that the answer need not wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry
from ngoclinh.type.v1.access_pb2 import Role

from services.access.spool import NAME, Spool
from services.core.clock import Clock, to_datetime, to_timestamp, utc_now
from services.core.errors import DeadlineExceeded, NgocLinhError, Unavailable
from services.core.log import get_logger
from services.core.metrics import AUDIT_LATE
from services.core.ports import AccessLedger
from services.rpc import methods
from services.rpc import status as rpc_status
from services.rpc.caller import PROGRAM, Caller, present
from services.rpc.deadline import promptly
from services.rpc.interceptors import Call

KEEP_S = 3.0
"""Seconds in which the ledger has to take an entry: no answer waits longer for it."""
AGAIN_S = 5.0
"""Seconds between two looks at the entries that wait, and for which a ledger that took none in time is not asked again."""
_TOGETHER = 500
"""Entries that are read from the file at once."""
_NAMES = ("name", "sha256", "url", "watch_area_id", "source_id")
"""Fields of requests that name a resource."""
_log = get_logger(__name__)


class Audit:
    """Keeps entries in the ledger.

    Args:
        ledger: where.
        folder: where entries wait that the ledger does not take.
        clock: the present moment.
    """

    def __init__(self, ledger: AccessLedger, folder: Path, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._spool = Spool(folder / NAME)
        self._clock = clock
        self._silent_until = -1e9
        self._busy: set[asyncio.Task[None]] = set()
        every = {methods.path(method): method for method in methods.methods()}
        self._audited = frozenset(path for path, each in every.items() if methods.access(each).audited)
        self._writes = frozenset(path for path, each in every.items() if is_write(each))

    @asynccontextmanager
    async def stage(self, call: Call) -> AsyncIterator[None]:
        """Around a call: keeps an entry of it where it writes, shows personal data, or says a purpose."""
        outcome, shown = "OK", False

        async def show() -> None:
            nonlocal shown
            if call.method not in self._writes and self._is_look(call):
                await self._show(self._entry(*_facts(call, "OK")))
                shown = True

        call.before_answer = show
        try:
            yield
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            if not shown and (call.method in self._writes or self._is_look(call)):
                await self.keep(*_facts(call, outcome))

    async def keep(self, who: Caller, method: str, resource: str, outcome: str, request_id: str) -> None:
        """Keep an entry of what was done; whoever waits for this may be cancelled, the entry is kept all the same.

        Where the ledger does not take it within `KEEP_S` seconds, or took none lately, it waits in the file; where that
        cannot be written either, it stands in the log.
        """
        await self._surely(self._keep(self._entry(who, method, resource, outcome, request_id)))

    async def keep_up(self) -> None:
        """Bring entries that wait to the ledger, until cancelled."""
        while True:
            if await asyncio.to_thread(self._spool.waits):
                try:
                    await self.catch_up()
                except Exception as error:
                    _log.warning("audit entries wait", why=str(error))
            await asyncio.sleep(AGAIN_S)

    async def catch_up(self) -> None:
        """Bring what waits to the ledger, the oldest first; one that it has already is not kept twice.

        Raises:
            NgocLinhError: the ledger does not take an entry; it waits on, with all after it.
            OSError: the file cannot be read or written.
        """
        # A write of nothing: SQLite does it after those that were given up and are still on their way.
        await promptly(KEEP_S, self._ledger.end_session(""))
        while True:
            entries, lines = await asyncio.to_thread(self._spool.first, _TOGETHER)
            if not lines:
                return
            for entry in entries:
                if not await promptly(KEEP_S, self._has(entry)):
                    await promptly(KEEP_S, self._ledger.append_audit(entry))
            await asyncio.to_thread(self._spool.drop, lines)
            _log.info("audit entries that waited are kept", count=len(entries))

    async def close(self) -> None:
        """Wait for entries that are being kept."""
        await asyncio.gather(*self._busy, return_exceptions=True)

    def _entry(self, who: Caller, method: str, resource: str, outcome: str, request_id: str) -> AuditEntry:
        return AuditEntry(
            time=to_timestamp(self._clock()), user=who.user, address=who.address, method=method,
            resource=resource[:200], outcome=outcome, request_id=request_id, purpose=who.purpose,
        )  # fmt: skip

    def _is_look(self, call: Call) -> bool:
        """Is it something that is kept in the log when it is looked at?

        Of an export the first page stands for all: the gateway asks for the others by the tokens that it was given. Whoever
        looks without one may have made a token, so that each page counts.
        """
        who = present.get() or PROGRAM
        if who.purpose:
            return not getattr(call.request, "page_token", "")
        return call.method in self._audited

    async def _surely(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        await asyncio.shield(task)

    async def _show(self, entry: AuditEntry) -> None:
        """Keep an entry of what is about to be shown.

        Raises:
            Unavailable: the ledger does not take it.
        """
        try:
            await self._append(entry)
        except NgocLinhError as error:
            AUDIT_LATE.labels("refused").inc()
            raise Unavailable(
                "Chưa ghi được lượt xem này vào nhật ký kiểm toán nên chưa hiển thị; hãy thử lại sau.",
                "This look cannot be kept in the audit log, so nothing is shown; try again later.",
            ) from error

    async def _keep(self, entry: AuditEntry) -> None:
        try:
            await self._append(entry)
            return
        except NgocLinhError as error:
            why = error.en
        facts = {"user": entry.user, "address": entry.address, "method": entry.method, "resource": entry.resource}
        try:
            await asyncio.to_thread(self._spool.put, entry)
        except (NgocLinhError, OSError) as error:
            AUDIT_LATE.labels("lost").inc()
            _log.error("audit entry not kept", why=f"{why} {error}", outcome=entry.outcome, **facts)
        else:
            AUDIT_LATE.labels("waiting").inc()
            _log.warning("audit entry waits for the ledger", why=why, outcome=entry.outcome, **facts)

    async def _append(self, entry: AuditEntry) -> None:
        """Have the ledger keep an entry; one that took none in time is not asked again for a while.

        Raises:
            NgocLinhError: it does not take it.
        """
        if time.monotonic() < self._silent_until:
            raise DeadlineExceeded
        try:
            await promptly(KEEP_S, self._ledger.append_audit(entry))
        except NgocLinhError:
            self._silent_until = time.monotonic() + AGAIN_S
            raise

    async def _has(self, entry: AuditEntry) -> bool:
        """Has the ledger an entry already? It may have taken it after it was given up."""
        begin = to_datetime(entry.time)
        near = AuditFilter(user=entry.user, method=entry.method)
        near.start_time.CopyFrom(to_timestamp(begin))
        near.end_time.CopyFrom(to_timestamp(begin + timedelta(microseconds=1)))
        found = (await self._ledger.audit_entries(near, _TOGETHER)).entries
        for one in found:
            one.ClearField("name")
        return entry in found


def is_write(method: MethodDescriptor) -> bool:
    """Does a method change something? What is not marked as a read does."""
    return not methods.repeatable(method) and methods.access(method).role != Role.ROLE_VIEWER


def _facts(call: Call, outcome: str) -> tuple[Caller, str, str, str, str]:
    """What `keep` takes of a call."""
    return present.get() or PROGRAM, call.method[1:], _resource(call.request), outcome, call.request_id


def _outcome(error: BaseException) -> str:
    if isinstance(error, Exception):
        return rpc_status.reason(rpc_status.from_error(error)) or "INTERNAL"
    return "CANCELLED"


def _resource(request: object) -> str:
    """What a request is about, where it names it; of a stream nothing."""
    if not isinstance(request, Message):
        return ""
    for field, value in request.ListFields():
        if field.name in _NAMES and isinstance(value, str):
            return value
        if isinstance(value, Message) and "name" in value.DESCRIPTOR.fields_by_name and value.name:  # type: ignore[attr-defined]
            return str(value.name)  # type: ignore[attr-defined]
    return ""
