"""Headers that tell browsers and caches to make nothing of an answer but what it is."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

_EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# An answer of the API is no page, and stands in no cache: it may have a token in it, or be stale soon.
_OF_CALLS: Headers = (
    *_EVERYWHERE,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_BY_TLS: Headers = ((b"strict-transport-security", b"max-age=31536000"),)  # RFC 6797; a year


class SecurityHeaders:
    """Middleware. Adds the headers to every answer; the pages below `pages` have their own policies."""

    def __init__(self, app: ASGIApp, pages: str) -> None:
        self._app = app
        self._page = pages
        self._below = f"{pages}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        added = _EVERYWHERE if path == self._page or path.startswith(self._below) else _OF_CALLS
        if scope.get("scheme") == "https":
            added += _BY_TLS

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)
