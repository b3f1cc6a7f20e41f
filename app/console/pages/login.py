"""Log in and out: with a token, or at the OIDC issuer."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict
from datetime import timedelta
from hmac import compare_digest
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from app.console.auth import COOKIE, PageRoute, address_of, caller_of, open_to_all
from app.console.errors import error_page
from app.console.forms import TheForm, done
from app.console.query import FilterText
from app.console.rendering import address, show
from app.core.config import settings
from app.domain.errors import NotFound, Reason
from app.services.access.current import CurrentAccess
from app.services.access.identify import WhyNot, identify
from app.services.access.oidc.login import Attempt, OidcLogin
from app.services.access.sessions import Login, begin_session, end_session
from app.services.access.wrong_credentials import WrongCredentials

router = APIRouter(route_class=PageRoute)

_ATTEMPT = "dnso_login"  # the cookie of a login that goes on at the issuer
_ATTEMPT_SECONDS = 600
_MAX_TOKEN = 200  # characters
_PATH = re.compile(r"/[\x21-\x7e]{0,1023}")
_CODE_OF_ERROR = re.compile(r"[a-z_]{1,64}")
_NOT_GOOD = "this token is not good: it is another one, has ended, or may not be used from here"


@router.get("/login")
@open_to_all
def show_login(request: Request, next: FilterText = None) -> Response:  # noqa: A002
    """The form for a token, and the way to the issuer."""
    if caller_of(request) is not None:
        return _lead_to(request, next)
    return _show_form(request, next)


@router.post("/login")
@open_to_all
async def log_in(request: Request, form: TheForm) -> Response:
    """Begin a session with a token."""
    if caller_of(request) is not None:
        return _lead_to(request, form.text("next"))
    access: CurrentAccess = request.app.state.access
    token = (form.text("token") or "")[:_MAX_TOKEN]
    found = identify((await access.snapshot()).tokens, token, address_of(request))
    if isinstance(found, WhyNot):
        return _refuse(request, found, token, form.text("next"))
    access.note_use(found.id)
    return await _begin(request, Login(found.principal, address_of(request), token=token), form.text("next"))


@router.post("/logout")
@open_to_all
async def log_out(request: Request) -> Response:
    """End the session, and lead to the issuer where it began there."""
    caller, is_of_issuer = caller_of(request), False
    if caller is not None and not caller.unrestricted:
        is_of_issuer = await run_in_threadpool(end_session, request.cookies.get(COOKIE, ""), caller)
    answer = done(request, "/logout/oidc" if is_of_issuer else "/login", "logged-out")
    answer.delete_cookie(COOKIE, path=_cookie_path(request))
    return answer


@router.get("/logout/oidc")
@open_to_all
async def lead_out(request: Request) -> Response:
    """Lead on to the issuer. A page does that: a browser lets no form lead elsewhere, not even at last."""
    login: OidcLogin | None = request.app.state.oidc_login
    there = await login.logout(_origin(request) + address(request, "/login")) if login else None
    if there is None:
        return done(request, "/login", "logged-out")
    return show(request, "logout.html", there=there, provider=urlsplit(there).hostname)


@router.get("/login/oidc")
@open_to_all
async def begin_oidc(request: Request, next: FilterText = None) -> Response:  # noqa: A002
    """Lead to the issuer."""
    there, attempt = await _login(request).begin(_origin(request) + address(request, "/login/callback"))
    answer = RedirectResponse(there, 303)
    kept = json.dumps({**asdict(attempt), "next": _local(next)})
    cookie = urlsafe_b64encode(kept.encode()).decode()
    _set_cookie(request, answer, _ATTEMPT, cookie, "/login", _ATTEMPT_SECONDS)
    return answer


@router.get("/login/callback")
@open_to_all
async def finish_oidc(
    request: Request,
    state: Annotated[str, Query(max_length=255)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
    error: Annotated[str, Query(max_length=1024)] = "",
    iss: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    """Begin a session for who comes back from the issuer."""
    login = _login(request)
    attempt, wanted = _read_attempt(request)
    is_ours = attempt is not None and compare_digest(attempt.state.encode(), state.encode())
    if attempt is None or not is_ours or iss not in (None, login.issuer.url):  # RFC 9207
        return error_page(request, 400, "this login was not begun here, or too long ago: begin again")
    if error or not code:
        said = error if _CODE_OF_ERROR.fullmatch(error) else "no code"
        return error_page(request, 403, f"the identity provider has logged nobody in: {said}")
    wrong: WrongCredentials = request.app.state.wrong_credentials
    if wrong.wait_of(address_of(request)):
        return error_page(request, 429, "too many logins have failed: wait a minute")
    found = await login.finish(code, attempt)
    if isinstance(found, WhyNot):
        return _refuse(request, found, "", wanted)
    who = Login(found.principal, address_of(request), claims=found.claims)
    answer = await _begin(request, who, wanted)
    answer.delete_cookie(_ATTEMPT, path=_cookie_path(request, "/login"))
    return answer


async def _begin(request: Request, who: Login, wanted: str | None) -> Response:
    lifetime = timedelta(hours=settings().session_hours)
    cookie = await run_in_threadpool(begin_session, who, lifetime)
    answer = _lead_to(request, wanted)
    _set_cookie(request, answer, COOKIE, cookie, "", round(lifetime.total_seconds()))
    return answer


def _refuse(request: Request, why: WhyNot, shown: str, wanted: str | None) -> Response:
    """Answer to who has not shown that he is somebody; why, only the log says."""
    wrong: WrongCredentials = request.app.state.wrong_credentials
    if wait := wrong.note(why, shown, address_of(request)):
        answer = error_page(request, 429, "too many logins have failed: wait a minute", "too_many_failures")
        answer.headers["Retry-After"] = str(max(1, round(wait)))
        return answer
    return _show_form(request, wanted, Reason(("token",), "credentials_invalid", _NOT_GOOD))


def _show_form(request: Request, wanted: str | None, error: Reason | None = None) -> Response:
    login: OidcLogin | None = request.app.state.oidc_login
    provider = urlsplit(login.issuer.url).hostname if login else None
    status = 401 if error else 200
    return show(request, "login.html", status, next=_local(wanted), provider=provider, error=error)


def _login(request: Request) -> OidcLogin:
    login: OidcLogin | None = request.app.state.oidc_login
    if login is None:
        raise NotFound("there is no login at an identity provider here")
    return login


def _local(wanted: str | None) -> str:
    """Return a path of the console, whatever somebody has put into an address."""
    return wanted if wanted and _PATH.fullmatch(wanted) else "/"


def _lead_to(request: Request, wanted: str | None) -> RedirectResponse:
    """Lead to a page of the console. Its path stands in front, so that it leads nowhere else."""
    return RedirectResponse(address(request, "") + _local(wanted), 303)


def _origin(request: Request) -> str:
    """Return by which address browsers reach this service."""
    return settings().public_url or f"{request.url.scheme}://{request.url.netloc}"


def _read_attempt(request: Request) -> tuple[Attempt | None, str]:
    try:
        kept: Any = json.loads(urlsafe_b64decode(request.cookies.get(_ATTEMPT, "")))
        return Attempt(**{name: _ascii(kept[name]) for name in Attempt.__dataclass_fields__}), str(
            kept["next"]
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, "/"


def _ascii(value: object) -> str:
    """Return what we have put into a cookie. Raises ValueError for what we have not."""
    return str(value).encode("ascii").decode()


def _set_cookie(request: Request, answer: Response, name: str, value: str, below: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_cookie_path(request, below),
        secure=_origin(request).startswith("https:"),
        httponly=True,
        samesite="lax",
    )


def _cookie_path(request: Request, below: str = "") -> str:
    return address(request, below)
