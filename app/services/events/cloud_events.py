"""Events as they go out: CloudEvents 1.0 in structured JSON, in words for requesters.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from datetime import datetime
from typing import Any

from pydantic_core import to_json

from app.core.config import settings
from app.domain.lifecycle import Status
from app.domain.told import of_failure, of_status
from app.store.outbox import Event

CONTENT_TYPE = "application/cloudevents+json"


def source() -> str:
    """Return what events say they come from."""
    return settings().public_url or "/dns-request-orchestrator"


def type_of(event: Event) -> str:
    """Return the type of an event."""
    return f"dns.request.{event.status}"


def write(event: Event) -> bytes:
    """Return an event as it goes out; it is the same each time."""
    extensions = {"traceparent": event.traceparent} if event.traceparent else {}
    return to_json(
        {
            "specversion": "1.0",
            "id": str(event.event_id),
            "source": source(),
            "type": type_of(event),
            "subject": str(event.request_id),
            "time": _time(event.at),
            "datacontenttype": "application/json",
            "sequence": str(event.sequence).zfill(20),  # they are compared as texts
            **extensions,
            "data": _data(event),
        }
    )


def _data(event: Event) -> dict[str, Any]:
    code = event.error_code
    return {
        "id": str(event.request_id),
        "action": event.action,
        "status": event.status,
        "message": event.told or of_status(Status(event.status)),
        "zone": event.zone,
        "account_id": event.account_id,
        "source": event.source,
        "via": event.via,
        "batch_id": event.batch_id and str(event.batch_id),
        "resource": event.resource,
        "error": code and {"code": code, "message": of_failure(code)},
        "created_at": _time(event.created_at),
        "started_at": _time(event.started_at),
        "verified_at": _time(event.verified_at),
        "finished_at": _time(event.finished_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
