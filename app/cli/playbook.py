"""`playbook`: whether the playbook that applies DNS changes keeps its contract."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.output import printable
from app.conformance.check import TrialSetup, check_playbook
from app.conformance.contract import Finding
from app.core.config import settings
from app.domain.errors import DomainError, InventoryError
from app.domain.read_zone import read_zone_key
from app.runner import make_ansible_runner
from app.runner.ansible.honours import honoured
from app.runner.ansible.inventory import authoritative_servers, host_variables
from app.runner.protocol import RunEvent

playbook = typer.Typer(help="The playbook that applies DNS changes", no_args_is_help=True)


@playbook.command("check")
def check_contract(
    zone: Annotated[
        str,
        typer.Option(help="a zone for trying out, or name@view; only names below a random label change"),
    ],
    backend: Annotated[str, typer.Option(help="the inventory host that serves it")],
    path: Annotated[
        Path | None, typer.Option("--playbook", exists=True, dir_okay=False, help="instead of PLAYBOOK")
    ] = None,
    inventory: Annotated[Path | None, typer.Option(help="instead of INVENTORY")] = None,
    ask: Annotated[bool, typer.Option(help="ask the DNS servers what they answer")] = True,
    timeout: Annotated[float, typer.Option(min=1, help="seconds for one run")] = 120,
    patience: Annotated[float, typer.Option(min=0, help="seconds until every server must answer")] = 10,
    verbose: Annotated[bool, typer.Option(help="what Ansible says, on standard error")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Run a playbook over harmless changes; say what of its contract it breaks; exit status 0 if nothing."""
    hosts = inventory or settings().inventory
    try:
        setup = TrialSetup(
            make_ansible_runner(path, hosts, trial=True),
            read_zone_key(zone),
            backend,
            authoritative_servers(hosts, backend) if ask else [],
            honoured(host_variables(hosts, backend), path or settings().playbook),
            timeout,
            patience,
            _say if verbose else _say_nothing,
            _say_progress,
        )
    except (InventoryError, DomainError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    findings = check_playbook(setup)
    _show_findings(findings, as_json)
    if not _all_hold(findings):
        raise typer.Exit(1)


def _say(event: RunEvent) -> None:
    typer.echo(printable(event.message), err=True)


def _say_progress(what: str) -> None:
    typer.echo(f"… {what}", err=True)


def _say_nothing(_: RunEvent) -> None:
    pass


def _show_findings(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        typer.echo(
            json.dumps({"holds": _all_hold(findings), "checks": [each.as_json() for each in findings]})
        )
    elif sys.stdout.isatty():
        _show_findings_table(findings)
    else:
        for each in findings:
            for line in each.lines:
                typer.echo("\t".join((each.check, _verdict(each), printable(line))))


def _show_findings_table(findings: Sequence[Finding]) -> None:
    table = Table("point of the contract", "", "")
    for each in findings:
        colour = {True: "green", False: "red", None: "yellow"}[each.holds]
        words = "\n".join(escape(printable(line)) for line in each.lines)
        table.add_row(each.check, f"[{colour}]{_verdict(each)}[/]", words)
    Console().print(table)


def _verdict(finding: Finding) -> str:
    return {True: "holds", False: "broken", None: "not tried"}[finding.holds]


def _all_hold(findings: Sequence[Finding]) -> bool:
    return not any(finding.holds is False for finding in findings)
