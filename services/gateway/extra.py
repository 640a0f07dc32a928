"""Routes written by hand: what each is, for the application and for `/openapi.json`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.gateway import openapi


class Extra(NamedTuple):
    """A route written by hand."""

    verb: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    summary: str
    form: openapi.Form | None = None
