"""`audit`: what was done by privilege."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from app.cli.access import errors_said
from app.core.database import transaction
from app.services.access.audit import entries, follow

audit = typer.Typer(help="What was done by privilege", no_args_is_help=True)


@audit.command("verify")
def verify(
    last_hash: Annotated[
        str | None, typer.Option(help="the last hash, as this command has shown it at an earlier time")
    ] = None,
) -> None:
    """Look for entries that were changed, removed or inserted; exit status 1 if there are any.

    Shows how many there are, and the hash of the last one: kept elsewhere, it tells whether the last ones
    were cut off.
    """
    kept = None if last_hash is None else _read_hash(last_hash)
    with errors_said(), transaction() as session:
        chain = follow(session, kept)
    if chain.fault:
        typer.echo(
            f"The audit is broken: {chain.fault}. {chain.length} entries before it are good.", err=True
        )
        raise typer.Exit(1)
    if not chain.has_kept:
        words = f"no entry has the hash {last_hash}: the last ones were cut off, or all were made anew"
        typer.echo(f"The audit is broken: {words}. There are {chain.length} entries.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{chain.length} entries, nothing changed. The last hash: {chain.head.hex()}")


def _read_hash(text: str) -> bytes:
    """Return the hash. An empty one is refused, too: the file in which it was kept may be gone."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        words = "a hash has 64 hexadecimal digits, as this command shows it"
        raise typer.BadParameter(words, param_hint="'--last-hash'")
    return bytes.fromhex(text)


@audit.command("export")
def export() -> None:
    """Print every entry, oldest first, one JSON object a line."""
    with errors_said(), transaction() as session:
        for entry in entries(session):
            typer.echo(json.dumps(asdict(entry), default=datetime.isoformat))
