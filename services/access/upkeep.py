"""What is done about users by itself: the first ones come from a file, what is over is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from ngoclinh.access.v1.user_pb2 import User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role

from services.access.names import NAME
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import InvalidField
from services.core.ports import AccessLedger
from services.core.sections.doors import AuthSettings

FORGET_S = 3600.0
"""Seconds between two looks at what is over."""


def first_users(path: Path) -> dict[str, str]:
    """Hash by name of the users in a file with a line `name:hash` each.

    Raises:
        InvalidField: it cannot be read, or a line has another form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField("gateway.users_file", f"không đọc được {path}", f"{path} cannot be read") from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not NAME.fullmatch(name) or not hashed.startswith(("scrypt$", "$argon2id$")):
            raise InvalidField(
                "gateway.users_file", f"dòng {number} không phải “tên:hash”", f"line {number} is not 'name:hash'"
            )
        users[name] = hashed
    return users


async def add(ledger: AccessLedger, users: Mapping[str, str], clock: Clock = utc_now) -> None:
    """Add users, as administrators, whom the ledger does not know."""
    now = to_timestamp(clock())
    for name, hashed in users.items():
        if await ledger.user(f"users/{name}") is None:
            user = User(name=f"users/{name}", roles=[Role.ROLE_ADMIN], create_time=now, update_time=now)
            await ledger.put_user(UserRecord(user=user, password_hash=hashed))


async def forget(ledger: AccessLedger, settings: AuthSettings, clock: Clock = utc_now) -> None:
    """Forget audit entries after their time, and sessions that have long been over."""
    now = clock()
    await ledger.drop_audit(now - timedelta(days=settings.audit_days))
    await ledger.drop_sessions(now - timedelta(hours=settings.session_hours + 24))
