"""Have events delivered."""

from uuid import UUID

from fastapi import APIRouter

from app.api import openapi
from app.api import webhook_answers as answers
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.query import Cursor, ShortLimit
from app.core.database import reading, transaction
from app.domain.permissions import Right
from app.domain.webhook import DeliveryStatus
from app.schemas.webhooks import (
    DeliveryDetail,
    DeliveryOut,
    DeliveryPage,
    NewWebhook,
    NewWebhookOut,
    WebhookChange,
    WebhookList,
    WebhookOut,
)
from app.services.webhooks import log, registry

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=JsonRoute)


@router.get("", summary="List webhooks")
@needs(Right.WEBHOOKS)
def list_webhooks(caller: TheCaller) -> WebhookList:
    """Those of one's own accounts; of every account to who reads all."""
    with reading() as session:
        return WebhookList(items=list(map(answers.webhook, registry.list_webhooks(session, caller))))


@router.post("", status_code=201, summary="Make a webhook", responses=openapi.WEBHOOK)
@needs(Right.WEBHOOKS)
def create_webhook(body: NewWebhook, caller: TheCaller) -> NewWebhookOut:
    """`secret` of the answer is what its receiver verifies with; nobody can read it a second time."""
    order = registry.Order(body.url, body.account_id, body.event_types, body.comment)
    with transaction() as session:
        made = registry.create(session, caller, order)
    registry.listen()
    return answers.made(made)


@router.get("/{webhook_id}", summary="Show a webhook", responses=openapi.NO_WEBHOOK)
@needs(Right.WEBHOOKS)
def show_webhook(webhook_id: UUID, caller: TheCaller) -> WebhookOut:
    """How it has gone of late, and why it is disabled if it is."""
    with reading() as session:
        return answers.webhook(registry.get(session, caller, webhook_id))


@router.patch(
    "/{webhook_id}",
    summary="Change, enable or disable a webhook",
    responses=openapi.BODY | openapi.NO_WEBHOOK,
)
@needs(Right.WEBHOOKS)
def change_webhook(webhook_id: UUID, body: WebhookChange, caller: TheCaller) -> WebhookOut:
    """Of one for an account, the caller is the holder from then on. Enabled, all that waits is delivered."""
    with transaction() as session:
        changed = registry.change(session, caller, webhook_id, body.model_dump(exclude_unset=True))
    registry.listen()
    return answers.webhook(changed)


@router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook", responses=openapi.NO_WEBHOOK)
@needs(Right.WEBHOOKS)
def remove_webhook(webhook_id: UUID, caller: TheCaller) -> None:
    """With its deliveries: what waits is not delivered any more."""
    with transaction() as session:
        registry.remove(session, caller, webhook_id)
    registry.listen()


@router.post("/{webhook_id}/rotate", summary="Give a webhook a new secret", responses=openapi.NO_WEBHOOK)
@needs(Right.WEBHOOKS)
def rotate_secret(webhook_id: UUID, caller: TheCaller) -> NewWebhookOut:
    """For a day both secrets sign: a receiver that knows one of them goes on."""
    with transaction() as session:
        return answers.made(registry.rotate(session, caller, webhook_id))


@router.post("/{webhook_id}/test", status_code=202, summary="Test a webhook", responses=openapi.NO_WEBHOOK)
@needs(Right.WEBHOOKS)
def test_webhook(webhook_id: UUID, caller: TheCaller) -> DeliveryOut:
    """A worker posts an event of no meaning, once; the delivery says what has come of it."""
    with transaction() as session:
        return answers.delivery(log.test(session, caller, webhook_id))


@router.get("/{webhook_id}/deliveries", summary="List deliveries", responses=openapi.NO_WEBHOOK)
@needs(Right.WEBHOOKS)
def list_deliveries(
    webhook_id: UUID,
    caller: TheCaller,
    status: DeliveryStatus | None = None,
    limit: ShortLimit = 20,
    cursor: Cursor = None,
) -> DeliveryPage:
    """What was delivered, what waits, and what was given up, the newest first; kept for a week."""
    with reading() as session:
        return answers.delivery_page(log.list_deliveries(session, caller, webhook_id, status, limit, cursor))


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}", summary="Show a delivery", responses=openapi.NO_DELIVERY
)
@needs(Right.WEBHOOKS)
def show_delivery(webhook_id: UUID, delivery_id: UUID, caller: TheCaller) -> DeliveryDetail:
    """With the event, and the beginning of the last answer."""
    with reading() as session:
        return answers.delivery_with_event(*log.get_delivery(session, caller, webhook_id, delivery_id))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    summary="Deliver an event once more",
    responses=openapi.NO_DELIVERY,
)
@needs(Right.WEBHOOKS)
def replay_delivery(webhook_id: UUID, delivery_id: UUID, caller: TheCaller) -> DeliveryOut:
    """A new delivery of the same event, with the same `webhook-id`."""
    with transaction() as session:
        return answers.delivery(log.replay(session, caller, webhook_id, delivery_id))
