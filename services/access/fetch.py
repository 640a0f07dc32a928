"""What is read from an identity provider: which addresses are asked, and how much of an answer is read."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

FETCH_S = 5.0
"""Seconds for one question."""
MOST_BYTES = 1024 * 1024
"""Longest answer that is read."""
MOST_URL = 2000
"""Longest address, in characters."""
_HERE = ("localhost", "127.0.0.1", "::1")
FAULTS = (OSError, ValueError, TimeoutError, aiohttp.ClientError)
"""What `read_json` and asking raise where there is no answer that can be used."""


def is_safe_url(url: str, here: bool = True) -> bool:
    """Is it an address over TLS, or, with `here`, of this machine; of one host, and nothing that hides which?"""
    if len(url) > MOST_URL or not url.isascii() or not url.isprintable() or any(each in url for each in " \\#"):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (here and parts.scheme == "http" and parts.hostname in _HERE)


async def read_json(answer: aiohttp.ClientResponse) -> Any:
    """The JSON value of an answer, whole: it may come in many pieces.

    Raises:
        ValueError: it is longer than `MOST_BYTES`, or no JSON.
        aiohttp.ClientError: it breaks off.
    """
    data = bytearray()
    async for piece in answer.content.iter_any():
        data += piece
        if len(data) > MOST_BYTES:
            raise ValueError("the answer is too long")
    return parse(bytes(data))


def parse(data: bytes) -> Any:
    """A JSON value.

    Raises:
        ValueError: it is none, or too deep.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("too deep") from error
