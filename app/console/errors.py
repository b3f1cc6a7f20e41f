"""Errors as pages: what is wrong, and what to do. Nothing that a browser can send ends in a stack trace."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.console.auth import LoginNeeded, caller_of
from app.console.rendering import address, here, show
from app.core.database_errors import DATABASE_ERRORS, words_for
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.errors import DomainError, Error, InvalidInput, Reason
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.words import words

log = get_logger(__name__)

_KEPT = frozenset({"connection", "retry-after"})  # of the headers of what was refused
_EVENTS = "text/event-stream"
_MAX_WANTED = 1_000  # characters of an address that the login leads back to

_TITLES: Mapping[int, str] = {
    400: "This can't be read",
    401: "You are not logged in",
    403: "You may not do this",
    404: "There is no such page",
    405: "This page can't be called so",
    409: "This does not fit what is stored",
    413: "That is too much at once",
    421: "This service has another name",
    422: "Something has to be put right",
    429: "Not so fast",
    500: "The service has made a mistake",
    503: "This does not work just now",
}
_WHAT_TO_DO: Mapping[int, str] = {
    403: "An administrator can give you the role, or a grant: the page about access says what you have.",
    404: "It may have been removed, or belong to another account.",
    409: "Go back, load the page again, and look at what there is now.",
    429: "Wait a moment, then try again.",
    500: "The log of the api says more; what you have sent may or may not have been done.",
    503: "Nothing is lost. Try again in a moment.",
}


def install(app: FastAPI) -> None:
    """Register a handler for every error that may come out of a page."""
    app.add_exception_handler(LoginNeeded, _lead_to_login)
    app.add_exception_handler(Error, _show_error)
    app.add_exception_handler(HTTPException, _show_refused)
    app.add_exception_handler(RequestValidationError, _show_invalid)
    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, _show_database_error)
    app.add_exception_handler(Exception, _show_bug)


def error_page(
    request: Request,
    status: int,
    message: str | None = None,
    code: str | None = None,
    reasons: tuple[Reason, ...] = (),
) -> Response:
    """Return a page about an error."""
    return show(
        request,
        "error.html",
        status,
        status=status,
        title=_TITLES.get(status, HTTPStatus(status).phrase),
        message=message,
        code=code,
        reasons=reasons,
        what_to_do=_WHAT_TO_DO.get(status),
    )


def show_refusal(app: FastAPI, path: str, scope: Scope, answer: Response) -> Response:
    """Return a page in the place of an answer in JSON that refuses a call to the console at `path`."""
    request = Request({**scope, "app": app, "root_path": scope.get("root_path", "") + path})
    said = json.loads(bytes(answer.body))
    page = error_page(request, answer.status_code, said["detail"], said.get("code"))
    page.headers.update({name: value for name, value in answer.headers.items() if name in _KEPT})
    return page


def _show_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, Error)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # meant for operators: handled as any other bug
        raise error
    if error.status == HTTPStatus.FORBIDDEN:
        _note_refused(request, error)
    if isinstance(error, DomainError):
        error = InvalidInput([error.reason()])
    if isinstance(error, InvalidInput):
        return error_page(request, error.status, reasons=tuple(error.reasons))
    answer = error_page(request, error.status, str(error), error.code)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _note_refused(request: Request, error: Error) -> None:
    caller = caller_of(request)
    if caller is not None:
        request.app.state.refusals.note(caller.principal, error.code, str(error), caller.address)


def _show_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words_of_http = HTTPStatus(error.status_code).phrase
    answer = error_page(request, error.status_code, error.detail if error.detail != words_of_http else None)
    answer.headers.update(error.headers or {})
    return answer


def _show_invalid(request: Request, error: Exception) -> Response:
    """Answer to a parameter or a form that can't be read; without the input, which may be anything."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    reasons = [
        Reason(each["loc"], each["type"], words(each["type"], each["msg"], each["loc"][1:], None))
        for each in found
    ]
    return error_page(request, 422, reasons=tuple(at_most(MAX_REASONS, reasons)))


def _lead_to_login(request: Request, _: Exception) -> Response:
    """Lead to the login, which leads back to where one wanted to go; nobody is led there by a stream."""
    if _EVENTS in request.headers.get("accept", ""):
        return error_page(request, 401)
    wanted = here(request) if request.method == "GET" else None
    is_short = wanted is not None and len(wanted) < _MAX_WANTED
    return RedirectResponse(address(request, "/login", next=wanted if is_short else None), 303)


def _show_database_error(request: Request, error: Exception) -> Response:
    code, message = words_for(error)
    log.error("page not shown: the database failed; the reader is told so", code=code, error=cause(error))
    return error_page(request, 503, message, code)


def _show_bug(request: Request, _: Exception) -> Response:
    return error_page(request, 500, code=Error.code)
