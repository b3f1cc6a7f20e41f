"""How errors become answers. Nothing that a client can send ends in a stack trace."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api.refusals import note_refused
from app.core import database_errors, metrics
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.change import RRsetState
from app.domain.errors import (
    DomainError,
    Error,
    InvalidInput,
    MovedRRset,
    PlanStale,
    Reason,
)
from app.domain.international import name_in_unicode, values_in_unicode
from app.domain.reasons import MAX_REASONS, at_most
from app.domain.zone_key import view_of
from app.schemas import plans, response
from app.schemas.words import words

log = get_logger(__name__)

_AS_ELSEWHERE = {
    "model_attributes_type": "model_type"
}  # FastAPI has one of its own for a body that is no object
_CALL_CODES = {  # that are refused before anything of them is looked at
    404: "path_unknown",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "media_type_unsupported",
}
_CALL_WORDS = {  # for the words of HTTP itself
    "Not Found": "there is nothing at this path: docs/reference/api.md and README.md list the calls",
    "Method Not Allowed": "this path has no such method: the header Allow has those that it has",
}
RETRY_AFTER = 2  # seconds after which the database is worth another try


def install(app: FastAPI) -> None:
    """Register a handler for every error that may come out of a call."""
    app.add_exception_handler(Error, answer_error)
    app.add_exception_handler(HTTPException, _answer_refused)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_disconnected)
    for kind in database_errors.DATABASE_ERRORS:
        app.add_exception_handler(kind, answer_database_error)


def wire_reasons(reasons: Iterable[Reason]) -> list[response.Reason]:
    """Return the reasons in FastAPI's shape."""
    return [response.Reason(loc=list(reason.loc), msg=reason.message, type=reason.code) for reason in reasons]


def _answer(detail: Any, status: int, code: str | None = None, retry_after: int | None = None) -> Response:
    metrics.CALLS_REFUSED.inc(code=code or "none")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    content = {"detail": detail} if code is None else {"detail": detail, "code": code}
    return Response(to_json(content), status, headers, "application/json")


def _answer_reasons(reasons: Iterable[Reason], status: int) -> Response:
    """Answer with all that is wrong with a call, in FastAPI's shape."""
    content = wire_reasons(reasons)
    metrics.CALLS_REFUSED.inc(code=content[0].type if content else "none")
    return Response(to_json({"detail": content}), status, media_type="application/json")


def answer_error(request: Request, error: Exception) -> Response:
    """Answer to a call that failed with an error of ours; the audit is told what was forbidden."""
    assert isinstance(error, Error)
    if error.status == HTTPStatus.FORBIDDEN:
        note_refused(request.scope, error.code, str(error))
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # meant for operators: handled as any other bug
        raise error
    if isinstance(error, DomainError):
        error = InvalidInput([error.reason()])
    if isinstance(error, InvalidInput):
        return _answer_reasons(error.reasons, error.status)
    if isinstance(error, PlanStale):
        moved = [_moved_out(rrset) for rrset in error.moved[:MAX_REASONS]]
        metrics.CALLS_REFUSED.inc(code=error.code)
        stale = plans.StalePlan(detail=str(error), code=error.code, moved=moved)
        return Response(stale.model_dump_json(), error.status, media_type="application/json")
    return _answer(str(error), error.status, error.code, error.retry_after)


def _moved_out(moved: MovedRRset) -> plans.MovedOut:
    return plans.MovedOut(
        zone=moved.zone,
        view=view_of(moved.zone),
        domain=moved.key.name,
        domain_unicode=name_in_unicode(moved.key.name),
        record_type=moved.key.type,
        before=_rrset_out(moved.key.type, moved.before),
        now=_rrset_out(moved.key.type, moved.now),
    )


def _rrset_out(record_type: str, state: RRsetState) -> plans.RRsetOut | None:
    if not state.rdata:
        return None
    return plans.RRsetOut(state.ttl, [*state.rdata], values_in_unicode(record_type, state.rdata))


def _answer_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _CALL_WORDS.get(error.detail, error.detail)
    answer = _answer(detail, error.status_code, _CALL_CODES.get(error.status_code))
    answer.headers.update(error.headers or {})
    return answer


def _answer_invalid(request: Request, error: Exception) -> Response:
    """Answer to a parameter or a body that FastAPI refuses; without the input, which may be anything."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    shape = _shape_of_body(request.scope.get("route"))
    reasons = [
        Reason(item["loc"], _AS_ELSEWHERE.get(item["type"], item["type"]), _words(item, shape))
        for item in found[:MAX_REASONS]
    ]
    limited = at_most(MAX_REASONS, reasons, len(found) - len(reasons))
    return _answer_reasons(limited, 422)


def _words(item: Mapping[str, Any], shape: type[BaseModel] | None) -> str:
    return words(item["type"], item["msg"], item["loc"][1:], shape)


def _shape_of_body(route: object) -> type[BaseModel] | None:
    field = route.body_field if isinstance(route, APIRoute) else None
    shape = field.field_info.annotation if field is not None else None
    return shape if isinstance(shape, type) and issubclass(shape, BaseModel) else None


def _answer_disconnected(_: Request, __: Exception) -> Response:
    return _answer("the client closed the connection before its body was complete", 400)  # which nobody reads


def answer_database_error(_: Request, error: Exception) -> Response:
    """Answer to a call that failed with one of the database's errors. Raises those that are bugs of ours."""
    code, detail = database_errors.words_for(error)
    log.error("call not answered: the database failed; the client is told so", code=code, error=cause(error))
    return _answer(detail, 503, code, RETRY_AFTER)


def answer_bug() -> Response:
    """Answer to a mistake of our own; the server logs the stack trace."""
    return _answer("an internal error; the log of the api says more", 500, Error.code)
