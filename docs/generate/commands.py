"""The commands of a command line, as its own help has them."""

import inspect
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from app.cli.__main__ import app as operators
from dns_orchestrator.cli import app as clients

OPERATORS = "python -m app.cli"
CLIENTS = "dns-orchestrator"


def of_the_operator() -> str:
    """Return each command of `python -m app.cli`: its usage, what it does, and its options."""
    return "\n".join(_lines(typer.main.get_command(operators), OPERATORS))


def of_the_client() -> str:
    """Return each command of `dns-orchestrator`, likewise."""
    return "\n".join(_lines(typer.main.get_command(clients), CLIENTS))


def _lines(command: object, name: str, parent: typer.Context | None = None) -> Iterator[str]:
    assert isinstance(command, TyperCommand | TyperGroup)
    context = typer.Context(command, info_name=name, parent=parent)
    if isinstance(command, TyperGroup):
        for each in command.list_commands(context):
            if (found := command.get_command(context, each)) and not found.hidden:
                yield from _lines(found, each, context)
        return
    pieces = command.collect_usage_pieces(context)
    yield f"## {context.command_path.removeprefix(context.find_root().command_path).strip()}"
    yield f"```text\n{' '.join([context.command_path, *pieces])}\n```\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield from _options(command, context)


def _options(command: TyperCommand, context: typer.Context) -> Iterator[str]:
    records = [
        record
        for parameter in command.get_params(context)
        if parameter.name != "help" and (record := parameter.get_help_record(context))
    ]
    if records:
        yield from ("| | |", "|---|---|")
        for written, words in records:
            yield f"| `{written.replace('|', ', ')}` | {words.replace('|', ', ')} |"
        yield ""
