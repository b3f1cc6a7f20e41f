"""Who calls, and what a call needs its caller to have a right to.

`Authentication` stands in front of every call and finds out who it is. `needs` says of an endpoint which
right its callers need; a route without that word can't be made (api/parameters.py, api/fast_routes.py).
"""

import base64
import binascii
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.api.errors import answer_database_error, answer_error
from app.api.refusals import CALLER, note_refused
from app.core.config import settings
from app.core.database_errors import DATABASE_ERRORS
from app.domain.errors import IssuerUnavailable, RightMissing
from app.domain.permissions import EVERYBODY, Caller, Principal, Right
from app.services.access.current import CurrentAccess
from app.services.access.declared import needs, open_to_all, right_for
from app.services.access.identify import KnownToken, WhyNot, identify
from app.services.access.oidc.access_tokens import AccessTokens
from app.services.access.oidc.verify import is_jwt
from app.services.access.wrong_credentials import WrongCredentials

__all__ = ["needs", "open_to_all", "right_for"]  # beside what is defined here

# What asks them has no token.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/api/v1/access/login"})
CONSOLE = "/console"  # where the web pages begin
BELOW_CONSOLE = f"{CONSOLE}/"
_REALM = 'realm="dns-request-orchestrator", charset="UTF-8"'
_CLOSE = {"Connection": "close"}  # a body that comes is read no further
_WRONG = ', error="invalid_token"'  # RFC 6750, section 3.1


def caller(request: Request) -> Caller:
    """Return who calls."""
    if settings().auth == "off":
        return EVERYBODY
    found: Caller = request.scope[CALLER]
    return found


async def _caller(request: Request) -> Caller:
    found = caller(request)
    return found if found.address or not request.client else replace(found, address=request.client.host)


TheCaller = Annotated[Caller, Depends(_caller)]
"""Who calls, as a parameter of an endpoint."""


def require_right(request: Request, right: Right | None) -> None:
    """Raise RightMissing unless the caller has the right."""
    if right is not None and settings().auth != "off" and not caller(request).principal.has(right):
        raise RightMissing(right)


class Authentication:
    """A call is answered 401 unless it shows a token that is good; 429 after many that are not.

    A token, or an access token of the OIDC issuer, stands in `Authorization: Bearer`, or is the password of
    `Authorization: Basic`.
    """

    async def refuse(self, scope: Scope, path: str) -> Response | None:
        """Note in the scope who calls this path, and return None; or return the answer to who may not.

        Who opens a page of the console, it finds out itself: by a cookie.
        """
        if path in OPEN_PATHS or path == CONSOLE or path.startswith(BELOW_CONSOLE):
            return None
        try:
            return await self._identify(scope)
        except DATABASE_ERRORS as error:
            return answer_database_error(Request(scope), error)
        except IssuerUnavailable as error:
            return answer_error(Request(scope), error)

    async def _identify(self, scope: Scope) -> Response | None:
        """Note in the scope who calls; return the answer to a call that shows no good token."""
        shown = _credentials(scope)
        if shown is None:
            note_refused(scope, "credentials_missing", "no token is shown")
            return _unauthenticated(
                "credentials_missing", "say who you are: Authorization: Bearer and a token"
            )
        found = await _find(shown, scope)
        if isinstance(found, WhyNot):
            return _refuse(found, shown, scope)
        scope[CALLER] = found
        return None


def _refuse(why: WhyNot, shown: str, scope: Scope) -> Response:
    """Return the answer to credentials that are not good."""
    wrong: WrongCredentials = scope["app"].state.wrong_credentials
    wait = wrong.note(why, shown, scope["client"][0] if scope.get("client") else None)
    if wait:
        headers = {"Retry-After": str(max(1, round(wait))), **_CLOSE}
        content = {"detail": "too many tries with wrong credentials", "code": "too_many_failures"}
        return JSONResponse(content, 429, headers)
    return _unauthenticated("credentials_invalid", "these credentials are not good", _WRONG)


async def caller_now(request: Request, right: Right) -> Caller | None:
    """Return who calls, while the answer is under way, as tokens, roles and grants are by now.

    None: what he has shown is good no more, or he has no longer that right. Raises what the database raises.
    """
    if settings().auth == "off":
        return EVERYBODY
    found = await _find(_credentials(request.scope) or "", request.scope)
    return None if isinstance(found, WhyNot) or not found.principal.has(right) else found


async def _find(shown: str, scope: Scope) -> Caller | WhyNot:
    """Return who shows that, and note the use of his token."""
    access: CurrentAccess = scope["app"].state.access
    snapshot = await access.snapshot()
    address = scope["client"][0] if scope.get("client") else None
    oidc: AccessTokens | None = scope["app"].state.oidc
    found: Principal | KnownToken | WhyNot
    if oidc is not None and is_jwt(shown):
        found = await oidc.identify(shown)
    else:
        found = identify(snapshot.tokens, shown, address)
    if isinstance(found, WhyNot):
        return found
    if isinstance(found, KnownToken):
        access.note_use(found.id)
        found = found.principal
    return Caller(found, snapshot.grants, address=address)


def _unauthenticated(code: str, detail: str, of_bearer: str = "") -> Response:
    answer = JSONResponse({"detail": detail, "code": code}, 401, _CLOSE)
    answer.headers.append("WWW-Authenticate", f"Bearer {_REALM}{of_bearer}")
    answer.headers.append("WWW-Authenticate", f"Basic {_REALM}")
    return answer


def _credentials(scope: Scope) -> str | None:
    """Return the token that the call shows, as it stands there; None where it shows none at all."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        return None
    scheme, _, rest = given[0].decode("latin-1").partition(" ")
    if len(given) > 1 or scheme.lower() not in ("bearer", "basic"):
        return ""
    return rest.strip() if scheme.lower() == "bearer" else _password(rest.strip())


def _password(encoded: str) -> str:
    """Return the password of a user that does not matter (RFC 7617); nothing if it can't be read."""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
