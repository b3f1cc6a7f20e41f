"""The shapes of what is asked and answered about webhooks."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from app.domain.webhook import EVENT_TYPES, MAX_URL, DeliveryStatus, WhyDisabled
from app.schemas.request import Account, Line, StrictBody

Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL)]
EventTypes = Annotated[
    list[Line],
    Field(max_length=len(EVENT_TYPES), description="`dns.request.<status>`; none: all"),
]


class NewWebhook(StrictBody):
    """A webhook to make."""

    url: Url = Field(description="where events are posted to; `https://`")
    account_id: Account | None = Field(
        None, description="whose events; null: those of every account that the caller reads"
    )
    event_types: EventTypes = Field(default_factory=list)
    comment: Line | None = None


class WebhookChange(StrictBody):
    """What is to be changed of a webhook; what is left out, or null, stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    comment: Line | None = Field(None, description="null: none")
    enabled: bool | None = Field(None, strict=True, description="true: deliver again, what waits at once")


class WebhookOut(BaseModel):
    """A webhook, and how it has gone of late."""

    id: UUID
    url: str
    account_id: Annotated[str | None, Field(description="null: every account that its holder reads")]
    event_types: Annotated[list[str], Field(description="none: all")]
    comment: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    holder: Annotated[str, Field(description="who answers for it: it gets what he may read")]
    holds_until: Annotated[datetime | None, Field(description="then he has to renew it by any change of it")]
    state: Annotated[str, Field(description="well, failing, disabled")]
    disabled: Annotated[WhyDisabled | None, Field(description="why nothing is delivered to it; null: it is")]
    disabled_at: datetime | None
    failures: Annotated[int, Field(description="tries in a row after which nothing was taken")]
    failing_since: datetime | None
    last_code: Annotated[str | None, Field(description="of the last failure")]
    last_error: str | None
    paused_until: datetime | None
    delivered_at: Annotated[datetime | None, Field(description="when it last took something")]
    old_secret_until: Annotated[datetime | None, Field(description="until then the secret before signs, too")]
    waiting: Annotated[int, Field(description="deliveries that are not taken yet; 100,000 stand for more")]


class NewWebhookOut(WebhookOut):
    """A webhook with its secret: this is shown once."""

    secret: str


class WebhookList(BaseModel):
    """Webhooks, the oldest first."""

    items: list[WebhookOut]


class DeliveryOut(BaseModel):
    """A delivery, and what has come of its last try."""

    id: UUID
    event_id: Annotated[UUID, Field(description="`webhook-id`: the same with each try and each replay")]
    event_type: str
    request_id: Annotated[UUID | None, Field(description="null: it is a test")]
    account_id: str | None
    replay_of: Annotated[UUID | None, Field(description="the delivery that it repeats")]
    created_at: datetime
    status: DeliveryStatus
    attempts: int
    next_try_at: datetime | None
    tried_at: datetime | None
    finished_at: datetime | None
    status_code: Annotated[int | None, Field(description="of the last answer")]
    answer: Annotated[str | None, Field(description="its first 1,024 bytes")]
    code: Annotated[str | None, Field(description="of the last failure")]
    error: Annotated[str | None, Field(description="the same in words")]
    took: Annotated[float | None, Field(description="seconds")]


class DeliveryDetail(DeliveryOut):
    """A delivery with the event."""

    event: Any


class DeliveryPage(BaseModel):
    """Deliveries, the newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None
