"""`restored`: make a database safe that was restored from a backup."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import ProgrammingError

from app.cli.access import errors_said, whoever_runs_this
from app.core.celery_app import celery_app
from app.core.redis import BROKER_ERRORS
from app.services.restored import WorkerAlive, put_aside
from app.store.restored import PutAside

_PING_TIMEOUT = 2.0  # seconds
_NEXT = (
    "Start the workers: nothing of the backup is applied, and the imported zones are compared as a whole.",
    "See what differs, and adopt what is right: dns-orchestrator drift list ZONE, drift adopt ZONE.",
    "Look at what was put aside, and retry what is still wanted: dns-orchestrator list --code restored.",
    "Revoke again the tokens and grants that were revoked since the backup: python -m app.cli token list.",
)


def restored(
    force: Annotated[
        bool, typer.Option("--force", help="do it though Redis can't be asked: no worker runs, I have looked")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Put aside what was open in a backup, after pg_restore and before a worker starts.

    Every open request fails with the code `restored`, and can be retried; imported zones are compared with
    their servers as a whole; drift is only reported; plans are dropped, sessions of the console end. May be
    repeated. Refused while a worker is alive.
    """
    try:
        _ask_for_workers(force=force)
        done = _put_aside()
    except WorkerAlive as error:
        typer.echo(f"A worker is alive: {error}. Stop all workers, wait until LEASE has passed.", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps({**done._asdict(), "next": _next(done)}))
    elif sys.stdout.isatty():
        _show_table(done)
    else:
        for what, said in _lines(done):
            typer.echo(f"{what}\t{said}")
        for line in _next(done):
            typer.echo(f"next\t{line}")


def _put_aside() -> PutAside:
    """Put aside what was open. Ends the command where nothing was restored yet. Raises WorkerAlive."""
    with errors_said():
        try:
            return put_aside(whoever_runs_this())
        except ProgrammingError as error:
            if not isinstance(error.orig, UndefinedTable):
                raise
            typer.echo(
                "The database lacks the service's tables: restore the dump first, then run"
                " `python -m app.cli migrate`, and this once more.",
                err=True,
            )
            raise typer.Exit(1) from error


def _ask_for_workers(*, force: bool) -> None:
    """Raise WorkerAlive where one answers over Redis. Ends the command where Redis can't be asked."""
    try:
        found = celery_app.control.ping(timeout=_PING_TIMEOUT)
    except BROKER_ERRORS as error:
        if force:
            return
        typer.echo(
            f"Redis can't be asked whether a worker is alive ({error}). Where none is: --force.", err=True
        )
        raise typer.Exit(1) from error
    if names := sorted(name for answer in found or () for name in answer):
        raise WorkerAlive(", ".join(names))


def _lines(done: PutAside) -> Iterator[tuple[str, str]]:
    """Yield what was done, and to how many."""
    by_status = ", ".join(f"{number} {status}" for status, number in done.requests.items())
    yield "requests put aside", by_status or "none was open"
    yield "zones to be compared", str(done.compared)
    yield "zones whose drift is only reported now", ", ".join(done.report_only) or "none restored it"
    yield "plans dropped", str(done.plans)
    yield "sessions of the console ended", str(done.sessions)


def _next(done: PutAside) -> list[str]:
    again = [f"Then set `drift` to `restore` again: {', '.join(done.report_only)}."]
    return [*_NEXT, *(again if done.report_only else ())]


def _show_table(done: PutAside) -> None:
    table = Table("done", "", box=None, pad_edge=False)
    for what, said in _lines(done):
        table.add_row(what, escape(said))
    console = Console()
    console.print(table)
    console.print("\nNext:")
    for number, line in enumerate(_next(done), 1):
        console.print(escape(f"{number}. {line}"))
