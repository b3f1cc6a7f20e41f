"""Plain routes for the calls that come by the thousand, in front of the documented ones.

FastAPI takes longer to resolve parameters and to check a response than all the rest of accepting a request
takes. Middleware, routing and the handlers of errors apply to a plain route as to any other, and so does the
right that its endpoint declares; dependencies do not.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api.auth import require_right, right_for

Call = Callable[[Request], Awaitable[Response]]


def put_in_front(app: FastAPI, prefix: str, calls: dict[str, Call]) -> None:
    """Let POST calls to these paths below `prefix` go straight to their functions."""
    app.router.routes[:0] = [
        Route(f"{prefix}{path}", _Endpoint(call), methods=["POST"], include_in_schema=False)
        for path, call in calls.items()
    ]


class _Endpoint:
    """A call as an ASGI application, which Starlette does not wrap in handlers of errors a second time."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._right = right_for(call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        require_right(request, self._right)
        response = await self._call(request)
        await response(scope, receive, send)
