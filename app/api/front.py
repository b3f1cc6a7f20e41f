"""What stands in front of everything: each call passes it first, and each answer last, of errors too."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.api import documentation
from app.api.proxies import TrustedProxies
from app.api.security_headers import SecurityHeaders
from app.core.config import settings

# What clients in browsers send and read beside what they always may.
_SENT = ("Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer")
_READ = ("ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "Retry-After")


class Application(FastAPI):
    """FastAPI with the front. Middleware that is added stands behind its answers to errors of ours."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return what a call passes, from the front on."""
        app = super().build_middleware_stack()
        if settings().cors_origins:
            app = CORSMiddleware(
                app,
                allow_origins=settings().cors_origins,
                allow_methods=("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"),
                allow_headers=_SENT,
                expose_headers=_READ,
            )
        app = SecurityHeaders(app, documentation.PAGE)
        if settings().trusted_proxies:
            app = TrustedProxies(app, settings().trusted_proxies)
        return app
