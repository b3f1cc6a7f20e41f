"""All commands."""

from typing import Annotated

import typer

from dns_orchestrator.cli.changes import add_changes
from dns_orchestrator.version import VERSION

app = typer.Typer(
    name="dns-orchestrator",
    help="Ask for DNS changes, follow them, and look at what is there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_changes(app)


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
    """Run the command that the arguments name."""
    app()
