"""Settings of NATS → options of its client: it connects again for ever, over TLS, with the credentials of a file."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.core.errors import InvalidField
from services.core.sections.stores import NatsSettings


def shown(url: str) -> str:
    """An address without user and password."""
    parts = urlsplit(url if "//" in url else f"nats://{url}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def options(settings: NatsSettings, patience_s: float) -> dict[str, Any]:
    """What the settings mean to the client.

    Args:
        settings: addresses, credentials, certificates.
        patience_s: seconds to wait for a server while connecting.

    Raises:
        InvalidField: a file that the settings name cannot be used.
    """
    found: dict[str, Any] = {
        "servers": list(settings.urls),
        "name": "ngoclinh",
        "connect_timeout": patience_s,
        "reconnect_time_wait": 0.5,
        "max_reconnect_attempts": -1,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "flush_timeout": patience_s,
    }
    found |= _credentials(settings.credentials_file) if settings.credentials_file else {}
    found |= _authorities(settings.ca_file) if settings.ca_file else {}
    return found


def _credentials(file: Path) -> dict[str, Any]:
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable("nats.credentials_file", error) from error
    if not all(part in content for part in ("BEGIN NATS USER JWT", "BEGIN USER NKEY SEED")):
        raise InvalidField(
            "nats.credentials_file", f"{file} không phải tệp .creds của NATS", f"{file} is no .creds file of NATS"
        )
    return {"user_credentials": str(file)}


def _authorities(file: Path) -> dict[str, Any]:
    try:
        return {"tls": ssl.create_default_context(cafile=str(file))}
    except OSError as error:  # of which ssl.SSLError is one
        raise _unreadable("nats.ca_file", error) from error


def _unreadable(field: str, error: Exception) -> InvalidField:
    return InvalidField(field, f"không đọc được: {error}", f"cannot be read: {error}")
