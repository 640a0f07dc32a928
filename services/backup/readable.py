"""Settings as people may read them: they hold places of secrets, never secrets, but an address may carry a password."""

from __future__ import annotations

import re
from typing import Any

_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY_SECRET = re.compile(r"(?i)(?<=[?&])(password|passfile|token|secret)=[^&\s]*")


def readable(value: Any) -> Any:
    """A value of the settings, or a tree of them, where addresses have lost what stands before "@" and passwords."""
    if isinstance(value, dict):
        return {key: readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [readable(each) for each in value]
    if not isinstance(value, str):
        return value
    return _QUERY_SECRET.sub(r"\1=…", _USER_INFO.sub("", value))
