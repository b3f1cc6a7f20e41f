"""What `tracing` does with OpenTelemetry, where traces are made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.core.tracing import Attributes, Kind

_PROPAGATOR = TraceContextTextMapPropagator()
_STOP_TIMEOUT = 1.0  # seconds
_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()


def start(process: str) -> None:
    """Send spans of this process from now on."""
    global _provider, _tracer
    names = {SERVICE_NAME: f"dns-orchestrator-{process}", SERVICE_NAMESPACE: "dns-orchestrator"}
    resource = Resource.create(names)
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("dns-orchestrator")


def stop() -> None:
    """Send what is left. The SDK itself would wait for its exporter, ten seconds for one that hangs."""
    if _provider is not None:
        sending = Thread(target=_provider.force_flush, name="send spans", daemon=True)
        sending.start()
        sending.join(_STOP_TIMEOUT)


def traceparent() -> str | None:
    """Return the current span's."""
    return _traceparent_in(None)


@contextmanager
def span(
    name: str, kind: Kind, parent: str | None, links: Sequence[str], attributes: Attributes
) -> Iterator[tuple[trace.Span, str]]:
    """Make a span of the block, and yield it with the id of its trace."""
    with _tracer.start_as_current_span(
        name,
        context=_context_of(parent),
        kind=trace.SpanKind[kind.upper()],
        links=[*map(_link, links)],
        attributes=attributes,
    ) as made:
        yield made, trace.format_trace_id(made.get_span_context().trace_id)


def note(
    name: str,
    parent: str,
    began: float,
    ended: float,
    kind: Kind = "internal",
    *,
    links: Sequence[str] = (),
    attributes: Attributes,
) -> str | None:
    """Make a span of what is over (seconds since 1970); return its traceparent."""
    made = _tracer.start_span(
        name,
        context=_context_of(parent),
        kind=trace.SpanKind[kind.upper()],
        links=[*map(_link, links)],
        attributes=attributes,
        start_time=round(began * 1e9),
    )
    made.end(round(ended * 1e9))
    return _traceparent_in(trace.set_span_in_context(made, context.Context()))


def _traceparent_in(current: context.Context | None) -> str | None:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, current)
    return carrier.get("traceparent")


def _context_of(parent: str | None) -> Any:
    return None if parent is None else _PROPAGATOR.extract({"traceparent": parent}, context.Context())


def _link(traceparent: str) -> trace.Link:
    return trace.Link(trace.get_current_span(_context_of(traceparent)).get_span_context())
