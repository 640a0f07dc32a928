"""AccessService: users, one's own password, the audit log."""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.empty_pb2 import Empty
from ngoclinh.access.v1.access_service_pb2 import (
    ChangePasswordRequest,
    CreateUserRequest,
    EndSessionsRequest,
    GetMeRequest,
    ListAuditEntriesRequest,
    ListAuditEntriesResponse,
    ListUsersRequest,
    ListUsersResponse,
    Me,
    NewPassword,
    ResetPasswordRequest,
    UpdateUserRequest,
)
from ngoclinh.access.v1.access_service_pb2_grpc import AccessServiceServicer
from ngoclinh.access.v1.user_pb2 import User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role, Scope

from services.access import passwords
from services.access.names import NAME
from services.access.throttle import Lockout
from services.core import paging
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import Conflict, Forbidden, InvalidField, NotFound
from services.core.ports import AccessLedger
from services.core.sections.doors import AuthSettings
from services.rpc import methods
from services.rpc.caller import LOCAL_USER, PROGRAM, Caller, present

CHANGEABLE = ("title", "roles", "watch_areas", "disabled")
"""What UpdateUser changes."""


class AccessServicer(AccessServiceServicer):
    """Answers from the ledger.

    Args:
        ledger: users, sessions, the audit log.
        settings: how many wrong passwords are taken.
        clock: the present moment.
    """

    def __init__(self, ledger: AccessLedger, settings: AuthSettings, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lockout = Lockout(settings.lockout_failures, 60 * settings.lockout_minutes)
        self._one = asyncio.Lock()

    async def GetMe(self, request: GetMeRequest, context: Any) -> Me:
        """Who calls, and what they may do."""
        who = present.get()
        known = await self._ledger.user(f"users/{who.user}") if who is not None else None
        user = known.user if known is not None else User()
        if who is not None:
            user.name = f"users/{who.user}"
            user.password_change_required = who.roles == {Role.ROLE_SIGNED_IN}
            del user.roles[:], user.watch_areas[:]
            user.roles.extend(sorted(who.roles))  # type: ignore[arg-type]
            user.watch_areas.extend(sorted(who.watch_areas))
        return Me(user=user, methods=_allowed(who or PROGRAM))

    async def ChangePassword(self, request: ChangePasswordRequest, context: Any) -> Empty:
        """Set one's own password; all sessions of the user end."""
        who = present.get()
        record = await self._ledger.user(f"users/{who.user}") if who is not None else None
        if record is None:
            raise Forbidden(
                "Mật khẩu của người dùng này không do Ngọc Linh giữ.", "The password of this user is not kept here."
            )
        async with self._one:  # who holds a session guesses no more often than who signs in
            self._lockout.require_open(record.user.name)
            if not await asyncio.to_thread(passwords.matches, request.old_password, record.password_hash):
                self._lockout.failed(record.user.name)
                raise InvalidField("old_password", "không đúng", "is wrong")
            self._lockout.succeeded(record.user.name)
        if request.new_password == request.old_password:
            raise InvalidField("new_password", "phải khác mật khẩu cũ", "must differ from the old one")
        passwords.require_good(request.new_password, record.user.name.removeprefix("users/"), "new_password")
        await self._set_password(record, request.new_password, must_change=False)
        return Empty()

    async def ListUsers(self, request: ListUsersRequest, context: Any) -> ListUsersResponse:
        """The users in the order of their names."""
        after = paging.decode_token("users", None, request.page_token)
        size = paging.page_size(request.page_size, 100, 1000)
        rest = [one.user for one in await self._ledger.users() if after is None or one.user.name > str(after[0])]
        token = paging.encode_token("users", None, [rest[size - 1].name]) if len(rest) > size else ""
        return ListUsersResponse(users=rest[:size], next_page_token=token)

    async def CreateUser(self, request: CreateUserRequest, context: Any) -> NewPassword:
        """Add a user with a made password."""
        given = request.user
        if not given.name.startswith("users/") or not NAME.fullmatch(given.name.removeprefix("users/")):
            raise InvalidField(
                "user.name",
                "gồm users/ và a-z, 0-9, dấu chấm, gạch; ví dụ: users/hoa.tran",
                "is users/ and small letters, digits, dots, dashes; example: users/hoa.tran",
            )
        if given.name == f"users/{LOCAL_USER}":  # in the audit log this is the program itself
            raise InvalidField("user.name", "tên này dành cho chương trình", "is the name of the program itself")
        if not given.roles:
            raise InvalidField("user.roles", "cần ít nhất một vai trò", "needs one role at least")
        if await self._ledger.user(given.name) is not None:
            raise Conflict(f"Đã có {given.name}.", f"{given.name} exists already.")
        record = UserRecord(user=User(name=given.name, create_time=to_timestamp(self._clock())))
        _change(record.user, given, CHANGEABLE)
        return await self._give_password(record)

    async def UpdateUser(self, request: UpdateUserRequest, context: Any) -> User:
        """Change a user; one who may no longer sign in is signed out."""
        record = await self._record(request.user.name)
        paths = list(request.update_mask.paths) or list(CHANGEABLE)
        unknown = next((path for path in paths if path not in CHANGEABLE), None)
        if unknown is not None:
            raise InvalidField("update_mask", f"không đổi được {unknown[:80]}", f"{unknown[:80]} cannot be changed")
        _change(record.user, request.user, paths)
        await self._require_admin_left(record.user)
        record.user.update_time.CopyFrom(to_timestamp(self._clock()))
        await self._ledger.put_user(record)
        if record.user.disabled:
            await self._ledger.end_sessions(record.user.name)
        return record.user

    async def ResetPassword(self, request: ResetPasswordRequest, context: Any) -> NewPassword:
        """Give a user a made password; all sessions of the user end."""
        return await self._give_password(await self._record(request.name))

    async def EndSessions(self, request: EndSessionsRequest, context: Any) -> Empty:
        """End all sessions of a user, also of one whom an identity provider knows."""
        await self._ledger.end_sessions(request.name)
        return Empty()

    async def ListAuditEntries(self, request: ListAuditEntriesRequest, context: Any) -> ListAuditEntriesResponse:
        """What was done, newest first."""
        after = paging.decode_token("audit", request.filter, request.page_token)
        size = paging.page_size(request.page_size, 100, 1000)
        page = await self._ledger.audit_entries(request.filter, size, after)
        token = paging.encode_token("audit", request.filter, page.next_key) if page.next_key else ""
        return ListAuditEntriesResponse(entries=page.entries, next_page_token=token)

    async def _record(self, name: str) -> UserRecord:
        record = await self._ledger.user(name)
        if record is None:
            raise NotFound(name)
        return record

    async def _give_password(self, record: UserRecord) -> NewPassword:
        password = passwords.made()
        await self._set_password(record, password, must_change=True)
        return NewPassword(user=record.user, password=password)

    async def _set_password(self, record: UserRecord, password: str, must_change: bool) -> None:
        record.password_hash = await asyncio.to_thread(passwords.hash_password, password)
        record.user.password_change_required = must_change
        now = to_timestamp(self._clock())
        for time in (record.user.update_time, record.user.password_time):
            time.CopyFrom(now)
        await self._ledger.put_user(record)
        await self._ledger.end_sessions(record.user.name)

    async def _require_admin_left(self, changed: User) -> None:
        """An office without an administrator could not let anybody in again from the dashboard."""
        users = [each.user for each in await self._ledger.users() if each.user.name != changed.name]
        if not any(_is_admin(user) for user in (*users, changed)):
            raise Conflict(
                "Phải còn ít nhất một quản trị viên không bị khóa và không giới hạn địa bàn.",
                "One administrator has to remain who may sign in and see all watch areas.",
            )


def _is_admin(user: User) -> bool:
    return Role.ROLE_ADMIN in user.roles and not user.disabled and not user.watch_areas


def _change(user: User, given: User, paths: Any) -> None:
    for path in paths:
        value = getattr(given, path)
        if path in ("roles", "watch_areas"):
            del getattr(user, path)[:]
            getattr(user, path).extend(value)
        else:
            setattr(user, path, value)


def _allowed(who: Caller) -> list[str]:
    """Methods that somebody may call."""
    rules = [(methods.path(each)[1:], methods.access(each)) for each in methods.methods()]
    return [
        path
        for path, rule in rules
        if who.may(rule.role) and not (who.watch_areas and rule.scope == Scope.SCOPE_OFFICE)
    ]
