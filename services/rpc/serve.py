"""A gRPC server: our services with their stages, health, reflection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.core.errors import Conflict
from services.core.sections.doors import GrpcSettings
from services.rpc import methods, tls
from services.rpc.access import Gate
from services.rpc.address import is_loopback
from services.rpc.interceptors import Pipeline, Stage, stages

GRACE_S = 30.0
MAX_MESSAGE = 4 * 1024 * 1024
PROBES = ("", "startup", "readiness", "liveness")
OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.http2.max_ping_strikes", 2),
]


class Server:
    """Serves servicers on a port, a Unix socket, or both.

    Args:
        settings: limits, deadline, address.
        tcp: listen on `settings.host` and `settings.port`.
        unix: path of a Unix socket to listen on.
        gate: who may call what; by itself everybody who reaches it.
        audit: the stage that keeps what was done; none by itself.

    Attributes:
        port: the port that was taken, after `start`; 0 without `tcp`.
    """

    def __init__(
        self,
        settings: GrpcSettings,
        tcp: bool = True,
        unix: Path | None = None,
        gate: Gate | None = None,
        audit: Stage | None = None,
    ) -> None:
        self._settings = settings
        self._tcp = tcp
        self._unix = unix
        kinds = {methods.path(method): methods.request_class(method) for method in methods.methods()}
        self._server = grpc.aio.server(
            interceptors=[Pipeline(stages(settings, gate or Gate(settings), audit), kinds)],
            options=[*OPTIONS, *_ages(settings)],
            maximum_concurrent_rpcs=4 * settings.max_concurrent,
        )
        self._health = health.aio.HealthServicer()
        self._probes: grpc.aio.Server | None = None
        self._names: list[str] = []
        self.port = 0

    def add(self, service: str, servicer: Any) -> None:
        """Add a servicer for a service by its full name. Example: ``ngoclinh.media.v1.MediaService``.

        Raises:
            TypeError: the servicer leaves a declared method out.
        """
        handlers = {}
        for method in methods.service(service).methods:
            behaviour = getattr(servicer, method.name, None)
            if behaviour is None or _is_generated(behaviour):
                raise TypeError(f"{type(servicer).__name__} does not implement {service}.{method.name}")
            kind = "_".join(
                "stream" if each else "unary" for each in (method.client_streaming, method.server_streaming)
            )
            handlers[method.name] = getattr(grpc, f"{kind}_rpc_method_handler")(
                behaviour,
                request_deserializer=methods.request_class(method).FromString,
                response_serializer=methods.response_class(method).SerializeToString,
            )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._names.append(service)

    @property
    def address(self) -> str:
        """Where other programs reach it, after `start`. Example: ``127.0.0.1:50051``."""
        return f"{self._settings.host}:{self.port}"

    @property
    def target(self) -> str:
        """Where this process reaches it, after `start`: the Unix socket, else the port."""
        return f"unix:{self._unix}" if self._unix else self.address

    async def start(self) -> None:
        """Listen; every name answers SERVING when this returns.

        Raises:
            Conflict: the port is taken.
        """
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self._settings.reflection and is_loopback(self._settings.host):
            reflection.enable_server_reflection(
                [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
            )
        if self._unix:
            self._server.add_insecure_port(f"unix:{self._unix}")
        if self._tcp:
            wanted = f"{self._settings.host}:{self._settings.port}"
            self.port = _listen(self._server, wanted, self._settings)
        await self._server.start()
        if self._settings.health_address:
            self._probes = grpc.aio.server(maximum_concurrent_rpcs=16)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probes)
            _listen(self._probes, self._settings.health_address)
            await self._probes.start()
        for name in (*PROBES, *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Answer NOT_SERVING, take no new calls, end when those in progress are done or after `grace_s` seconds."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)
        if self._probes is not None:
            await self._probes.stop(0)


def _ages(settings: GrpcSettings) -> list[tuple[str, Any]]:
    """Connections from afar end by themselves, so that clients look again which servers there are."""
    if is_loopback(settings.host):
        return []
    return [
        ("grpc.max_connection_age_ms", 1000 * settings.max_connection_age_s),
        ("grpc.max_connection_age_grace_ms", int(1000 * GRACE_S)),
    ]


def _listen(server: grpc.aio.Server, address: str, settings: GrpcSettings | None = None) -> int:
    """Open a port, with certificates where the settings name them; returns the port."""
    try:
        if settings is not None and tls.is_mutual(settings):
            port: int = server.add_secure_port(address, tls.server_credentials(settings))
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise Conflict(
            f"Không mở được cổng gRPC {address}: đã có chương trình khác dùng.",
            f"Cannot listen on {address} for gRPC: another program uses it.",
        ) from error
    return port


def _is_generated(behaviour: Any) -> bool:
    """Is it the generated base's method, which answers UNIMPLEMENTED?"""
    return getattr(behaviour, "__module__", "").endswith("_pb2_grpc")
