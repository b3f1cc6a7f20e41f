"""Who looks at a page, and which right the page needs him to have."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from app.core.config import settings
from app.domain.errors import RightMissing
from app.domain.permissions import EVERYBODY, Caller, Right
from app.services.access.current import CurrentAccess
from app.services.access.declared import needs, open_to_all, right_for
from app.services.access.sessions import find_session, principal_of

__all__ = ["needs", "open_to_all"]  # beside what is defined here

COOKIE = "dnso_session"
_CALLER = "console.caller"  # in the scope of a call


class LoginNeeded(Exception):
    """Nobody has said who he is, and the page is not for everybody."""


class PageRoute(APIRoute):
    """A route that insists on the right that its page declares. HEAD is answered as GET is."""

    def __init__(self, *given: Any, **described: Any) -> None:
        super().__init__(*given, **described)
        if self.methods and "GET" in self.methods:
            self.methods.add("HEAD")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route. Raises LookupError where its right is not declared."""
        right = right_for(self.endpoint)
        handle = super().get_route_handler()

        async def handle_if_allowed(request: Request) -> Response:
            request.scope[_CALLER] = caller = await _find_caller(request)
            if right is not None:
                _require(caller, right)
            return await handle(request)

        return handle_if_allowed


def caller_of(request: Request) -> Caller | None:
    """Return who looks at a page; None where nobody has said it, or it is not known yet."""
    found: Caller | None = request.scope.get(_CALLER)
    return found


def address_of(request: Request) -> str | None:
    """Return from where the reader calls."""
    return request.client.host if request.client else None


def has_right(caller: Caller | None, right: Right) -> bool:
    """Return whether he may do what needs the right."""
    return caller is not None and (caller.unrestricted or caller.principal.has(right))


def _the_caller(request: Request) -> Caller:
    found = caller_of(request)
    if found is None:
        raise LoginNeeded
    return found


TheCaller = Annotated[Caller, Depends(_the_caller)]
"""Who looks at a page, as a parameter of it."""


async def _find_caller(request: Request) -> Caller | None:
    """Return whose session the cookie is of; None for nobody's."""
    address = address_of(request)
    if settings().auth == "off":
        return replace(EVERYBODY, address=address)
    cookie = request.cookies.get(COOKIE)
    found = await run_in_threadpool(find_session, cookie) if cookie else None
    if found is None:
        return None
    access: CurrentAccess = request.app.state.access
    snapshot = await access.snapshot()
    principal = principal_of(found, snapshot, request.app.state.oidc, address)
    return Caller(principal, snapshot.grants, address=address) if principal else None


def _require(caller: Caller | None, right: Right) -> None:
    """Raise LoginNeeded, RightMissing unless the caller has the right."""
    if caller is None:
        raise LoginNeeded
    if not has_right(caller, right):
        raise RightMissing(right)
