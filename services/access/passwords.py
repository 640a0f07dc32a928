"""Passwords: how they are hashed, made and judged.

A hash is argon2id with the parameters of RFC 9106 for little memory (64 MiB, 3 passes). A hash of an older users file,
``scrypt$<salt>$<key>`` in base64, is still known and is replaced at the next sign-in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from services.core.errors import InvalidField

MIN_LENGTH = 12
"""Fewest characters: it guards personal data against everybody who reaches the port."""
MAX_LENGTH = 256
KINDS = 3
"""Of small letters, capital letters, digits and others, how many kinds a password has at least."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what looks alike: a made password is read from paper."""
_hasher = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def hash_password(password: str) -> str:
    """The hash of a password with a fresh salt; takes about 0.1 s and 64 MiB."""
    return _hasher.hash(_plain(password))


def matches(password: str, hashed: str) -> bool:
    """Does a password belong to a hash?"""
    if hashed.startswith("scrypt$"):
        return _matches_scrypt(password, hashed)
    try:
        return _hasher.verify(hashed, _plain(password))
    except (Argon2Error, InvalidHashError):
        return False


def is_outdated(hashed: str) -> bool:
    """Was it made in another way than hashes are made now?"""
    return hashed.startswith("scrypt$") or _hasher.check_needs_rehash(hashed)


def made() -> str:
    """A password that nobody knows yet: 95 bits, four groups of four."""
    while True:
        groups = ["".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)]
        password = "-".join(groups)
        if _kinds(password) >= KINDS:
            return password


def require_good(password: str, user: str, field: str = "password") -> None:
    """Check a new password against the policy.

    Raises:
        InvalidField: too short or long, of too few kinds of characters, or the name of the user is in it.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidField(
            field,
            f"cần từ {MIN_LENGTH} đến {MAX_LENGTH} ký tự",
            f"must have {MIN_LENGTH} to {MAX_LENGTH} characters",
        )
    if _kinds(password) < KINDS:
        raise InvalidField(
            field,
            "cần ít nhất ba loại trong: chữ thường, chữ hoa, chữ số, ký tự khác",
            "must have three kinds of: small letters, capital letters, digits, others",
        )
    if len(user) > 2 and user.lower() in password.lower():
        raise InvalidField(field, "không được chứa tên người dùng", "must not hold the name of the user")


@lru_cache(maxsize=1)
def dummy() -> str:
    """Hashed against where there is no such user, so that names cannot be told by the time that an answer takes."""
    return hash_password(secrets.token_hex())


def _kinds(password: str) -> int:
    tests = (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())
    return sum(any(test(each) for each in password) for test in tests)


def _plain(password: str) -> str:
    """The same letters however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)


def _matches_scrypt(password: str, hashed: str) -> bool:
    try:
        _, salt, key = hashed.split("$")
        expected = base64.b64decode(key, validate=True)
        found = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), dklen=32, **_SCRYPT)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(found, expected)
