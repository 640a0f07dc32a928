"""Who calls: what a person writes is kept with a name."""

from __future__ import annotations

from typing import Any

USER_KEY = "x-user"
"""Metadata key under which the gateway names the person who calls."""
LOCAL_USER = "local"
"""Who calls where nobody is named: a program or the command line of this machine."""


def user_of(context: Any) -> str:
    """The person who calls, as the gateway says.

    Only the Unix socket is believed, which nobody but this program's own parts can open: over TCP any program of this
    machine could write any name.
    """
    if not context.peer().startswith("unix"):
        return LOCAL_USER
    metadata = context.invocation_metadata() or ()
    return next((str(value) for key, value in metadata if key == USER_KEY), LOCAL_USER)
