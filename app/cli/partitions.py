"""`partitions`: the tables that grow, by time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from app.cli.access import errors_said
from app.core.database import statements
from app.core.partitioning import FIRST, Partition, time_of
from app.core.startup import cause
from app.services import partitions as service
from app.services.retention import retire, turn

partitions = typer.Typer(help="The tables that grow: their partitions by time", no_args_is_help=True)


@partitions.command("list")
def list_() -> None:
    """List the tables and their partitions."""
    with errors_said(), statements() as session:
        states = service.list_states(session)
    for state in states:
        typer.echo(f"{state.table}: {'' if state.partitions else 'not in partitions'}")
        for each in state.partitions:
            typer.echo(f"  {each.name}\t{_begin(each)}\t{time_of(each.end):%Y-%m-%d}")


@partitions.command("switch")
def switch() -> None:
    """Put tables that an older release has made into partitions; no process of it may be running any more."""
    try:
        if not _say_each(f"{table} is in partitions." for table in service.switch()):
            typer.echo("All tables are in partitions already: there is nothing to do.")
    except DBAPIError as error:
        typer.echo(f"Not all tables are in partitions. {cause(error)}", err=True)
        raise typer.Exit(1) from error


@partitions.command("make")
def make() -> None:
    """Make the partitions of this time and of the next one: workers do, unless MIGRATE is off."""
    with errors_said():
        typer.echo(f"{service.make_ahead()} partitions were made.")


@partitions.command("retire")
def retire_(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="the day by which they end, in UTC")],
    export: Annotated[Path | None, typer.Option(help="the folder for what is dropped, as JSON lines")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="drop it without a file")] = False,
) -> None:
    """Write partitions to files and drop them, unless requests of them are open."""
    if drop == (export is not None):
        raise typer.BadParameter("say --export FOLDER or --drop")
    if (day := before.replace(tzinfo=UTC)) > datetime.now(UTC):
        raise typer.BadParameter("--before is a day to come: that would drop what is written to now")
    try:
        with errors_said(), turn() as is_mine:
            if not is_mine:
                typer.echo("A worker, or another command, is at it. Try again later.", err=True)
                raise typer.Exit(1)
            if not _say_each(retire(day, export)):
                typer.echo(f"0 partitions retired: {_why_none(day)}.", err=True)
    except OSError as error:
        typer.echo(f"The files can't be written: {error}", err=True)
        raise typer.Exit(1) from error


def _say_each(lines: Iterable[str]) -> bool:
    """Print each line when it comes; return whether there was one."""
    is_said = False
    for line in lines:
        typer.echo(line)
        is_said = True
    return is_said


def _why_none(day: datetime) -> str:
    with statements() as session:
        oldest = next(iter(service.list_states(session)[0].partitions), None)
    if oldest is None:
        return "the tables are not in partitions, see `partitions switch`"
    if time_of(oldest.end) > day:
        return f"the oldest, {oldest.name}, ends on {time_of(oldest.end):%Y-%m-%d}"
    return f"the oldest, {oldest.name}, has open requests, or somebody uses the table"


def _begin(partition: Partition) -> str:
    return "" if partition.first == FIRST else f"{time_of(partition.first):%Y-%m-%d}"
