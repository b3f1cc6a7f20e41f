"""`create`, `update`, `upsert`, `delete`: ask for one change, and wait until the servers answer it."""

from collections.abc import Callable
from typing import Annotated, get_args

import typer

from dns_orchestrator.change import Action, Change
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import note, print_json
from dns_orchestrator.cli.show import print_plan, print_request
from dns_orchestrator.cli.status import FAILED, STILL_OPEN, USAGE
from dns_orchestrator.cli.words import values_of
from dns_orchestrator.errors import RequestFailed, StillOpen
from dns_orchestrator.models.requests import Request

WAIT = 60.0  # seconds

Domain = Annotated[str, typer.Argument(metavar="NAME", help="The owner name: www.example.test.")]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="The record type: A.")]
Values = Annotated[
    list[str] | None,
    typer.Argument(metavar="VALUE", help="The values: 192.0.2.10, or 10 mail.example.net of an MX."),
]
Ttl = Annotated[int | None, typer.Option(help="Seconds; else the zone's default.")]
Comment = Annotated[str | None, typer.Option(help="Kept with the record.")]
Priority = Annotated[int | None, typer.Option(help="MX, SRV: where the value does not begin with one.")]
Ptr = Annotated[bool | None, typer.Option("--ptr/--no-ptr", help="A, AAAA: also keep each address's PTR.")]
Zone = Annotated[str | None, typer.Option(help="The zone, where the longest match is not meant.")]
View = Annotated[str | None, typer.Option(help="The view, where zones of one name are in several.")]
Reason = Annotated[str | None, typer.Option(help="Why: for those who approve it, and the audit.")]
Ticket = Annotated[str | None, typer.Option(help="Where more is said about it.")]
NotBefore = Annotated[str | None, typer.Option(metavar="TIME", help="When: 2026-12-01T02:00:00+01:00.")]
Key = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key again makes no second request.")
]
Wait = Annotated[float, typer.Option(help="Seconds to wait until all servers answer as asked.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would change; change nothing.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is settled.")]

_HELP: dict[Action, str] = {
    "create": "Add values to an RRset; one that is there already is no error.",
    "update": "Replace an RRset; fails where there is none.",
    "upsert": "Replace an RRset, or create it.",
    "delete": "Remove values of an RRset; without any the whole RRset.",
}


def add_changes(app: typer.Typer) -> None:
    """Add the four commands."""
    for action in get_args(Action):
        _add(app, action)


def _add(app: typer.Typer, action: Action) -> None:
    def change(
        session: Session,
        domain: Domain,
        record_type: Type,
        target: Values = None,
        ttl: Ttl = None,
        priority: Priority = None,
        comment: Comment = None,
        manage_ptr: Ptr = None,
        zone: Zone = None,
        view: View = None,
        reason: Reason = None,
        ticket: Ticket = None,
        not_before: NotBefore = None,
        idempotency_key: Key = None,
        wait: Wait = WAIT,
        no_wait: NoWait = False,
        dry_run: DryRun = False,
    ) -> None:
        values = values_of(record_type, target or [])
        wanted = Change(
            action=action,
            domain=domain,
            record_type=record_type.upper(),
            target=values or None,
            ttl=ttl,
            priority=priority,
            comment=comment,
            manage_ptr=manage_ptr,
            zone=zone,
            view=view,
            reason=reason,
            ticket=ticket,
            not_before=not_before,
            idempotency_key=idempotency_key,
        )
        if dry_run:
            _plan(session, wanted)
        else:
            _request(session, wanted, None if no_wait else wait)

    change.__doc__ = _HELP[action]
    command(app, action)(change)


def _plan(session: Session, change: Change) -> None:
    with session.client() as dns:
        plan = dns.plan([change])
    if session.json:
        print_json(plan)
    else:
        print_plan(plan)
    if plan.results[0].errors:
        raise typer.Exit(USAGE)


def _request(session: Session, change: Change, wait: float | None) -> None:
    with session.client() as dns:
        outcome_shown(session, lambda: dns.request(change, wait=wait))


def outcome_shown(session: Session, submit: Callable[[], Request]) -> None:
    """Submit, and print what became of it. Raises Exit where it failed, or is not settled."""
    try:
        _show(session, submit())
    except RequestFailed as failure:
        _show(session, failure.request)
        raise typer.Exit(FAILED) from failure
    except StillOpen as still:
        _show(session, still.request)
        if not session.json:
            note(f"It is not settled yet: dns-orchestrator watch {still.request.id}")
        raise typer.Exit(STILL_OPEN) from still


def _show(session: Session, request: Request) -> None:
    if session.json:
        print_json(request)
    else:
        print_request(request)
