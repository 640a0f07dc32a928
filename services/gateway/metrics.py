"""The metrics over HTTP: a door of the gateway, and an address of their own for every role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.core import metrics
from services.core.errors import InvalidField
from services.core.sections.doors import GatewaySettings
from services.core.sections.upkeep import ObservabilitySettings
from services.gateway.serve import WebServer

PATH = "/metrics"

Page = Callable[[], Awaitable[bytes]]
"""Makes the page of metrics."""


class MetricsDoor:
    """Answers `GET /metrics`.

    Args:
        page: makes the page; None measures this process only.
    """

    def __init__(self, page: Page | None = None) -> None:
        self._page = page or _own

    async def handle(self, request: Request) -> Response:
        """The page as Prometheus reads it."""
        return Response(await self._page(), headers={"Content-Type": metrics.CONTENT_TYPE, "Cache-Control": "no-store"})


async def _own() -> bytes:
    return metrics.page()


def metrics_server(settings: ObservabilitySettings, page: Page) -> WebServer:
    """A server of the metrics alone, at `observability.metrics_address`; it knows no users and no certificates.

    Raises:
        InvalidField: the address is no host:port.
    """
    host, colon, port = settings.metrics_address.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65536):
        raise InvalidField("observability.metrics_address", "phải có dạng máy:cổng", "must have the form host:port")
    app = Starlette(routes=[Route(PATH, MetricsDoor(page).handle, methods=["GET"])])
    return WebServer(app, GatewaySettings(host=host.strip("[]"), port=int(port), tls_by_proxy=True))
