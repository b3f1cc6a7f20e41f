"""Webhooks, and the deliveries to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from dns_orchestrator.models.base import Model


class Webhook(Model):
    """A webhook, and how it has gone of late: `state` is well, failing or disabled."""

    id: UUID
    url: str
    account_id: str | None = None
    event_types: list[str]
    comment: str | None = None
    created_at: datetime
    created_by: str
    updated_at: datetime
    holder: str
    holds_until: datetime | None = None
    state: str
    disabled: str | None = None
    disabled_at: datetime | None = None
    failures: int
    failing_since: datetime | None = None
    last_code: str | None = None
    last_error: str | None = None
    paused_until: datetime | None = None
    delivered_at: datetime | None = None
    old_secret_until: datetime | None = None
    waiting: int


class NewWebhook(Webhook):
    """A webhook with its secret: nobody can read that a second time."""

    secret: str


class WebhookList(Model):
    """Webhooks, the oldest first."""

    items: list[Webhook]


class Delivery(Model):
    """A delivery, and what has come of its last try: `status` is pending, delivered or failed."""

    id: UUID
    event_id: UUID
    event_type: str
    request_id: UUID | None = None
    account_id: str | None = None
    replay_of: UUID | None = None
    created_at: datetime
    status: str
    attempts: int
    next_try_at: datetime | None = None
    tried_at: datetime | None = None
    finished_at: datetime | None = None
    status_code: int | None = None
    answer: str | None = None
    code: str | None = None
    error: str | None = None
    took: float | None = None


class DeliveryDetail(Delivery):
    """A delivery with the event."""

    event: Any
