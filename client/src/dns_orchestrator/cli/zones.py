"""`zones`: which zones are served, with which settings, and whether their servers do what they need."""

import json
from typing import Annotated, Any

import typer

from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import (
    as_json,
    coloured,
    note,
    print_json,
    print_table,
    printable,
    say,
    time_of,
)
from dns_orchestrator.cli.status import FAILED
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.models.zones import Zone, ZoneCheck, ZoneDetail

ZoneKey = Annotated[str, typer.Argument(metavar="ZONE", help="The zone: its name, or name@view.")]
Settings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SETTING=VALUE",
        help="default_ttl=60, others=review, owner=null: JSON, or a text; null resets it.",
    ),
]


def add_zones(app: typer.Typer) -> None:
    """Add the commands."""
    zones = typer.Typer(help="The zones that are served.", no_args_is_help=True)
    app.add_typer(zones, name="zones")
    command(zones, "list")(list_zones)
    command(zones, "show")(show)
    command(zones, "add")(add)
    command(zones, "set")(change)
    command(zones, "remove")(remove)
    command(zones, "check")(check)


def list_zones(session: Session) -> None:
    """List the zones."""
    with session.client() as dns:
        found = dns.zones.list().items
    if session.json:
        print_json([as_json(zone) for zone in found])
        return
    columns = ("zone", "backend", "default TTL", "owner", "drift", "check")
    print_table(columns, ([*_cells(zone)] for zone in found))


def _cells(zone: Zone) -> tuple[object, ...]:
    state = coloured(zone.check.state) if zone.check else None
    return zone.key, zone.backend, zone.default_ttl, zone.owner, zone.drift, state


def show(session: Session, zone: ZoneKey) -> None:
    """Show a zone: its settings, its last import, and the serial that each of its servers has."""
    with session.client() as dns:
        found = dns.zones.get(zone)
    if session.json:
        print_json(found)
        return
    say(f"{found.key} on {found.backend or 'a backend that is not for you to see'}")
    for name in found.set_:
        value = getattr(found, name, None)
        say(f"  {name}: {json.dumps(as_json(value), default=str)}")
    _show_state(found)
    if found.check:
        print_check(found.check)


def _show_state(found: ZoneDetail) -> None:
    if found.import_ and found.import_.state:
        last = found.import_
        why = f": {last.error.message} [{last.error.code}]" if last.error else ""
        say("  import:", coloured(last.state or ""), f"{last.rrsets or 0} RRsets{why}")
    for server in found.servers or []:
        said = f"serial {server.serial}, since {time_of(server.since)}"
        say(f"  {server.server}: {printable(server.error or said)}")


def print_check(found: ZoneCheck) -> None:
    """Print whether the servers of a zone do what it needs."""
    say("  check:", coloured(found.state), printable(found.why or ""))
    for finding in found.findings:
        word = coloured("ok" if finding.code is None else "failed")
        code = f" [{finding.code}]" if finding.code else ""
        say(f"    {finding.server}, to {finding.need}:", word, f"{printable(finding.message)}{code}")


def add(
    session: Session,
    zone: ZoneKey,
    backend: Annotated[str, typer.Option(help="The host of the inventory that serves it.")],
    settings: Settings = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Ask no server whether it has it.")] = False,
) -> None:
    """Serve a zone, and have a worker ask its servers for what it needs."""
    given = _settings(settings)
    with session.client() as dns:
        added = dns.zones.add(zone, backend, check=not no_check, **given)
    if session.json:
        print_json(added)
        return
    say(f"{added.key} is served by {backend}")
    if added.check:
        print_check(added.check)


def change(
    session: Session,
    zone: ZoneKey,
    settings: Settings = None,
    backend: Annotated[str | None, typer.Option(help="Another host of the inventory.")] = None,
) -> None:
    """Change settings of a zone: `zones set example.test default_ttl=60 others=review`."""
    given = _settings(settings) | ({"backend": backend} if backend else {})
    if not given:
        raise ConfigurationError("say what is to change: SETTING=VALUE, or --backend")
    with session.client() as dns:
        changed = dns.zones.change(zone, **given)
    if session.json:
        print_json(changed)
    else:
        say(f"{changed.key}: {', '.join(given)} set")


def remove(
    session: Session,
    zone: ZoneKey,
    cancel_open: Annotated[bool, typer.Option("--cancel-open", help="Cancel what waits in it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Serve a zone no more; what is on its servers stays."""
    session.confirm(f"Serve {zone} no more?", yes=yes)
    with session.client() as dns:
        dns.zones.remove(zone, cancel_open=cancel_open)
    if session.json:
        print_json({"removed": zone})
    else:
        note(f"{zone} is not served any more")


def check(session: Session, zone: ZoneKey) -> None:
    """Have a worker ask every server of a zone for what it needs. Exit status 1 unless all do it."""
    with session.client() as dns:
        found = dns.zones.check(zone)
    if session.json:
        print_json(found)
    else:
        print_check(found)
    if found.state != "well":
        raise typer.Exit(FAILED)


def _settings(words: list[str] | None) -> dict[str, Any]:
    """Return what SETTING=VALUE says, values as JSON where they are. Raises ConfigurationError."""
    given: dict[str, Any] = {}
    for word in words or []:
        name, is_given, value = word.partition("=")
        if not is_given:
            raise ConfigurationError(f"{word!r} should be SETTING=VALUE")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    return given
