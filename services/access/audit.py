"""The audit log: every write and every look at personal data, with who, when, from where, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from ngoclinh.access.v1.user_pb2 import AuditEntry
from ngoclinh.type.v1.access_pb2 import Role

from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import NgocLinhError
from services.core.log import get_logger
from services.core.ports import AccessLedger
from services.rpc import methods
from services.rpc import status as rpc_status
from services.rpc.caller import PROGRAM, Caller, present
from services.rpc.interceptors import Call

SIGN_IN, SIGN_OUT = "gateway/SignIn", "gateway/SignOut"
"""What the doors of the gateway are called in the log."""
_NAMES = ("name", "sha256", "url", "watch_area_id", "source_id")
"""Fields of requests that name a resource."""
_log = get_logger(__name__)


class Audit:
    """Keeps entries in the ledger.

    Args:
        ledger: where.
        clock: the present moment.
    """

    def __init__(self, ledger: AccessLedger, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._clock = clock
        every = {methods.path(method): method for method in methods.methods()}
        self._audited = frozenset(path for path, each in every.items() if methods.access(each).audited)
        self._writes = frozenset(path for path, each in every.items() if is_write(each))

    @asynccontextmanager
    async def stage(self, call: Call) -> AsyncIterator[None]:
        """Around a call: keeps an entry of it where it writes, shows personal data, or says a purpose."""
        outcome = "OK"
        try:
            yield
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            who = present.get() or PROGRAM
            first_page = not getattr(call.request, "page_token", "")
            if call.method in self._writes or (first_page and (call.method in self._audited or who.purpose)):
                await self.keep(who, call.method[1:], _resource(call.request), outcome, call.request_id)

    async def keep(self, who: Caller, method: str, resource: str, outcome: str, request_id: str) -> None:
        """Keep one entry; where the ledger does not take it, it stands in the log, and what was done stays done."""
        entry = AuditEntry(
            time=to_timestamp(self._clock()), user=who.user, address=who.address, method=method,
            resource=resource[:200], outcome=outcome, request_id=request_id, purpose=who.purpose,
        )  # fmt: skip
        try:
            await self._ledger.append_audit(entry)
        except NgocLinhError as error:
            facts = {"user": who.user, "address": who.address, "method": method, "resource": resource[:200]}
            _log.error("audit entry not kept", why=error.reason, outcome=outcome, **facts)


def is_write(method: MethodDescriptor) -> bool:
    """Does a method change something? What is not marked as a read does."""
    return not methods.repeatable(method) and methods.access(method).role != Role.ROLE_VIEWER


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
