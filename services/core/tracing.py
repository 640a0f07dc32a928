"""Traces by OpenTelemetry, where an office switches them on: which part did what for how long, from a request to a store.

Off, nothing of OpenTelemetry is imported and a span costs one comparison. Spans carry names, methods, counts and the
request id; never texts, never values of personal data, never the words of an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from services.core.errors import Unavailable
from services.core.log import trail

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.core.ports import Output
    from services.core.sections.upkeep import TracingSettings

H = TypeVar("H", bound=Any)

EXPORT_S = 5.0
"""Seconds that sending to the collector may take."""
FIELD = "trace_parent"
"""Field of events that carries the trace on."""
HEADER = "traceparent"
"""Key of metadata that carries it on, as W3C Trace Context says."""

_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NOTHING: AbstractContextManager[None] = nullcontext()


class _Tracing:
    """The running SDK."""

    def __init__(self, settings: TracingSettings, part: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        except ImportError as error:
            raise Unavailable(
                "Chưa cài gói OpenTelemetry; hãy chạy: pip install 'ngoclinh[otel]'.",
                "OpenTelemetry is not installed; run: pip install 'ngoclinh[otel]'.",
            ) from error
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
            resource=Resource.create({"service.name": settings.service_name, "ngoclinh.part": part}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(f"{settings.endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_S)
        self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self.tracer = self.provider.get_tracer("ngoclinh")


_running: list[_Tracing] = []
"""The one that runs, or none."""


def configure(settings: TracingSettings, part: str) -> None:
    """Begin to trace, where the settings say so.

    Args:
        settings: where to, how many, under which name.
        part: which process of the product this is. Example: "crawler".

    Raises:
        Unavailable: the packages of OpenTelemetry are not there.
    """
    if settings.enabled and not _running:
        _running.append(_Tracing(settings, part))


def on() -> bool:
    """Are traces kept?"""
    return bool(_running)


def stop() -> None:
    """Send what is left and trace no more; blocks for `EXPORT_S` seconds at most where the collector is away."""
    while _running:
        _running.pop().provider.shutdown()


def span(name: str, kind: str = "internal", parent: str = "", **attributes: str | int) -> AbstractContextManager[Any]:
    """Around a piece of work; its log lines say `trace_id`.

    Args:
        name: what is done, of few different values. Example: "LandService/GetParcel".
        kind: "internal", "server", "client", "producer" or "consumer".
        parent: traceparent of another process; empty takes the present span, where there is one.
        attributes: facts of few different values, and names of resources.
    """
    return _span(_running[0].tracer, name, kind, parent, attributes) if _running else _NOTHING


def step(name: str) -> AbstractContextManager[Any]:
    """A span within one that there is; outside of any it is none, so that what runs by itself makes no traces."""
    return span(name) if _running and traceparent() else _NOTHING


def traceparent() -> str:
    """The present span as another process takes it, W3C Trace Context; "" where there is none."""
    if not _running:
        return ""
    from opentelemetry import trace

    return _written(trace.get_current_span())


def stamp(event: Message) -> None:
    """Let an event carry the present span on, where it has a field for it."""
    if (parent := traceparent()) and FIELD in event.DESCRIPTOR.fields_by_name:
        setattr(event, FIELD, parent)


def traced(handlers: Mapping[tuple[str, str], H]) -> Mapping[tuple[str, str], H]:
    """Handlers by (subject, group) that go on with the trace of their events, and hand it on to what they publish.

    A handler takes one event; one of many events is a dataclass whose `handle` takes them.
    """
    if not on():
        return handlers
    return {place: _wrapped(place, handle) for place, handle in handlers.items()}


def _wrapped(place: tuple[str, str], handle: Any) -> Any:
    return replace(handle, handle=_each(place, handle.handle)) if hasattr(handle, "handle") else _one(place, handle)


def _one(place: tuple[str, str], handle: Any) -> Any:
    async def work(event: Any) -> Sequence[Output]:
        trace_id = ""
        try:
            with span(" ".join(place), "consumer", _taken(event)):
                trace_id = traceparent()[3:35]
                outputs: Sequence[Output] = await handle(event)
                for output in outputs:
                    stamp(output.event)
                return outputs
        finally:
            if trace_id:  # the line that says how the event ended comes after its handler, in the same task
                structlog.contextvars.bind_contextvars(trace_id=trace_id)

    return work


def _each(place: tuple[str, str], handle: Any) -> Any:
    """Events that are handled together: a span for each; what stores do for all of them stands in that of the first."""

    async def work(events: Sequence[Any]) -> Sequence[Sequence[Output] | Exception]:
        if not _running:
            return await handle(events)  # type: ignore[no-any-return]
        from opentelemetry import trace

        tracer, count = _running[0].tracer, len(events)
        spans = [
            _started(tracer, " ".join(place), "consumer", _taken(event), _about(event) | {"events": count})
            for event in events
        ]
        try:
            with trace.use_span(spans[0], record_exception=False, set_status_on_exception=False):
                outcomes: Sequence[Sequence[Output] | Exception] = await handle(events)
            for one, outcome in zip(spans, outcomes, strict=True):
                for output in () if isinstance(outcome, Exception) else outcome:
                    with trace.use_span(one):
                        stamp(output.event)
            return outcomes
        finally:
            for one in spans:
                one.end()

    return work


def _about(event: Any) -> dict[str, str | int]:
    """The request id of an event about an article, where none is bound to the work."""
    name = getattr(event, "article", "")
    return {f"ngoclinh.{key}": id_ for key, id_ in trail(str(getattr(name, "name", name))).items()}


def _taken(event: Any) -> str:
    """The trace of an event, which is not kept with it."""
    parent = str(getattr(event, FIELD, ""))
    if parent:
        event.ClearField(FIELD)
    return parent


@contextmanager
def _span(tracer: Any, name: str, kind: str, parent: str, attributes: Mapping[str, str | int]) -> Iterator[Any]:
    from opentelemetry import trace

    begun = _started(tracer, name, kind, parent, attributes)
    trace_id = f"{begun.get_span_context().trace_id:032x}"
    with (
        trace.use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False),
        structlog.contextvars.bound_contextvars(trace_id=trace_id),
    ):
        try:
            yield begun
        except BaseException as error:
            begun.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def _started(tracer: Any, name: str, kind: str, parent: str, attributes: Mapping[str, str | int]) -> Any:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    given = dict(attributes)
    if request_id := structlog.contextvars.get_contextvars().get("request_id"):
        given["ngoclinh.request_id"] = request_id
    above = TraceContextTextMapPropagator().extract({HEADER: parent}) if _PARENT.fullmatch(parent) else None
    return tracer.start_span(name, above, trace.SpanKind[kind.upper()], given)


def _written(present: Any) -> str:
    known = present.get_span_context()
    if not known.is_valid:
        return ""
    return f"00-{known.trace_id:032x}-{known.span_id:016x}-{int(known.trace_flags) & 1:02x}"
