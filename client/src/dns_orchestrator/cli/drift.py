"""`drift`: what others have changed in imported zones: look at it, adopt it, restore what was there."""

from typing import Annotated

import typer

from dns_orchestrator.api.zones import RRsetName
from dns_orchestrator.cli.batches import conclude
from dns_orchestrator.cli.changes import WAIT, NoWait, Reason, Ticket, Wait
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import as_json, console, note, print_json, say
from dns_orchestrator.cli.show import difference
from dns_orchestrator.cli.zones import ZoneKey
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.models.zones import Drifted

RRsets = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME/TYPE", help="Only these RRsets: www/A, @/MX. Else all that have drifted."),
]

ToCheck = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME/TYPE", help="Only these RRsets: www/A, @/MX. Else the whole zone."),
]


def add_drift(app: typer.Typer) -> None:
    """Add the commands."""
    drift = typer.Typer(help="What others have changed in imported zones.", no_args_is_help=True)
    app.add_typer(drift, name="drift")
    command(drift, "list")(list_drift)
    command(drift, "adopt")(adopt)
    command(drift, "restore")(restore)
    command(drift, "check")(check)


def list_drift(session: Session, zone: ZoneKey) -> None:
    """Show what the primary has otherwise than it is recorded: - is recorded, + was found."""
    with session.client() as dns:
        state = dns.drift.look(zone, limit=1)
        found = list(dns.drift.list(zone))
    if session.json:
        print_json([as_json(each) for each in found])
        return
    for each in found:
        _print(each)
    if state.imported_at is None:
        note(f"{zone} was never imported, and is not watched: dns-orchestrator import {zone}")
    elif state.error:
        note(f"Its changes can't be read: {state.error}")
    say(f"{state.drifted} drifted, {state.candidates} not decided yet")


def _print(drifted: Drifted) -> None:
    say(f"{drifted.domain_unicode} {drifted.record_type}: {drifted.kind}")
    for line in difference(drifted.recorded, drifted.found):
        console().print(line)


def adopt(session: Session, zone: ZoneKey, rrsets: RRsets = None) -> None:
    """Record what was found; no server is changed."""
    with session.client() as dns:
        adopted = dns.drift.adopt(zone, _names(rrsets))
    if session.json:
        print_json(adopted)
    else:
        say(f"{adopted.adopted} adopted")


def restore(
    session: Session,
    zone: ZoneKey,
    rrsets: RRsets = None,
    reason: Reason = None,
    ticket: Ticket = None,
    wait: Wait = WAIT,
    no_wait: NoWait = False,
) -> None:
    """Submit requests that restore what is recorded, and wait until the servers answer it."""
    with session.client() as dns:
        restored = dns.drift.restore(zone, _names(rrsets), reason=reason, ticket=ticket)
        for each in restored.items:
            for error in each.errors:
                note(f"{each.domain} {each.record_type} is not restored: {error.msg} [{error.type}]")
        conclude(session, dns, restored.batch_id, 0.0 if no_wait else wait)


def check(session: Session, zone: ZoneKey, rrsets: ToCheck = None) -> None:
    """Look for drift now: have the whole zone compared with its primary, or only these RRsets.

    A worker does it within seconds; `drift list` shows what it has found.
    """
    with session.client() as dns:
        state = dns.drift.check(zone, _names(rrsets))
    if session.json:
        print_json(state)
    else:
        say(f"It is looked for: dns-orchestrator drift list {zone}")


def _names(words: list[str] | None) -> list[RRsetName] | None:
    """Return the RRsets of NAME/TYPE. Raises ConfigurationError."""
    names = [word.rpartition("/") for word in words or []]
    for name, slash, record_type in names:
        if not (name and slash and record_type):
            raise ConfigurationError(f"{name}{record_type} should be NAME/TYPE, such as www/A")
    return [(name, record_type.upper()) for name, _, record_type in names] or None
