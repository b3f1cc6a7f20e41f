"""An event as everybody is told of it: CloudEvents 1.0, in the structured JSON form.

What operators alone may read is not in it: it says what requesters are told.
"""

from typing import Any

from pydantic_core import to_json

from app.core.config import settings
from app.domain.lifecycle import Status
from app.domain.told import of_failure, of_status
from app.domain.zone_key import view_of
from app.services.requests.submission import with_ttl
from app.store.outbox import Event

MEDIA_TYPE = "application/cloudevents+json; charset=UTF-8"
TYPE_PREFIX = "dns.request."  # and the status
_SOURCE = "/dns-request-orchestrator"  # unless PUBLIC_URL says by what the service is reached
_SEQUENCE_DIGITS = 19  # of the largest bigint


def source() -> str:
    """Return what events say they come from."""
    return settings().public_url or _SOURCE


def type_of(event: Event) -> str:
    """Return the type of an event."""
    return TYPE_PREFIX + event.status


def cloud_event(event: Event, *, with_resource: bool = True) -> bytes:
    """Return the event as JSON; without `resource` where it would be too large.

    `id` is the same each time it is sent. `sequence` grows from one event of a request to the next, also as
    text.
    """
    envelope = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source(),
        "type": type_of(event),
        "subject": event.request_id,
        "time": event.at,
        "datacontenttype": "application/json",
        "sequence": f"{event.sequence:0{_SEQUENCE_DIGITS}}",
    }
    if event.traceparent is not None:
        envelope["traceparent"] = event.traceparent
    return to_json({**envelope, "data": _data(event, with_resource)})


def _data(event: Event, with_resource: bool) -> dict[str, Any]:
    status = Status(event.status)
    message = event.told or of_status(status)
    code = event.error_code
    # Of what was rejected, the words are an approver's.
    why = message if status is Status.REJECTED else of_failure(code) if code else ""
    return {
        "id": event.request_id,
        "action": event.action,
        "status": status,
        "zone": event.zone,
        "view": view_of(event.zone),
        "resource": with_ttl(event.resource, event.ttl) if with_resource else None,
        "account_id": event.account_id,
        "source": event.source,
        "via": event.via,
        "batch_id": event.batch_id,
        "error": {"code": code, "message": why} if code else None,
        "message": message,
        "not_before": event.not_before,
        "created_at": event.created_at,
        "started_at": event.started_at,
        "verified_at": event.verified_at,
        "finished_at": event.finished_at,
    }
