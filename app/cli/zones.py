"""`zones`: the zones that are served, for those who bring many of them at once."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from app.cli.access import errors_said, whoever_runs_this
from app.cli.output import printable
from app.core.database import transaction
from app.domain.errors import DomainError, InvalidInput, ZoneExists
from app.domain.origin import Source
from app.services.zones.imports import find_import, want_import
from app.services.zones.registry import add_zone, is_backend
from app.store.zone_overview import Overview, list_overview

zones = typer.Typer(help="The zones that are served", no_args_is_help=True)

# A line of `named-checkconf -l`: name, class, view, type
_OF_NAMED = 4
_NO_VIEW = "_default"
_PRIMARY = frozenset({"primary", "master"})

COLUMNS = ("zone", "backend", "import", "rrsets", "serial", "drift", "error")

State = Literal["added", "there", "elsewhere", "skipped", "refused"]


class _Wanted(NamedTuple):
    """A zone of the list, as it is written there."""

    name: str
    why_not: str | None = None  # it is skipped


class Target(NamedTuple):
    """Where the zones of a list belong, and what is to become of them."""

    backend: str
    view: str | None
    import_them: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a zone of the list."""

    zone: str
    state: State
    words: str


def _host_name(backend: str) -> str:
    """Return the name of an inventory host, by the rules of the API. Raises BadParameter."""
    if not is_backend(backend):
        raise typer.BadParameter("it is no name of an inventory host")
    return backend


@zones.command("add")
def add(
    backend: Annotated[str, typer.Option(callback=_host_name, help="the inventory host that serves them")],
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help="a zone a line, or what `named-checkconf -l` prints; unless given: standard input",
        ),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(help="the view that they lie in; of what named-checkconf prints, those of that view"),
    ] = None,
    import_them: Annotated[
        bool, typer.Option("--import", help="also have a worker import those that were not imported yet")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Serve many zones, all of one backend. Those that are served already stay as they are.

    Exit status 1 where one is refused; the others are served all the same. One that another backend serves
    is left to that, and told as `elsewhere`.
    """
    octets = sys.stdin.buffer.read() if file is None or file == Path("-") else file.read_bytes()
    text = octets.decode("utf-8-sig", "surrogateescape")  # what is no text is no name, and refused as such
    counted: Counter[State] = Counter()
    with errors_said():
        for done in _add_each(_read(text, view), Target(backend, view, import_them)):
            counted[done.state] += 1
            typer.echo(json.dumps(asdict(done)) if as_json else _line(done))
    if not as_json:
        typer.echo(", ".join(f"{number} {state}" for state, number in counted.items()) or "no zone", err=True)
    if counted["refused"]:
        raise typer.Exit(1)


@zones.command("list")
def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show every zone that is served, how far its import is, its serial, and how many RRsets differ."""
    with errors_said(), transaction() as session:
        found = list_overview(session)
    if not as_json:
        typer.echo("\t".join(COLUMNS))
    for each in found:
        if as_json:
            typer.echo(json.dumps(each._asdict()))
        else:
            typer.echo("\t".join(_cells(each)))


def _cells(each: Overview) -> list[str]:
    why = f"{each.import_code}: {each.import_error}" if each.import_code else "-"
    cells = (each.name, each.backend, each.import_state, each.import_rrsets, each.known_serial, each.drift)
    return [*("-" if cell is None else str(cell) for cell in cells), printable(why)]


def _line(done: Done) -> str:
    return "\t".join((printable(done.zone), done.state, printable(done.words)))


def _read(text: str, view: str | None) -> Iterator[_Wanted]:
    """Yield the zones of a list; what BIND is no primary of, or has in another view, is skipped."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == _OF_NAMED:
            yield _of_named(*words, wanted_view=view or _NO_VIEW)
        elif words:
            yield _Wanted(" ".join(words))


def _of_named(name: str, dns_class: str, view: str, kind: str, *, wanted_view: str) -> _Wanted:
    if kind not in _PRIMARY or dns_class.upper() != "IN":
        return _Wanted(name, f"it is a zone of the type {kind}, and of the class {dns_class}")
    if view != wanted_view:
        return _Wanted(name, f"it lies in the view {view}")
    return _Wanted(name)


def _add_each(wanted: Iterable[_Wanted], target: Target) -> Iterator[Done]:
    for name, why_not in wanted:
        yield Done(name, "skipped", why_not) if why_not else _add_one(name, target)


def _add_one(name: str, target: Target) -> Done:
    try:
        with transaction() as session:
            served = add_zone(session, whoever_runs_this(), name, target.backend, view=target.view)
            if target.import_them:
                want_import(session, whoever_runs_this(), served.name, Source.TRANSFER)
    except ZoneExists as error:
        return _already_there(name, target, error)
    except InvalidInput as error:
        return Done(name, "refused", "; ".join(reason.message for reason in error.reasons))
    except DomainError as error:
        return Done(name, "refused", str(error))
    return Done(served.name, "added", f"served by {served.backend}")


def _already_there(name: str, target: Target, error: ZoneExists) -> Done:
    """Import a zone that was added before, unless it is imported: so the command can be repeated."""
    if error.backend != target.backend:
        return Done(name, "elsewhere", str(error))
    if target.import_them:
        with transaction() as session:
            if find_import(session, error.zone).state is None:
                want_import(session, whoever_runs_this(), error.zone, Source.TRANSFER)
    return Done(name, "there", str(error))
