"""What an OpenTelemetry collector gets: a listener that takes spans as OTLP over HTTP, and keeps them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span, as far as tests look at it."""

    name: str
    service: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]  # traces that it leads to
    attributes: Mapping[str, str | int]
    began: int  # nanoseconds since 1970
    ended: int


@dataclass
class Collector:
    """The spans that were sent to it."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def of_trace(self, trace: str) -> list[Span]:
        """Those of one trace."""
        return [span for span in list(self.spans) if span.trace == trace]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector for the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                raise AssertionError("nobody has asked for gzip")
            collector.spans += _spans(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


def _spans(message: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in message.resource_spans:
        names = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for each in scope.spans:
                given = {one.key: one.value.string_value or one.value.int_value for one in each.attributes}
                yield Span(
                    name=each.name,
                    service=names["service.name"],
                    trace=each.trace_id.hex(),
                    id=each.span_id.hex(),
                    parent=each.parent_span_id.hex(),
                    links=tuple(link.trace_id.hex() for link in each.links),
                    attributes=given,
                    began=each.start_time_unix_nano,
                    ended=each.end_time_unix_nano,
                )
