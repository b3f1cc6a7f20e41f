"""`webhooks`: who is told of what has become of requests."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer

from dns_orchestrator.cli.changes import Comment
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import as_json, note, print_json, print_table, say, time_of
from dns_orchestrator.cli.requests import Limit
from dns_orchestrator.cli.status import FAILED, STILL_OPEN
from dns_orchestrator.models.webhooks import NewWebhook, Webhook

_TEST_WAIT = 60.0  # seconds: a receiver may take fifteen

Id = Annotated[UUID, typer.Argument(metavar="ID")]
DeliveryId = Annotated[UUID, typer.Argument(metavar="DELIVERY")]
NewUrl = Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to: https://…")]
OtherUrl = Annotated[
    str | None, typer.Option("--to", metavar="URL", help="Where events are posted to from now on.")
]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="dns.request.succeeded, dns.request.failed, …; several; else all."),
]
EveryAccount = Annotated[
    bool, typer.Option("--every-account", help="The events of every account that you may read.")
]
Status = Annotated[str | None, typer.Option(help="pending, delivered or failed.")]


def add_webhooks(app: typer.Typer) -> None:
    """Add the commands."""
    webhooks = typer.Typer(help="Who is told of what has become of requests.", no_args_is_help=True)
    app.add_typer(webhooks, name="webhooks")
    command(webhooks, "list")(list_webhooks)
    command(webhooks, "create")(create)
    command(webhooks, "show")(show)
    command(webhooks, "set")(change)
    command(webhooks, "enable")(enable)
    command(webhooks, "disable")(disable)
    command(webhooks, "rotate")(rotate)
    command(webhooks, "test")(test)
    command(webhooks, "deliveries")(list_deliveries)
    command(webhooks, "delivery")(show_delivery)
    command(webhooks, "replay")(replay)
    command(webhooks, "remove")(remove)


def list_webhooks(session: Session) -> None:
    """List webhooks, and how they have gone of late."""
    with session.client() as dns:
        found = dns.webhooks.list().items
    if session.json:
        print_json([as_json(each) for each in found])
        return
    columns = ("id", "url", "account", "events", "state", "waiting", "last error")
    rows = (
        (
            each.id,
            each.url,
            each.account_id or "all",
            [name.rpartition(".")[2] for name in each.event_types] or "all",
            f"disabled: {each.disabled}" if each.disabled else each.state,
            each.waiting,
            each.last_error,
        )
        for each in found
    )
    print_table(columns, rows)


def create(
    session: Session,
    target: NewUrl,
    events: Events = None,
    every_account: EveryAccount = False,
    comment: Comment = None,
) -> None:
    """Make a webhook, and print its secret: nobody can read that a second time."""
    account = None if every_account else session.settings.account_id
    with session.client() as dns:
        made = dns.webhooks.create(target, account_id=account, event_types=events or (), comment=comment)
    _print_secret(session, made)


def show(session: Session, webhook_id: Id) -> None:
    """Show a webhook."""
    with session.client() as dns:
        _print(session, dns.webhooks.get(webhook_id))


def change(
    session: Session, webhook_id: Id, target: OtherUrl = None, events: Events = None, comment: Comment = None
) -> None:
    """Change a webhook. What you leave out stays."""
    with session.client() as dns:
        _print(session, dns.webhooks.change(webhook_id, url=target, event_types=events, comment=comment))


def enable(session: Session, webhook_id: Id) -> None:
    """Deliver to a webhook again, what waits at once."""
    with session.client() as dns:
        _print(session, dns.webhooks.change(webhook_id, enabled=True))


def disable(session: Session, webhook_id: Id) -> None:
    """Deliver nothing to a webhook until it is enabled again."""
    with session.client() as dns:
        _print(session, dns.webhooks.change(webhook_id, enabled=False))


def rotate(session: Session, webhook_id: Id) -> None:
    """Give a webhook a new secret, and print it; the one before signs beside it for a day."""
    with session.client() as dns:
        _print_secret(session, dns.webhooks.rotate(webhook_id))


def test(session: Session, webhook_id: Id) -> None:
    """Have an event of no meaning posted, and say what has come of it.

    Exit status 1 where it is not taken.
    """
    with session.client() as dns:
        delivery = dns.webhooks.test(webhook_id, wait=_TEST_WAIT)
    if session.json:
        print_json(delivery)
    elif delivery.status == "pending":
        say("no worker has posted it yet: look at the deliveries later")
    else:
        answered = f"answered {delivery.status_code}" if delivery.status_code else "not answered"
        say(f"{delivery.status}: {answered}, {delivery.took or 0:.2f} s", delivery.error or "")
    if delivery.status != "delivered":
        raise typer.Exit(STILL_OPEN if delivery.status == "pending" else FAILED)


def list_deliveries(session: Session, webhook_id: Id, status: Status = None, limit: Limit = 30) -> None:
    """List the deliveries to a webhook, the newest first."""
    with session.client() as dns:
        stream = dns.webhooks.deliveries(webhook_id, status=status, page_size=min(limit, 100))
        found = list(islice(stream, limit))
    if session.json:
        print_json([as_json(each) for each in found])
        return
    columns = ("id", "made", "event", "request", "status", "tries", "answered", "error")
    rows = (
        (
            each.id,
            each.created_at,
            each.event_type,
            each.request_id,
            each.status,
            each.attempts,
            each.status_code,
            each.error,
        )
        for each in found
    )
    print_table(columns, rows)


def show_delivery(session: Session, webhook_id: Id, delivery_id: DeliveryId) -> None:
    """Show a delivery with its event, as JSON."""
    with session.client() as dns:
        print_json(dns.webhooks.delivery(webhook_id, delivery_id))


def replay(session: Session, webhook_id: Id, delivery_id: DeliveryId) -> None:
    """Deliver an event once more, with the same webhook-id."""
    with session.client() as dns:
        again = dns.webhooks.replay(webhook_id, delivery_id)
    if session.json:
        print_json(again)
    else:
        say(f"{again.event_type} is delivered again ({again.id})")


def remove(session: Session, webhook_id: Id) -> None:
    """Remove a webhook with its deliveries."""
    with session.client() as dns:
        dns.webhooks.remove(webhook_id)
    if session.json:
        print_json({"removed": str(webhook_id)})
    else:
        say(f"{webhook_id} is removed")


def _print_secret(session: Session, made: NewWebhook) -> None:
    if session.json:
        print_json(made)
    else:
        say(made.secret)
        note(f"It is shown this once. The id of the webhook is {made.id}.")


def _print(session: Session, webhook: Webhook) -> None:
    if session.json:
        print_json(webhook)
        return
    say(str(webhook.id), webhook.url)
    say(f"  account: {webhook.account_id or 'every one that its holder reads'}")
    say(f"  events: {', '.join(webhook.event_types) or 'all'}")
    say(f"  state: {webhook.state}", f"({webhook.disabled})" if webhook.disabled else "")
    say(f"  waiting: {webhook.waiting}")
    if webhook.last_error:
        say(f"  last error: {webhook.last_error}")
    if webhook.paused_until and webhook.state == "failing":
        say(f"  next try: {time_of(webhook.paused_until)}")
    until = f" until {time_of(webhook.holds_until)}" if webhook.holds_until else ""
    say(f"  holder: {webhook.holder}{until}")
