"""`dlq`: the Kafka messages that could not be accepted."""

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.cli.access import errors_said, whoever_runs_this
from app.cli.output import decoded, printable
from app.core.config import settings
from app.services.dead_letters import DeadLetterQueue, DeadLetterQueueError, StoredDeadLetter, open_queue

dlq = typer.Typer(help="Kafka messages that could not be accepted", no_args_is_help=True)

_Topic = Annotated[
    str | None, typer.Option("--topic", help="whose; where several are consumed, it has to be said")
]
COLUMNS = ("partition", "offset", "at", "state", "error", "origin", "key")


@dlq.command("list")
def list_dead_letters(
    topic: _Topic = None,
    limit: Annotated[int, typer.Option(min=1, help="show the newest, up to this number")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, with the value")] = False,
) -> None:
    """Show the dead letters, oldest first: a table on a terminal, tab-separated lines in a pipe."""
    with _open_queue(topic) as queue:
        dead_letters = list(deque(queue.read_all(), maxlen=limit))
    if as_json:
        for dead_letter in dead_letters:
            typer.echo(json.dumps(_columns(dead_letter) | {"value": decoded(dead_letter.message.value())}))
    elif sys.stdout.isatty():
        _show_table(dead_letters)
    else:
        for dead_letter in dead_letters:
            typer.echo("\t".join(str(value) for value in _columns(dead_letter).values()))


@dlq.command("replay")
def replay_dead_letters(
    topic: _Topic = None,
    offset: Annotated[
        int | None, typer.Option(min=0, help="send back this one only, even if that was done before")
    ] = None,
    partition: Annotated[int, typer.Option(min=0, help="of the dead-letter topic; for --offset")] = 0,
    everything: Annotated[
        bool, typer.Option("--all", help="send back all that were not sent back yet")
    ] = False,
) -> None:
    """Send dead letters back, as they were, to the topic from which they came; the audit says who did.

    The consumer submits them as any message of the topic: by its own token, in the name of their account.
    """
    if everything == (offset is not None):
        raise typer.BadParameter("say either --all or --offset")
    with _open_queue(topic) as queue:
        if offset is None:
            _report_replay(queue.replay_waiting())
        else:
            dead_letter = queue.find(partition, offset)
            _report_replay(queue.replay([dead_letter]))


@contextmanager
def _open_queue(topic: str | None) -> Iterator[DeadLetterQueue]:
    """Open the DLQ of a topic; an error ends the command with its text and exit status 1."""
    topics = settings().kafka_topics
    if topic is None and len(topics) > 1:
        raise typer.BadParameter(f"say which --topic: {', '.join(topics)}")
    try:
        with errors_said(), open_queue(topic or topics[0], whoever_runs_this()) as queue:
            yield queue
    except DeadLetterQueueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _report_replay(outcomes: Iterable[tuple[StoredDeadLetter, str | None]]) -> None:
    """Say how many were sent back, and name each that was not; exit status 1 if there is one."""
    sent = 0
    left = 0
    for dead_letter, obstacle in outcomes:
        if obstacle is None:
            sent += 1
            continue
        left += 1
        typer.echo(f"{dead_letter.position} is not sent back: {obstacle}", err=True)
    typer.echo(f"{sent} sent back" + (f", {left} not" if left else ""))
    if left:
        raise typer.Exit(1)


def _columns(dead_letter: StoredDeadLetter) -> dict[str, str | int]:
    values = (
        dead_letter.position.partition,
        dead_letter.position.offset,
        dead_letter.written_at.isoformat(timespec="seconds"),
        "replayed" if dead_letter.replayed else "waiting",
        printable(dead_letter.error),
        printable(dead_letter.origin),
        printable(decoded(dead_letter.message.key()) or ""),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _show_table(dead_letters: list[StoredDeadLetter]) -> None:
    """Print rows of short values, and each error below its row: no column is wide enough for it."""
    rows = [_columns(dead_letter) for dead_letter in dead_letters]
    errors = [str(row.pop("error")) for row in rows]
    names = [name for name in COLUMNS if name != "error"]
    widths = [max(map(len, (name, *(str(row[name]) for row in rows)))) for name in names]
    console = Console(highlight=False, soft_wrap=True)
    console.print("  ".join(map(str.ljust, names, widths)), style="bold")
    for row, error in zip(rows, errors, strict=True):
        console.print("  ".join(map(str.ljust, map(str, row.values()), widths)).rstrip(), markup=False)
        console.print(Padding(Text(error), (0, 0, 0, 2)), soft_wrap=False, style="yellow")
