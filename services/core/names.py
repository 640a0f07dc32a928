"""Resource names: how they are built and taken apart."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from services.core.errors import InvalidField

EDITIONS = (2004, 2025)
"""Years of the registers of administrative units; the edition of 2025 is valid from 2025-07-01."""

_AREA = re.compile(r"areas/(\d{4})-(\d{2,5})")


def digest_id(text: str) -> str:
    """26 characters of lower-case base32 without padding: blake2b-128 of the UTF-8 text."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()


def random_id() -> str:
    """26 characters of lower-case base32 from 16 random bytes."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def article_name(canonical_url: str) -> str:
    """Name of the article at a canonical address: the same page always gets the same name."""
    return f"articles/{digest_id(canonical_url)}"


def content_digest(title: str, lead: str, text: str) -> str:
    """SHA-256 of what an article says, hexadecimal: the same content is the same version."""
    return hashlib.sha256("\0".join((title, lead, text)).encode()).hexdigest()


def area_name(edition: int, code: str) -> str:
    """Name of an administrative unit. Example: ``areas/2004-20938``."""
    return f"areas/{edition}-{code}"


def parse_area_name(name: str, field: str = "name") -> tuple[int, str]:
    """Edition and code of an area name.

    Raises:
        InvalidField: it is no such name; `field` says where it stood.
    """
    match = _AREA.fullmatch(name)
    if not match or int(match[1]) not in EDITIONS:
        raise InvalidField(
            field,
            f"“{name}” không phải tên đơn vị hành chính; ví dụ đúng: areas/2025-20938",
            f"'{name}' is no area name; a correct one is areas/2025-20938",
        )
    return int(match[1]), match[2]


def parcel_name(edition: int | None, commune_code: str, sheet: str, number: str) -> str:
    """Name of a parcel from the commune whose sheet series it belongs to, sheet and number as written.

    Example: ``parcels/2004-20944-3-117``; without a known edition ``parcels/unknown-20944-3-117``.
    """
    place = _segment(commune_code) if commune_code else "unknown"
    return f"parcels/{edition or 'unknown'}-{place}-{_segment(sheet)}-{_segment(number)}"


def number_key(text: str) -> str:
    """A sheet or parcel number as it is compared: leading zeros, spaces and case do not matter. Example: ``05`` is ``5``."""
    plain = re.sub(r"\s+", "", text).lower()
    return plain.lstrip("0") or plain[-1:]


def source_name(source_id: str) -> str:
    """Name of a source. Example: ``sources/baodanang``."""
    return f"sources/{source_id}"


def _segment(text: str) -> str:
    """A part of a resource name: characters with a meaning in names or URLs become ``.``."""
    return re.sub(r"[\s/?#~%&]+", ".", text.strip()) or "0"
