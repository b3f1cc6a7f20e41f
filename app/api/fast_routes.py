"""A way around FastAPI's routing for the calls that come by the thousand."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import HANDLERS

Call = Callable[[Request], Awaitable[Response]]


class Shortcut:
    """Hands the POSTs to some paths to the functions that their routes call as well.

    What FastAPI does to find a route, resolve its parameters and check its response costs more than all the
    rest of accepting a request. The routes stay as they are, for the documentation and for every other call.

    Dependencies of the app, of a router or of these routes do not apply here: what is to be done before every
    call (authentication, say) has to be a middleware that is added after this one, and thereby around it.
    """

    def __init__(self, app: ASGIApp, calls: Mapping[str, Call]) -> None:
        self._app = app
        self._calls = calls
        self._direct = ExceptionMiddleware(self._answer, HANDLERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call, or hand it on."""
        known = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._calls
        await (self._direct if known else self._app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._calls[scope["path"]](Request(scope, receive))
        await response(scope, receive, send)
