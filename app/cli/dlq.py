"""`dlq`: the Kafka messages that could not be accepted."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.output import decoded, printable
from app.core.config import settings
from app.kafka.dlq.letter import Letter
from app.kafka.dlq.replay import LetterBox, LetterBoxError

dlq = typer.Typer(help="Kafka messages that could not be accepted", no_args_is_help=True)

COLUMNS = ("partition", "offset", "at", "state", "error", "origin", "key")


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
            typer.echo(json.dumps(_fields(letter) | {"value": decoded(letter.message.value())}))
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
        printable(letter.error),
        printable(letter.origin),
        printable(decoded(letter.message.key()) or ""),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _show_table(letters: list[Letter]) -> None:
    table = Table(*COLUMNS)
    for letter in letters:
        table.add_row(*(escape(str(field)) for field in _fields(letter).values()))
    Console().print(table)
