"""Who is it: by name and password, by the session of a browser, by a token of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from ngoclinh.access.v1.user_pb2 import Session, User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role

from services.access import passwords
from services.access.names import NAME
from services.access.provider import Provider
from services.access.throttle import Bucket, Lockout
from services.access.tokens import Tokens
from services.access.upkeep import add
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.config import Settings
from services.core.errors import DeadlineExceeded, Expired, NotFound, Unauthenticated, Unavailable
from services.core.ports import AccessLedger
from services.rpc.address import is_loopback
from services.rpc.caller import Caller
from services.rpc.deadline import promptly

K = TypeVar("K")
V = TypeVar("V")
KEEP_S = 5.0
"""Seconds for which an answer of the ledger is believed: so long a session lives on after it was ended elsewhere."""
LEDGER_S = 10.0
"""Seconds in which the ledger must say who somebody is: a part of the deadline of their call."""
SIGN_IN_S = 7.0
"""Seconds in which a session begins or ends; with its entry in the audit log it takes 10 at most."""
LEAVE_S = 3.0
"""Seconds in which the provider has to say where one signs out there; else the browser stays here."""
PROVEN_S = 300.0
"""Seconds for which a proven password is believed without a new hash, while the user stays the same."""
TOUCH_S = 60.0
"""Seconds between two notes that a session is in use."""
MOST_KEPT = 10_000


class SignIn:
    """The one place that knows who somebody is.

    Args:
        ledger: users and sessions.
        settings: addresses, limits, the identity provider.
        first: hash by name of users who are added before the first question, where the ledger does not know them.
        clock: the present moment.
    """

    def __init__(
        self, ledger: AccessLedger, settings: Settings, first: Mapping[str, str] | None = None, clock: Clock = utc_now
    ) -> None:
        self._first = first or {}
        self._ledger = ledger
        self._settings = settings.auth
        self._clock = clock
        self._tokens = Tokens(settings.auth.tokens) if settings.auth.tokens.issuer else None
        self._provider = Provider(settings.auth) if settings.auth.provider.issuer else None
        self._inside = is_loopback(settings.gateway.host) and is_loopback(settings.grpc.host)
        self._lockout = Lockout(settings.auth.lockout_failures, 60 * settings.auth.lockout_minutes)
        self._tries = Bucket(settings.auth.sign_ins_per_minute / 60, settings.auth.sign_ins_per_minute)
        self._calls = Bucket(settings.auth.calls_per_second, settings.auth.calls_at_once)
        self._one = asyncio.Lock()
        self._open: tuple[float, bool] = (-1e9, False)
        self._proven: dict[bytes, tuple[float, str, str]] = {}
        self._sessions: dict[str, tuple[float, Caller]] = {}

    async def is_open(self) -> bool:
        """Are the doors open to this machine: nobody else reaches them, and there is neither user nor provider?

        While the ledger does not answer, they stay as they were last.
        """
        if self._first:
            await _soon(add(self._ledger, self._first, self._clock))
            self._first = {}
        if not self._inside or self._tokens is not None or self._provider is not None:
            return False
        when, found = self._open
        if time.monotonic() - when > KEEP_S:
            try:
                found = not await _soon(self._ledger.users())
            except (Unavailable, DeadlineExceeded):
                if when < 0:  # never answered yet: nobody is let in on a guess
                    raise
            self._open = time.monotonic(), found
        return found

    async def by_authorization(self, authorization: str, address: str) -> Caller | None:
        """Who a header or metadata `authorization` names; None where the doors are open.

        Raises:
            Unauthenticated: nobody that is known.
            Overloaded: too many failures, or too many calls.
        """
        if await self.is_open():
            return None
        scheme, _, given = authorization.strip().partition(" ")
        if scheme.lower() == "bearer" and self._tokens is not None:
            found = await self._tokens.caller(given.strip(), address)
        elif scheme.lower() == "basic":
            found = await self._by_basic(given.strip(), address)
        else:
            self._calls.take(address)
            raise Unauthenticated
        self._calls.take(found.user)
        return found

    async def by_session(self, token: str, address: str) -> Caller:
        """Who a session belongs to.

        Raises:
            Expired: it has ended: by time, by signing out, by a new password.
            Overloaded: too many calls.
        """
        digest = _digest(token)
        when, found = self._sessions.get(digest, (-1e9, None))
        if found is None or time.monotonic() - when > KEEP_S:
            found = await _soon(self._look_up(digest, address))
            _keep(self._sessions, digest, (time.monotonic(), found))
        self._calls.take(found.user)
        return replace(found, address=address)

    def require_calm(self, address: str) -> None:
        """Count a try to sign in.

        Raises:
            Overloaded: too many from one address.
        """
        self._tries.take(address)

    async def sign_in(self, name: str, password: str, address: str) -> tuple[str, User]:
        """Begin a session; returns its token, which is kept by the browser only, and the user.

        Raises:
            Unauthenticated: name and password do not fit.
            Overloaded: too many failures.
            Unavailable: the ledger does not answer.
        """
        return await _in_time(self._signed_in(name, password, address))

    async def _signed_in(self, name: str, password: str, address: str) -> tuple[str, User]:
        record = await self._prove(name, password)
        return await self._begun(Session(user=record.user.name, address=address)), record.user

    def ways(self) -> tuple[bool, str]:
        """The ways to sign in on a page: with a password, and the title of the identity provider, "" for none."""
        own = self._settings.provider
        return self._settings.local_sign_in, (own.title or own.client_id) if self._provider is not None else ""

    async def go_to_provider(self) -> tuple[str, str]:
        """Where a browser goes to sign in at the provider, and what it has to hold meanwhile.

        Raises:
            NotFound: there is none.
            Unavailable: it does not answer.
        """
        if self._provider is None:
            raise NotFound("auth.provider")
        return await _in_time(self._provider.begin())

    async def come_back(self, held: str, state: str, code: str, address: str) -> tuple[str, User]:
        """Begin a session for who comes back from the provider; raises as `Provider.end`."""
        if self._provider is None:
            raise NotFound("auth.provider")
        return await _in_time(self._come_back(self._provider, held, state, code, address))

    async def _come_back(self, provider: Provider, held: str, state: str, code: str, address: str) -> tuple[str, User]:
        who = await provider.end(held, state, code, address)
        user = User(name=f"users/{who.user}", roles=sorted(who.roles), watch_areas=sorted(who.watch_areas))  # type: ignore[arg-type]
        session = Session(user=user.name, address=address, issuer=self._settings.provider.issuer, provided=user)
        return await self._begun(session), user

    async def _begun(self, session: Session) -> str:
        """Keep a new session; returns its token."""
        token, now = secrets.token_urlsafe(32), to_timestamp(self._clock())
        session.digest = _digest(token)
        session.start_time.CopyFrom(now)
        session.use_time.CopyFrom(now)
        await self._ledger.put_session(session)
        return token

    async def sign_out(self, token: str) -> tuple[str, str, str]:
        """End a session; returns whose it was, where the browser goes on to, and what it has to hold meanwhile.

        The browser goes on to the provider that knows the user, where it says how one signs out there; else "".

        Raises:
            Unavailable: the ledger does not answer.
        """
        session = await _in_time(self._ended(_digest(token)))
        name = session.user.removeprefix("users/") if session is not None else ""
        if session is None or self._provider is None or session.issuer != self._settings.provider.issuer:
            return name, "", ""
        try:
            return name, *await promptly(LEAVE_S, self._provider.leave())
        except (Unavailable, DeadlineExceeded):
            return name, "", ""

    async def _ended(self, digest: str) -> Session | None:
        self._sessions.pop(digest, None)
        session = await self._ledger.session(digest)
        await self._ledger.end_session(digest)
        return session

    async def _by_basic(self, given: str, address: str) -> Caller:
        try:
            name, _, password = base64.b64decode(given, validate=True).decode("utf-8").partition(":")
        except ValueError as error:
            raise Unauthenticated from error
        key = hashlib.sha256(given.encode()).digest()
        when, hashed, known = self._proven.get(key, (-1e9, "", ""))
        record = await _soon(self._ledger.user(f"users/{known}")) if time.monotonic() - when < PROVEN_S else None
        if record is None or record.user.disabled or record.password_hash != hashed:
            self._tries.take(address)
            record = await self._prove(name, password)
            _keep(self._proven, key, (time.monotonic(), record.password_hash, name))
        return _caller(record.user, address)

    async def _prove(self, name: str, password: str) -> UserRecord:
        if not self._settings.local_sign_in:
            raise Unauthenticated("Ở đây không đăng nhập bằng mật khẩu.", "Passwords are not taken here.")
        self._lockout.require_open(name)
        record = await _soon(self._ledger.user(f"users/{name}")) if NAME.fullmatch(name) else None
        hashed = record.password_hash if record is not None else await asyncio.to_thread(passwords.dummy)
        async with self._one:
            self._lockout.require_open(name)
            right = await asyncio.to_thread(passwords.matches, password[: passwords.MAX_LENGTH], hashed)
            if record is None or not right or record.user.disabled:
                self._lockout.failed(name)
                raise Unauthenticated("Sai tên người dùng hoặc mật khẩu.", "Wrong user name or password.")
            self._lockout.succeeded(name)
            if passwords.is_outdated(hashed):
                record.password_hash = await asyncio.to_thread(passwords.hash_password, password)
                await _soon(self._ledger.put_user(record))
        return record

    async def _look_up(self, digest: str, address: str) -> Caller:
        session = await self._ledger.session(digest)
        if session is None:
            raise Expired
        user = await self._user_of(session)
        now = self._clock()
        began, used = (each.ToDatetime(tzinfo=now.tzinfo) for each in (session.start_time, session.use_time))
        idle, longest = self._settings.session_idle_minutes, self._settings.session_hours
        over = now - used > timedelta(minutes=idle) or now - began > timedelta(hours=longest)
        if over or user is None or user.disabled:
            await self._ledger.end_session(digest)
            raise Expired
        if (now - used).total_seconds() > TOUCH_S:
            session.use_time.CopyFrom(to_timestamp(now))
            await self._ledger.put_session(session)
        return _caller(user, address)

    async def _user_of(self, session: Session) -> User | None:
        """Whose session it is: as the provider said, where it is the one that is asked now, else as the ledger says."""
        if session.issuer:
            return session.provided if session.issuer == self._settings.provider.issuer else None
        record = await self._ledger.user(session.user)
        return record.user if record is not None else None


def _caller(user: User, address: str) -> Caller:
    roles = {Role.ROLE_SIGNED_IN} if user.password_change_required else {*user.roles}
    return Caller(user.name.removeprefix("users/"), frozenset(roles), frozenset(user.watch_areas), address)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _soon(asked: Coroutine[Any, Any, V]) -> V:
    """What the ledger answers; DeadlineExceeded where it does not in time."""
    return await promptly(LEDGER_S, asked)


async def _in_time(work: Coroutine[Any, Any, V]) -> V:
    """What signing in or out comes to; Unavailable where it does not in time, whatever keeps it."""
    try:
        return await promptly(SIGN_IN_S, work)
    except DeadlineExceeded:
        raise Unavailable(
            "Sổ cái hoặc nơi cấp danh tính chưa trả lời; hãy thử lại sau.",
            "The ledger or the identity provider does not answer; try again later.",
        ) from None


def _keep(table: dict[K, V], key: K, value: V) -> None:
    """Remember a value, but never more than some of them."""
    if len(table) >= MOST_KEPT:
        table.clear()
    table[key] = value
