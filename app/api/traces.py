"""A span of each call, where traces are made (`core/tracing.py`)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import tracing

_NOT_TRACED = frozenset({"/healthz", "/readyz", "/metrics"})  # they come every few seconds


class TracedCalls:
    """Makes a span of each call, in the caller's trace where it names one (W3C Trace Context)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        if scope["type"] != "http" or scope["path"] in _NOT_TRACED:
            await self._app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == b"traceparent"]
        parent = tracing.valid_traceparent(given[0].decode("latin-1")) if len(given) == 1 else None
        method = scope["method"]
        about = {"http.request.method": method, "url.path": scope["path"][:1000]}
        with tracing.span(method, "server", parent=parent, attributes=about) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, send_and_note)
            if route := getattr(scope.get("route"), "path", None):
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
