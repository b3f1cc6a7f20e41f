"""What stands in front of everything: each call passes it first, and each answer last, of errors too.

It is one layer, so that the order of its checks is read in one place; and because a layer for each of them
takes longer than all the checks.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import documentation
from app.api.auth import BELOW_CONSOLE, CONSOLE, Authentication
from app.api.body_limits import BodyLimits
from app.api.errors import answer_bug
from app.api.fast_routes import Call, FastRoutes, called_path
from app.api.hosts import AllowedHosts
from app.api.origins import OwnPages
from app.api.proxies import TrustedProxies
from app.api.security_headers import SecurityHeaders
from app.api.traces import TracedCalls
from app.core import tracing
from app.core.config import settings

# What clients in browsers send and read beside what they always may.
_SENT = ("Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer")
_READ = ("ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "Retry-After")

ShowRefusal = Callable[[Scope, Response], Response]  # makes a page of an answer in JSON


class Application(FastAPI):
    """FastAPI behind the front, and behind the calls that are answered without it."""

    def __init__(self, *, bodies: BodyLimits, fast: Mapping[str, Call], **described: Any) -> None:
        # Its telemetry looks for a provider at each call.
        super().__init__(telemetry={"tracing": False, "metrics": False, "logs": False}, **described)
        self._bodies = bodies
        self._fast = fast
        self.show_refusal: ShowRefusal | None = None  # below the console

    def build_middleware_stack(self) -> ASGIApp:
        """Return what a call passes: middleware that was added, and the front in the place of FastAPI's."""
        routes = FastRoutes(self._fast, AsyncExitStackMiddleware(self.router))
        app: ASGIApp = ExceptionMiddleware(routes, handlers=self.exception_handlers)
        app = Front(app, self._bodies, self.show_refusal)
        for layer, arguments, named in reversed(self.user_middleware):
            app = layer(app, *arguments, **named)
        return TracedCalls(app) if tracing.is_on() else app


class Front:
    """Hands calls on that pass all checks, and answers the others."""

    def __init__(self, app: ASGIApp, bodies: BodyLimits, show_refusal: ShowRefusal | None) -> None:
        self._app = app
        self._show_refusal = show_refusal
        self._proxies = TrustedProxies(settings().trusted_proxies)
        self._hosts = AllowedHosts(settings().allowed_hosts)
        public = settings().public_url
        self._pages = OwnPages((*settings().cors_origins, *((public,) if public else ())))
        self._authentication = Authentication() if settings().auth == "required" else None
        self._bodies = bodies
        self._headers = SecurityHeaders(documentation.PAGE, CONSOLE)
        origins = settings().cors_origins
        self._admit = _with_cors(self._check, origins) if origins else self._check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, with our headers. An error that has no answer yet is a mistake of ours."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._proxies.believe(scope)
        added = self._headers.of(scope, called_path(scope))
        is_answered = False

        async def send_with_headers(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            await self._admit(scope, receive, send_with_headers)
        except Exception:
            if not is_answered:
                await answer_bug()(scope, receive, send_with_headers)
            raise  # for the log of the server

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = called_path(scope)
        refusal = await self._refuse(scope, path)
        if refusal is not None:
            if self._show_refusal is not None and path.startswith(BELOW_CONSOLE):
                refusal = self._show_refusal(scope, refusal)
            await refusal(scope, receive, send)
            return
        body = self._bodies.bound(path, receive)
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.forget()

    async def _refuse(self, scope: Scope, path: str) -> Response | None:
        """Return the answer to a call that a check has stopped; None where it may go on."""
        refusal = self._hosts.refuse(scope) or self._pages.refuse(scope)
        if refusal is None and self._authentication is not None:
            refusal = await self._authentication.refuse(scope, path)
        return refusal


def _with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"),
        allow_headers=_SENT,
        expose_headers=_READ,
    )
