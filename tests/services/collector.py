"""A collector of traces on loopback: takes OTLP over HTTP and decodes what comes by the protos of OpenTelemetry."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Span:
    """A span as it came."""

    name: str
    trace: str
    id: str
    parent: str
    part: str
    facts: dict[str, Any]


class Collector:
    """What came, in the order of its coming."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""

    def take(self, body: bytes) -> None:
        """Decode a request."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            part = _facts(resource.resource.attributes)["ngoclinh.part"]
            for scope in resource.scope_spans:
                self.spans += [
                    Span(each.name, each.trace_id.hex(), each.span_id.hex(), each.parent_span_id.hex(), part, _facts(each.attributes))
                    for each in scope.spans
                ]  # fmt: skip

    def traces(self) -> dict[str, list[Span]]:
        """The spans by trace."""
        found: dict[str, list[Span]] = {}
        for span in list(self.spans):
            found.setdefault(span.trace, []).append(span)
        return found


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            collector.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
