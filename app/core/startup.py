"""Starting a process: what keeps it from starting is said in one line, not in a stack trace."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import psycopg
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.core.database import require_schema
from app.core.logging import get_logger
from app.core.migrations import SchemaOutdated

log = get_logger(__name__)

_RIGHTS = (
    "run `python -m app.cli migrate` as the tables' owner, and give this role"
    " the rights that deploy/postgres/roles.sql has"
)
_NO_TABLES = "the tables are not there yet, or not up to date: the api makes them when it starts"
_LOOK_AGAIN, _LONG = 0.5, 30.0  # seconds


class CannotStart(Exception):
    """The process can't start; the text, one line, says why."""


@contextmanager
def said_in_one_line() -> Iterator[None]:
    """Turn the database's errors in the block into CannotStart, and log it."""
    try:
        yield
    except (DBAPIError, SchemaOutdated) as error:
        reason, what = cause(error), "can't be used; check DATABASE_URL"
        if isinstance(error, SchemaOutdated):
            what = "has not been migrated to this release"
        elif isinstance(error.orig, InsufficientPrivilege):
            what = "gives this role too few rights"
            reason = f"{reason}: {_RIGHTS}"
        log.error(f"can't start: the database {what}", reason=reason)
        logging.getLogger("uvicorn.error").addFilter(_is_no_stack_trace)
        raise CannotStart(reason) from None


def wait_for_schema(stop: Event) -> None:
    """Wait until the tables are as this release needs them, or `stop` is set.

    Returns also where that can't be found out: who works then says by itself what is wrong.
    """
    waited = 0.0
    while not stop.is_set():
        try:
            require_schema()
        except SchemaOutdated as error:
            if waited == 0:
                log.info(f"{_NO_TABLES}; this process begins when it has")
            elif waited == _LONG:
                log.warning(f"{_NO_TABLES}; this process waits for that", reason=str(error))
        except SQLAlchemyError:
            return
        else:
            return
        stop.wait(_LOOK_AGAIN)
        waited += _LOOK_AGAIN


def cause(error: Exception) -> str:
    """Return what the database's driver said, on one line, without the statement."""
    said = error.orig if isinstance(error, DBAPIError) else error
    by_server = said.diag.message_primary if isinstance(said, psycopg.Error) else None
    return by_server or " ".join(str(said).split())


def _is_no_stack_trace(record: logging.LogRecord) -> bool:
    """Return whether uvicorn may log this: not the stack trace of what was said already."""
    return CannotStart.__name__ not in record.getMessage()
