"""The users of an office that opens the gateway beyond one machine: a file with one line for each, `name:hash`.

A hash is ``scrypt$<salt>$<key>`` in base64; passwords themselves are nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path

from services.core.errors import InvalidField

KEEP_S = 300.0
"""Seconds for which a proven header is believed without a new hash."""

NAME = re.compile(r"[a-z0-9._-]{1,64}")
"""What a user may be called: names travel in metadata, which are ASCII."""

MIN_PASSWORD = 12
"""Fewest characters of a password: it guards personal data against everybody who reaches the port."""

_COST = {"n": 2**14, "r": 8, "p": 1}


def hash_password(password: str) -> str:
    """The hash of a password with a fresh salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_b64(salt)}${_b64(_key(password, salt))}"


def matches(password: str, hashed: str) -> bool:
    """Does a password belong to a hash?"""
    try:
        kind, salt, key = hashed.split("$")
        expected = base64.b64decode(key, validate=True)
        return kind == "scrypt" and hmac.compare_digest(_key(password, base64.b64decode(salt)), expected)
    except (ValueError, binascii.Error):
        return False


class Users:
    """Checks `Authorization: Basic …` against the file; one hash at a time, so that guessing is slow.

    Args:
        path: the file.

    Raises:
        InvalidField: it cannot be read, or a line has another form.
    """

    def __init__(self, path: Path) -> None:
        self._hashes = _read(path)
        self._proven: dict[bytes, tuple[str, float]] = {}
        self._one = asyncio.Lock()

    async def __call__(self, authorization: str) -> str:
        """The user that the header names with the right password; "" for nobody."""
        digest = hashlib.sha256(authorization.encode()).digest()
        name, end = self._proven.get(digest, ("", 0.0))
        now = time.monotonic()
        if end > now:
            return name
        scheme, _, given = authorization.partition(" ")
        try:
            name, _, password = base64.b64decode(given, validate=True).decode("utf-8").partition(":")
        except ValueError:
            return ""
        async with self._one:
            right = await asyncio.to_thread(matches, password, self._hashes.get(name, _DUMMY))
        if scheme.lower() != "basic" or not right:
            return ""
        self._proven = {key: kept for key, kept in self._proven.items() if kept[1] > now}
        self._proven[digest] = (name, now + KEEP_S)
        return name


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField("gateway.users_file", f"không đọc được {path}", f"{path} cannot be read") from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not NAME.fullmatch(name) or hashed.count("$") != 2 or not hashed.startswith("scrypt$"):
            raise InvalidField(
                "gateway.users_file",
                f"dòng {number} không phải “tên:scrypt$…$…”",
                f"line {number} is not 'name:scrypt$…$…'",
            )
        users[name] = hashed
    if not users:
        raise InvalidField("gateway.users_file", "chưa có người dùng nào", "has no user")
    return users


def _key(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_DUMMY = f"scrypt${_b64(b'0' * 16)}${_b64(b'0' * 32)}"
"""Hashed against where there is no such user, so that names cannot be told by the time that an answer takes."""
