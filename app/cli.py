"""The command line: `python -m app.cli`."""

import json
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.core import database
from app.core.config import settings
from app.core.logging import configure_command
from app.domain.contract import Finding
from app.domain.errors import DomainError
from app.domain.names import normalize
from app.kafka.letter import Letter
from app.kafka.letter_box import LetterBox, LetterBoxError
from app.runner import ansible_runner
from app.runner.base import RunEvent
from app.runner.inventory import InventoryError, authoritative_servers
from app.services.playbook_check import Bench, check_playbook

app = typer.Typer(help="DNS Request Orchestrator", no_args_is_help=True, add_completion=False)
dlq = typer.Typer(help="Kafka messages that could not be accepted", no_args_is_help=True)
playbook = typer.Typer(
    help="The playbook that applies DNS changes", no_args_is_help=True, callback=configure_command
)
app.add_typer(dlq, name="dlq")
app.add_typer(playbook, name="playbook")

COLUMNS = ("partition", "offset", "at", "state", "error", "origin", "key")


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    database.upgrade()


@dlq.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, with the value")] = False,
) -> None:
    """Show the dead letters, oldest first: a table on a terminal, tab-separated lines in a pipe."""
    with _letter_box() as box:
        letters = list(deque(box.letters(), maxlen=limit))
    if as_json:
        for letter in letters:
            typer.echo(json.dumps(_fields(letter) | {"value": _text(letter.message.value())}))
    elif sys.stdout.isatty():
        _show_table(letters)
    else:
        for letter in letters:
            typer.echo("\t".join(str(field) for field in _fields(letter).values()))


@dlq.command("replay")
def replay_letters(
    offset: Annotated[int | None, typer.Option(min=0, help="send back this letter only, even again")] = None,
    partition: Annotated[int, typer.Option(min=0, help="of the dead-letter topic; for --offset")] = 0,
    everything: Annotated[bool, typer.Option("--all", help="send back all that were not yet")] = False,
) -> None:
    """Send dead letters back to the topic from which they came, as they were."""
    if everything == (offset is not None):
        raise typer.BadParameter("say either --all or --offset")
    with _letter_box() as box:
        if offset is None:
            _tell(box.replay_waiting())
        else:
            letter = box.find(partition, offset)
            _tell(iter([(letter, box.replay(letter))]))


@playbook.command("check")
def check_contract(
    zone: Annotated[str, typer.Option(help="a zone for trying out; only names below a random label change")],
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
        bench = Bench(
            ansible_runner(settings(), path, hosts),
            normalize(zone),
            backend,
            authoritative_servers(hosts, backend) if ask else [],
            timeout,
            patience,
            _say if verbose else _say_nothing,
        )
    except (InventoryError, DomainError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    findings = check_playbook(bench)
    _show_findings(findings, as_json)
    if not _all_hold(findings):
        raise typer.Exit(1)


@contextmanager
def _letter_box() -> Iterator[LetterBox]:
    """The letter box; its troubles end the command with a plain sentence."""
    try:
        box = LetterBox(settings())
        try:
            yield box
        finally:
            box.close()
    except LetterBoxError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _tell(outcomes: Iterator[tuple[Letter, str | None]]) -> None:
    """Count what was sent back; name each letter that could not be. Exit status 1 if there is one."""
    sent = 0
    left = 0
    for letter, obstacle in outcomes:
        if obstacle is None:
            sent += 1
            continue
        left += 1
        typer.echo(f"{letter.place} stays: {obstacle}", err=True)
    typer.echo(f"{sent} sent back" + (f", {left} not" if left else ""))
    if left:
        raise typer.Exit(1)


def _fields(letter: Letter) -> dict[str, str | int]:
    values = (
        letter.place.partition,
        letter.place.offset,
        letter.at.isoformat(timespec="seconds"),
        "replayed" if letter.replayed else "waiting",
        _visible(letter.error),
        _visible(letter.origin),
        _visible(_text(letter.message.key()) or ""),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _show_table(letters: list[Letter]) -> None:
    table = Table(*COLUMNS)
    for letter in letters:
        table.add_row(*(escape(str(field)) for field in _fields(letter).values()))
    Console().print(table)


def _say(event: RunEvent) -> None:
    typer.echo(_visible(event.message), err=True)


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
            for line in each.broken or [each.note]:
                typer.echo("\t".join((each.check, _verdict(each), _visible(line))))


def _show_findings_table(findings: Sequence[Finding]) -> None:
    table = Table("point of the contract", "", "")
    for each in findings:
        colour = "green" if each.holds else "red"
        words = "\n".join(escape(_visible(line)) for line in [*each.broken, each.note] if line)
        table.add_row(each.check, f"[{colour}]{_verdict(each)}[/]", words)
    Console().print(table)


def _verdict(finding: Finding) -> str:
    return "holds" if finding.holds else "broken"


def _all_hold(findings: Sequence[Finding]) -> bool:
    return all(finding.holds for finding in findings)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")


def _visible(text: str) -> str:
    """The text without what would move the cursor, colour the terminal or break a line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


if __name__ == "__main__":
    app()
