"""`doctor`: what is wrong between here and the DNS servers."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.examination import examine
from app.cli.findings import Finding
from app.cli.output import printable

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Ask every part and every DNS server; say what is wrong; exit status 1 if something is.

    Nothing is changed. Run it where the worker runs, with the worker's environment.
    """
    findings = list(examine())
    well = all(each.state != "failed" for each in findings)
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(each) for each in findings]}))
    elif sys.stdout.isatty():
        _show_table(findings)
    else:
        for each in findings:
            typer.echo("\t".join((each.what, each.state, printable(each.words))))
    if not well:
        raise typer.Exit(1)


def _show_table(findings: Iterable[Finding]) -> None:
    table = Table("what", "", "", box=None, pad_edge=False)
    for each in findings:
        colour = _COLOURS[each.state]
        table.add_row(each.what, f"[{colour}]{each.state}[/]", escape(printable(each.words)))
    Console().print(table)
