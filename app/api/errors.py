"""How errors become answers; nothing that a client can send ends in a stack trace."""

from collections.abc import Callable, Iterable, Mapping
from typing import Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.requests import ClientDisconnect

from app.core.logging import get_logger
from app.domain.rules import Reason
from app.schemas import response
from app.services.requests.group_commit import Overloaded

log = get_logger(__name__)

RETRY_AFTER = "2"  # seconds


class Refusal(Exception):
    """The input can't be accepted; all the reasons, with their place within `where`."""

    def __init__(self, reasons: Iterable[Reason], where: str = "body") -> None:
        super().__init__("refused")
        self.detail = shown(reasons, where)

    def also(self, other: Self) -> Self:
        """This one, with the other's reasons too."""
        self.detail += other.detail
        return self


class Problem(Exception):
    """Any other answer than success."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


def shown(reasons: Iterable[Reason], where: str = "body") -> list[response.Reason]:
    """The reasons in FastAPI's shape."""
    return [
        response.Reason(loc=[where, *reason.loc], msg=reason.message, type=reason.code) for reason in reasons
    ]


def install(app: FastAPI) -> None:
    """Register the handlers."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _broken)


def refused(reasons: Iterable[Reason], status: int) -> JSONResponse:
    """All the reasons, in FastAPI's shape."""
    return _detailed(shown(reasons), status)


def _detailed(detail: Iterable[response.Reason], status: int = 422) -> JSONResponse:
    return JSONResponse({"detail": [reason.model_dump() for reason in detail]}, status)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return _detailed(error.detail)


def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return JSONResponse({"detail": error.detail}, error.status)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    detail = [{"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]} for item in error.errors()]
    return JSONResponse({"detail": detail}, 422)


def _broken(_: Request, __: Exception) -> JSONResponse:
    """Our own mistake; the server logs the stack trace."""
    return JSONResponse({"detail": "an internal error; the log of the api says more"}, 500)


def _database_away(_: Request, error: Exception) -> JSONResponse:
    """Also a database that takes no writes, as a standby does until it is promoted: an InternalError."""
    log.error("database error", error=str(error))
    return JSONResponse(
        {"detail": "the database is not available; try again"}, 503, {"Retry-After": RETRY_AFTER}
    )


def _overloaded(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": "more requests wait to be stored than may wait; try again"},
        503,
        {"Retry-After": RETRY_AFTER},
    )


def _gone(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the body broke off"}, 400)  # which nobody reads


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
    ClientDisconnect: _gone,
    Refusal: _refused,
    Problem: _problem,
    RequestValidationError: _invalid,
    Overloaded: _overloaded,
    OperationalError: _database_away,
    InterfaceError: _database_away,
    InternalError: _database_away,
    NoConnection: _database_away,
}
