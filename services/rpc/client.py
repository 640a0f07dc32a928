"""Channels to our services: deadlines and request ids travel on, reads are tried again after UNAVAILABLE."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import structlog

from services.core import tracing
from services.rpc import methods
from services.rpc.deadline import timeout_for
from services.rpc.interceptors import REQUEST_ID
from services.rpc.serve import MAX_MESSAGE

DEFAULT_S = 10.0
RESOLVE_MS = 1000
"""Between two looks at the addresses of a name: 30 s by default, in which all servers of a name may be replaced."""


class Outgoing(grpc.aio.UnaryUnaryClientInterceptor):
    """Sets the timeout of a call that has none to min(default, what is left of the present call), and its request id.

    The timeout of a service config is not used: it is not sent to the server.
    """

    def __init__(self, default_s: float) -> None:
        self._default_s = default_s

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Called by grpc for every call."""
        details = client_call_details
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id and not metadata.get_all(REQUEST_ID):
            metadata.add(REQUEST_ID, request_id)
        if parent := tracing.traceparent():
            metadata.add(tracing.HEADER, parent)
        timeout = timeout_for(self._default_s) if details.timeout is None else details.timeout
        return await continuation(
            grpc.aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready),
            request,
        )


def connect(
    target: str, default_s: float = DEFAULT_S, credentials: grpc.ChannelCredentials | None = None
) -> grpc.aio.Channel:
    """A channel; where the target is several servers, each call goes to the next one.

    Args:
        target: "host:port", "dns:///name:port" or "unix:/path".
        default_s: timeout in seconds of calls that set none.
        credentials: of a server that is not on this machine.
    """
    options = [
        ("grpc.service_config", json.dumps(service_config())),
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.dns_min_time_between_resolutions_ms", RESOLVE_MS),
    ]
    interceptors = [Outgoing(default_s)]
    if credentials is None:
        return grpc.aio.insecure_channel(target, interceptors=interceptors, options=options)
    return grpc.aio.secure_channel(target, credentials, interceptors=interceptors, options=options)


def service_config() -> dict[str, Any]:
    """Retries: only after UNAVAILABLE, only calls that may be repeated, at most 4 tries, throttled."""
    names = [
        {"service": method.containing_service.full_name, "method": method.name}
        for method in methods.methods()
        if methods.repeatable(method)
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": names, "retryPolicy": policy}],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
