"""Plain functions for the calls that come by the thousand, in front of the documented routes.

FastAPI takes longer to find a route, to resolve parameters and to check a response than all the rest of
accepting a request takes. The front and the handlers of errors apply to a plain function as to any route, and
so does the right that it declares; dependencies do not.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import require_right, right_for

Call = Callable[[Request], Awaitable[Response]]


def called_path(scope: Scope) -> str:
    """Return the path that is called, below the one at which the application stands."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class FastRoutes:
    """POST calls to these paths go straight to their functions; all others, to the application."""

    def __init__(self, calls: Mapping[str, Call], app: ASGIApp) -> None:
        self._app = app
        self._calls = {path: (call, right_for(call)) for path, call in calls.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        found = self._calls.get(called_path(scope)) if scope.get("method") == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        call, right = found
        request = Request(scope, receive, send)
        require_right(request, right)
        response = await call(request)
        await response(scope, receive, send)
