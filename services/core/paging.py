"""Page tokens: opaque, bound to the list and its filter, without state on the server."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from services.core.errors import InvalidPageToken


def page_size(requested: int, default: int, maximum: int) -> int:
    """Rows of a page: `default` for 0, never more than `maximum`."""
    return min(requested, maximum) if requested > 0 else default


def encode_token(scope: str, filter_: Message | None, key: Sequence[Any]) -> str:
    """The token that continues after the row with sort key `key` (JSON values)."""
    body = json.dumps([_fingerprint(scope, filter_), *key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode_token(scope: str, filter_: Message | None, token: str) -> list[Any] | None:
    """The sort key after which a page starts, or None for the first page.

    Raises:
        InvalidPageToken: the token is none of this list with this filter.
    """
    if not token:
        return None
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error) as error:
        raise InvalidPageToken from error
    if not isinstance(body, list) or len(body) < 2 or body[0] != _fingerprint(scope, filter_):
        raise InvalidPageToken
    return body[1:]


def _fingerprint(scope: str, filter_: Message | None) -> str:
    serialized = filter_.SerializeToString(deterministic=True) if filter_ is not None else b""
    return hashlib.blake2b(scope.encode() + b"\0" + serialized, digest_size=6).hexdigest()
