"""What the commands about access share: who runs them, and errors that end with a sentence."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import DBAPIError

from app.core.startup import cause
from app.domain.errors import Error, InvalidInput
from app.domain.permissions import Caller, Grants, Principal, Role


def whoever_runs_this() -> Caller:
    """Return who uses the command line: whoever can reach the database may do everything."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user that has no name
        user = "unknown"
    return Caller(Principal(f"cli {user}", roles=frozenset({Role.ADMIN})), Grants(), unrestricted=True)


def _why_not(error: DBAPIError) -> str:
    if isinstance(error.orig, InsufficientPrivilege):
        return (
            "The role in DATABASE_URL may not do this, the api's may: "
            "docs/how-to/production.md#roles-in-postgresql."
        )
    return "The database can't be used, or is not migrated yet."


@contextmanager
def errors_said() -> Iterator[None]:
    """End the command with the text of an error, and exit status 1."""
    try:
        yield
    except InvalidInput as error:
        for reason in error.reasons:
            typer.echo(f"{'.'.join(map(str, reason.loc[1:]))}: {reason.message}".removeprefix(": "), err=True)
        raise typer.Exit(1) from error
    except Error as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except DBAPIError as error:
        typer.echo(f"{_why_not(error)} {cause(error)}", err=True)
        raise typer.Exit(1) from error
