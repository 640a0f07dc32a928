"""One channel to all services, wherever each of them runs; it tells them who is behind a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio

from services.core.sections.doors import GrpcSettings
from services.rpc import caller, tls
from services.rpc.client import connect

LOOK_S = 30.0
"""Seconds between two looks at the certificate files."""
DRAIN_S = 60.0
"""Seconds for which calls in progress may go on over a channel that was replaced."""


class RoutingChannel(grpc.aio.Channel):
    """Sends each call to the server that has its service.

    Args:
        here: target of the services that have no other address.
        peers: target by the full name of a service. Example: ``dns:///ngoclinh-media:50051``.
        settings: deadline, certificates.
    """

    def __init__(self, here: str, peers: Mapping[str, str], settings: GrpcSettings) -> None:
        self._here = here
        self._peers = dict(peers)
        self._settings = settings
        self._mutual = tls.is_mutual(settings)
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stamp = tls.stamp(settings) if self._mutual else ()
        self._looked = time.monotonic()
        self._closing: set[asyncio.Task[None]] = set()

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to the server that has a service."""
        self._follow_certificates()
        target = self._peers.get(service) or self._here
        if target not in self._channels:
            credentials = tls.channel_credentials(self._settings) if self._mutual and target in self._away else None
            self._channels[target] = connect(target, self._settings.default_deadline_s, credentials)
        return self._channels[target]

    @property
    def _away(self) -> frozenset[str]:
        return frozenset(self._peers.values())

    def _follow_certificates(self) -> None:
        """Forget channels of certificates that were replaced; their calls in progress end in peace."""
        now = time.monotonic()
        if not self._mutual or now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            stamp = tls.stamp(self._settings)
        except OSError:  # a file that is being replaced: the present ones hold until the next look
            return
        if stamp != self._stamp:
            self._stamp = stamp
            for target in self._away & self._channels.keys():
                task = asyncio.ensure_future(self._channels.pop(target).close(DRAIN_S))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def _multi(self, kind: str, method: str, *arguments: Any, **options: Any) -> Any:
        service = method.split("/")[1]
        used: grpc.aio.Channel | None = None
        made: Any = None

        def call(*given: Any, **named: Any) -> Any:
            nonlocal used, made
            channel = self.channel(service)
            if channel is not used:
                used, made = channel, getattr(channel, kind)(method, *arguments, **options)
            if (who := caller.present.get()) is not None:
                named["metadata"] = (*(named.get("metadata") or ()), *who.metadata())
            return made(*given, **named)

        return call

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """As grpc declares it."""
        return self._multi("unary_unary", method, *arguments, **options)

    def unary_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """As grpc declares it."""
        return self._multi("unary_stream", method, *arguments, **options)

    def stream_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """As grpc declares it."""
        return self._multi("stream_unary", method, *arguments, **options)

    def stream_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """As grpc declares it."""
        return self._multi("stream_stream", method, *arguments, **options)

    async def close(self, grace: float | None = None) -> None:
        """Close every channel."""
        await asyncio.gather(*(channel.close(grace) for channel in self._channels.values()), *self._closing)
        self._channels.clear()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """State of the channel to the services here."""
        return self.channel("").get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait for the channel to the services here."""
        await self.channel("").wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until every server answers."""
        targets = {"": self._here, **self._peers}
        await asyncio.gather(*(self.channel(service).channel_ready() for service in targets))

    async def __aenter__(self) -> RoutingChannel:
        """Nothing to do."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()
