"""Webhooks: the list, one of them with its deliveries, and what can be done with it."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.query import Cursor, OneOf
from app.console.rendering import show
from app.core.database import reading, transaction
from app.domain.errors import InvalidInput
from app.domain.permissions import Caller, Right
from app.domain.webhook import EVENT_TYPES, DeliveryStatus
from app.schemas.webhooks import NewWebhook
from app.services.webhooks import log, registry

router = APIRouter(prefix="/webhooks", route_class=PageRoute)

_DELIVERIES = 50  # of a page


@router.get("")
@needs(Right.WEBHOOKS)
def list_webhooks(request: Request, caller: TheCaller) -> Response:
    """The webhooks that the reader may see, and how they have gone of late."""
    with reading() as session:
        found = registry.list_webhooks(session, caller)
    return show(request, "webhooks/list.html", webhooks=found)


@router.get("/new")
@needs(Right.WEBHOOKS)
def show_form(request: Request) -> Response:
    """The form for a webhook."""
    return _show_form(request, {}, ())


@router.post("/new")
@needs(Right.WEBHOOKS)
def create_webhook(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Make a webhook, and show its secret: nobody sees it a second time."""
    try:
        made = _make(caller, form)
    except InvalidInput as error:
        return _show_form(request, form.shown(), form.texts("event_type"), error)
    registry.listen()
    return show(request, "webhooks/secret.html", made=made)


@router.get("/{webhook_id}")
@needs(Right.WEBHOOKS)
def show_webhook(
    request: Request,
    webhook_id: UUID,
    caller: TheCaller,
    status: Annotated[OneOf[DeliveryStatus], Query()] = None,
    cursor: Cursor = None,
) -> Response:
    """A webhook, and the deliveries to it."""
    with reading() as session:
        found = registry.get(session, caller, webhook_id)
        page = log.list_deliveries(session, caller, webhook_id, status, _DELIVERIES, cursor)
    return show(
        request, "webhooks/webhook.html", webhook=found, page=page, status=status, statuses=DeliveryStatus
    )


@router.get("/{webhook_id}/deliveries/{delivery_id}")
@needs(Right.WEBHOOKS)
def show_delivery(request: Request, webhook_id: UUID, delivery_id: UUID, caller: TheCaller) -> Response:
    """A delivery: its event, and what the receiver has answered."""
    with reading() as session:
        found = registry.get(session, caller, webhook_id)
        delivery, event = log.get_delivery(session, caller, webhook_id, delivery_id)
    return show(request, "webhooks/delivery.html", webhook=found, delivery=delivery, event=event)


@router.post("/{webhook_id}/test")
@needs(Right.WEBHOOKS)
def test_webhook(request: Request, webhook_id: UUID, caller: TheCaller) -> Response:
    """Have an event of no meaning posted."""
    with transaction() as session:
        log.test(session, caller, webhook_id)
    return done(request, f"/webhooks/{webhook_id}", "webhook-tested")


@router.post("/{webhook_id}/enable")
@needs(Right.WEBHOOKS)
def enable_webhook(request: Request, webhook_id: UUID, caller: TheCaller) -> Response:
    """Deliver to it again."""
    return _switch(request, caller, webhook_id, enabled=True)


@router.post("/{webhook_id}/disable")
@needs(Right.WEBHOOKS)
def disable_webhook(request: Request, webhook_id: UUID, caller: TheCaller) -> Response:
    """Deliver nothing to it until it is enabled again."""
    return _switch(request, caller, webhook_id, enabled=False)


@router.post("/{webhook_id}/rotate")
@needs(Right.WEBHOOKS)
def rotate_secret(request: Request, webhook_id: UUID, caller: TheCaller) -> Response:
    """Give it a new secret, and show that."""
    with transaction() as session:
        made = registry.rotate(session, caller, webhook_id)
    return show(request, "webhooks/secret.html", made=made)


@router.post("/{webhook_id}/remove")
@needs(Right.WEBHOOKS)
def remove_webhook(request: Request, webhook_id: UUID, caller: TheCaller) -> Response:
    """Remove it with its deliveries."""
    with transaction() as session:
        registry.remove(session, caller, webhook_id)
    registry.listen()
    return done(request, "/webhooks", "webhook-removed")


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
@needs(Right.WEBHOOKS)
def replay_delivery(request: Request, webhook_id: UUID, delivery_id: UUID, caller: TheCaller) -> Response:
    """Deliver an event once more."""
    with transaction() as session:
        log.replay(session, caller, webhook_id, delivery_id)
    return done(request, f"/webhooks/{webhook_id}", "webhook-replayed")


def _switch(request: Request, caller: Caller, webhook_id: UUID, *, enabled: bool) -> Response:
    with transaction() as session:
        registry.change(session, caller, webhook_id, {"enabled": enabled})
    registry.listen()
    what = "webhook-enabled" if enabled else "webhook-disabled"
    return done(request, f"/webhooks/{webhook_id}", what)


def _make(caller: Caller, form: Form) -> registry.Made:
    """Return the webhook that was made. Raises InvalidInput."""
    body = read_shape(
        NewWebhook,
        {
            "url": form.text("url"),
            "account_id": form.text("account_id"),
            "event_types": form.texts("event_type"),
            "comment": form.text("comment"),
        },
    )
    order = registry.Order(body.url, body.account_id, body.event_types, body.comment)
    with transaction() as session:
        return registry.create(session, caller, order)


def _show_form(
    request: Request, values: Mapping[str, str], ticked: Sequence[str], error: InvalidInput | None = None
) -> Response:
    reasons = error.reasons if error else ()
    return show(
        request,
        "webhooks/form.html",
        422 if error else 200,
        values=values,
        ticked=ticked,
        reasons=reasons,
        event_types=EVENT_TYPES,
    )
