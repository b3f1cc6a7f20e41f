"""The services' types about webhooks, as the shapes that clients get."""

from typing import Any

from app.schemas.webhooks import DeliveryDetail, DeliveryOut, DeliveryPage, NewWebhookOut, WebhookOut
from app.services.paging import Page
from app.services.webhooks.log import DeliveryState
from app.services.webhooks.registry import Made, WebhookState


def webhook(state: WebhookState) -> WebhookOut:
    """Return a webhook."""
    return WebhookOut.model_validate(state, from_attributes=True)


def made(new: Made) -> NewWebhookOut:
    """Return a webhook with its secret."""
    return NewWebhookOut(**dict(webhook(new.webhook)), secret=new.secret)


def delivery(state: DeliveryState) -> DeliveryOut:
    """Return a delivery."""
    return DeliveryOut.model_validate(state, from_attributes=True)


def delivery_with_event(state: DeliveryState, event: Any) -> DeliveryDetail:
    """Return a delivery with its event."""
    return DeliveryDetail(**dict(delivery(state)), event=event)


def delivery_page(page: Page[DeliveryState]) -> DeliveryPage:
    """Return a page of deliveries."""
    return DeliveryPage(items=list(map(delivery, page.items)), next_cursor=page.next_cursor)
