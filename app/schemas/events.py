"""The shape of an event: CloudEvents 1.0, structured JSON."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.domain.change import Action, Via
from app.domain.lifecycle import Status
from app.schemas.response import ErrorOut


class EventData(BaseModel):
    """A request as it was when its status changed."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    action: Action
    status: Status
    zone: str
    view: str | None
    resource: dict[str, Any] | None
    account_id: str
    source: str
    via: Via
    batch_id: UUID | None
    error: ErrorOut | None
    message: str
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    verified_at: datetime | None
    finished_at: datetime | None


class CloudEvent(BaseModel):
    """A change of a request's status."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID
    time: datetime
    datacontenttype: Literal["application/json"]
    sequence: str
    traceparent: str | None = None
    data: EventData
