"""Commands about requests: look at them, follow them, take a hand in what becomes of them."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer

from dns_orchestrator.api.requests import Filters
from dns_orchestrator.cli.changes import WAIT, NoWait, Wait, outcome_shown
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import as_json, coloured, note, print_json, printable, say, time_of
from dns_orchestrator.cli.show import print_details, print_plan, print_request, print_requests
from dns_orchestrator.cli.status import FAILED, STILL_OPEN
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.models.plans import Plan
from dns_orchestrator.models.requests import FINAL, Request

Id = Annotated[UUID, typer.Argument(metavar="ID", help="The id of the request.", show_default=False)]
Ids = Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="The ids of the requests.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
Comment = Annotated[str | None, typer.Option(help="Words for whoever asked.")]
OfStatus = Annotated[str | None, typer.Option("--status", help="pending, succeeded, failed, …")]
OfCode = Annotated[str | None, typer.Option("--code", help="Of the error.")]
OfZone = Annotated[str | None, typer.Option("--zone", help="Of this zone: its name, or name@view.")]
OfName = Annotated[str | None, typer.Option("--name", help="Of this owner name.")]
OfType = Annotated[str | None, typer.Option("--type", help="Of this record type.")]
OfBatch = Annotated[UUID | None, typer.Option("--batch", help="Of this batch.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Accepted then or later (RFC 3339).")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Accepted earlier (RFC 3339).")]


def add_requests(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "status")(status)
    command(app, "watch")(watch)
    command(app, "list")(list_requests)
    command(app, "cancel")(cancel)
    command(app, "retry")(retry)
    command(app, "undo")(undo)
    command(app, "review")(review)
    command(app, "approve")(approve)
    command(app, "reject")(reject)


def status(session: Session, request_id: Id) -> None:
    """Show a request: what it asks for, how far it is, what it has changed, and its log."""
    with session.client() as dns:
        request = dns.requests.get(request_id)
    if session.json:
        print_json(request)
    else:
        print_details(request)
    _end(request)


def watch(session: Session, request_id: Id, wait: Wait = 3600.0) -> None:
    """Follow a request live until it is settled: each change of its status, and what Ansible says."""
    with session.patient_client() as dns:
        for event in dns.requests.follow(request_id, seconds=wait):
            if session.json:
                print_json(event)
            else:
                say(time_of(event.at), coloured(event.status), printable(event.message))
        request = dns.requests.get(request_id)
    if not session.json:
        print_request(request)
    _end(request)


def list_requests(
    session: Session,
    status: OfStatus = None,
    code: OfCode = None,
    zone: OfZone = None,
    domain: OfName = None,
    record_type: OfType = None,
    batch_id: OfBatch = None,
    since: Since = None,
    until: Until = None,
    mine: Annotated[bool, typer.Option("--mine", help="Those that wait for your approval.")] = False,
    every: Annotated[bool, typer.Option("--all-accounts", help="Not only those of --account.")] = False,
    limit: Limit = 30,
) -> None:
    """List requests, the newest first."""
    account = None if every or mine else session.account
    filters: Filters = {
        "status": status,
        "code": code,
        "zone": zone,
        "domain": domain,
        "record_type": record_type,
        "batch_id": batch_id,
        "since": since,
        "until": until,
        "account_id": account,
    }
    with session.client() as dns:
        wanted = dns.requests.list(mine=mine or None, page_size=min(limit, 1000), **filters)
        found = list(islice(wanted, limit))
    if session.json:
        print_json([as_json(each) for each in found])
    else:
        print_requests(found)


def cancel(
    session: Session,
    request_ids: Ids = None,
    status: OfStatus = None,
    zone: OfZone = None,
    domain: OfName = None,
    record_type: OfType = None,
    batch_id: OfBatch = None,
) -> None:
    """Take back requests that wait or are scheduled: those named, or all that match."""
    filters = _filters(status=status, zone=zone, domain=domain, record_type=record_type, batch_id=batch_id)
    with session.client() as dns:
        if filters:
            _say_count(session, "cancelled", dns.requests.cancel_many(**filters), request_ids)
        else:
            _each(
                session, request_ids, dns.requests.cancel, or_by="--status, --zone, --name, --type, --batch"
            )


def retry(
    session: Session,
    request_ids: Ids = None,
    status: OfStatus = None,
    code: OfCode = None,
    zone: OfZone = None,
    domain: OfName = None,
    record_type: OfType = None,
    batch_id: OfBatch = None,
) -> None:
    """Have failed or cancelled requests run again: those named, or all that match."""
    filters = _filters(
        status=status, code=code, zone=zone, domain=domain, record_type=record_type, batch_id=batch_id
    )
    with session.client() as dns:
        if filters:
            _say_count(session, "retried", dns.requests.retry_many(**filters), request_ids)
        else:
            options = "--status, --code, --zone, --name, --type, --batch"
            _each(session, request_ids, dns.requests.retry, or_by=options)


def undo(
    session: Session,
    request_id: Id,
    comment: Comment = None,
    reason: Annotated[str | None, typer.Option(help="Why: for those who approve it.")] = None,
    ticket: Annotated[str | None, typer.Option(help="Where more is said about it.")] = None,
    wait: Wait = WAIT,
    no_wait: NoWait = False,
) -> None:
    """Restore what was there before a request, unless it was changed since."""
    with session.client() as dns:
        outcome_shown(
            session,
            lambda: dns.requests.undo(
                request_id,
                comment=comment,
                reason=reason,
                ticket=ticket,
                wait=None if no_wait else wait,
            ),
        )


def review(session: Session, request_id: Id) -> None:
    """Show what a request that waits for an approval would change, as the servers are now."""
    with session.client() as dns:
        found = dns.requests.review(request_id)
    if session.json:
        print_json(found)
        return
    say(f"{found.why}; asked by {found.asked_by}; until {time_of(found.expires_at)}")
    print_plan(Plan(atomic=False, results=[each.plan for each in found.changes]))
    say(f"dns-orchestrator approve {request_id} --state {found.state}")


def approve(
    session: Session,
    request_ids: Ids,
    comment: Comment = None,
    state: Annotated[
        str | None, typer.Option(help="Only if it is still what the review has shown, which gives this.")
    ] = None,
) -> None:
    """Approve requests, each with those that are decided with it."""
    with session.client() as dns:
        _each(session, request_ids, lambda each: dns.requests.approve(each, comment=comment, state=state))


def reject(session: Session, request_ids: Ids, comment: Comment = None) -> None:
    """Reject requests for good, each with those that are decided with it."""
    with session.client() as dns:
        _each(session, request_ids, lambda each: dns.requests.reject(each, comment=comment))


def _filters(**given: Any) -> Filters:
    chosen: Any = {name: value for name, value in given.items() if value is not None}
    found: Filters = chosen
    return found


def _say_count(session: Session, words: str, count: int, request_ids: Sequence[UUID] | None) -> None:
    if request_ids:
        note("The ids were left aside: requests are chosen by ids, or by what they have in common.")
    if session.json:
        print_json({"count": count})
    else:
        say(f"{count} {words}")


def _each(
    session: Session, ids: Sequence[UUID] | None, act: Callable[[UUID], Request], *, or_by: str = ""
) -> None:
    """Do it with each request, and print what it is then. Without ids, options could choose them."""
    if not ids:
        raise ConfigurationError(f"say which requests: their ids, or what they have in common ({or_by})")
    for request_id in ids:
        request = act(request_id)
        if session.json:
            print_json(request)
        else:
            print_request(request)


def _end(request: Request) -> None:
    """Raise Exit with the status that tells what became of a request."""
    if request.status not in FINAL:
        raise typer.Exit(STILL_OPEN)
    if not request.has_succeeded:
        raise typer.Exit(FAILED)
