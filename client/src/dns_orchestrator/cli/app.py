"""All commands."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from dns_orchestrator.cli.access import add_access
from dns_orchestrator.cli.apply import add_bulk
from dns_orchestrator.cli.changes import add_changes
from dns_orchestrator.cli.command import PROGRAM
from dns_orchestrator.cli.completion import add_completion
from dns_orchestrator.cli.contents import add_contents
from dns_orchestrator.cli.doctor import add_doctor
from dns_orchestrator.cli.drift import add_drift
from dns_orchestrator.cli.login import add_login
from dns_orchestrator.cli.requests import add_requests
from dns_orchestrator.cli.stats import add_stats
from dns_orchestrator.cli.webhooks import add_webhooks
from dns_orchestrator.cli.zones import add_zones
from dns_orchestrator.version import VERSION

app = typer.Typer(
    name=PROGRAM,
    help="Ask for DNS changes, follow them, and look at what is there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_changes(app)
add_bulk(app)
add_requests(app)
add_zones(app)
add_contents(app)
add_drift(app)
add_webhooks(app)
add_access(app)
add_login(app)
add_completion(app)
add_doctor(app)
add_stats(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _all(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the arguments name; what a terminal has no character for becomes an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # whoever has started it has closed it
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - as long as it runs
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
