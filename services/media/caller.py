"""Who calls: what a person writes is kept with a name."""

from __future__ import annotations

from typing import Any

USER_KEY = "x-user"
"""Metadata key under which the gateway names the person who calls."""
LOCAL_USER = "local"
"""Who calls where nobody is named: a program or the command line of this machine."""


def user_of(context: Any) -> str:
    """The person who calls, as the gateway says."""
    metadata = context.invocation_metadata() or ()
    return next((str(value) for key, value in metadata if key == USER_KEY), LOCAL_USER)
