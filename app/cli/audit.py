"""`audit`: what was done by privilege."""

import json
from dataclasses import asdict
from datetime import datetime

import typer

from app.cli.access import errors_said
from app.core.database import transaction
from app.services.access.audit import entries, follow

audit = typer.Typer(help="What was done by privilege", no_args_is_help=True)


@audit.command("verify")
def verify() -> None:
    """Look for entries that were changed, removed or inserted; exit status 1 if there are any.

    Shows how many there are, and the hash of the last one: kept elsewhere, it tells whether the last ones
    were cut off.
    """
    with errors_said(), transaction() as session:
        chain = follow(session)
    if chain.fault:
        typer.echo(
            f"The audit is broken: {chain.fault}. {chain.length} entries before it are good.", err=True
        )
        raise typer.Exit(1)
    typer.echo(f"{chain.length} entries, nothing changed. The last hash: {chain.head.hex()}")


@audit.command("export")
def export() -> None:
    """Print every entry, oldest first, one JSON object a line."""
    with errors_said(), transaction() as session:
        for entry in entries(session):
            typer.echo(json.dumps(asdict(entry), default=datetime.isoformat))
