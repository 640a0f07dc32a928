"""The stage that counts calls and their time; outermost, so that refused ones count too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from services.core.metrics import RPC_SECONDS, RPCS

if TYPE_CHECKING:
    from services.rpc.interceptors import Call

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@asynccontextmanager
async def measure(call: Call) -> AsyncIterator[None]:
    """Count a call by its code, and its seconds."""
    service, _, method = call.method.rpartition("/")
    service = service.rpartition(".")[2]
    start = time.monotonic()
    code = ""
    try:
        yield
    except asyncio.CancelledError:
        code = grpc.StatusCode.CANCELLED.name
        raise
    finally:
        RPC_SECONDS.labels(service, method).observe(time.monotonic() - start)
        RPCS.labels(service, method, code or _code(call)).inc()


def _code(call: Call) -> str:
    """Name of the status that a call ended with; grpc tells it as a number or as a code."""
    code = call.context.code()
    return code.name if isinstance(code, grpc.StatusCode) else _CODES.get(code or 0, "UNKNOWN")
