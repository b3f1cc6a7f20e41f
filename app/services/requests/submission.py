"""What becomes of a submission."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.change import Action, Via
from app.domain.errors import IdempotencyKeyReused, Reason
from app.domain.lifecycle import INITIAL, Status
from app.services.requests.draft import Refused
from app.store.models import Request
from app.store.requests import EarlierRequest, NewRequest


@dataclass(slots=True)
class AcceptedRequest:
    """A request as it was accepted, whatever has become of it since."""

    id: UUID
    action: Action
    status: Status
    zone: str
    account_id: str
    source: str
    via: Via
    resource: dict[str, Any]
    not_before: datetime | None
    reason: str | None
    ticket: str | None
    created_at: datetime
    batch_id: UUID | None


class Accepted(NamedTuple):
    """A new request was stored, though some servers may refuse it."""

    request: AcceptedRequest
    transaction: int  # that stored it
    warnings: Sequence[Reason] = ()


class Replayed(NamedTuple):
    """The idempotency key was used before, for the same change: this is the first request."""

    request: AcceptedRequest


class KeyReused(NamedTuple):
    """The idempotency key was used before, for another change: nothing was stored."""

    error: IdempotencyKeyReused


class Undecided(NamedTuple):
    """It may be accepted later: too many are open, or the database could not say what the key stands for."""

    error: Exception


Submitted = Accepted | Replayed | KeyReused | Refused | Undecided


def accepted_request(
    row: NewRequest | EarlierRequest, created_at: datetime, batch_id: UUID | None
) -> AcceptedRequest:
    """Return the request of a row as it was accepted."""
    return AcceptedRequest(
        id=row.id,
        action=row.action,
        status=first_status(row, created_at),
        zone=row.zone,
        account_id=row.account_id,
        source=row.source,
        via=row.via,
        resource=row.resource,
        not_before=row.not_before,
        reason=row.reason,
        ticket=row.ticket,
        created_at=created_at,
        batch_id=batch_id,
    )


def first_status(row: NewRequest | EarlierRequest | Request, created_at: datetime) -> Status:
    """Return with which status a request was accepted."""
    if row.review_id is not None:
        return Status.AWAITING_APPROVAL
    return Status.SCHEDULED if row.not_before and row.not_before > created_at else INITIAL


def with_ttl(resource: dict[str, Any], ttl: int) -> dict[str, Any]:
    """Return the resource as it was asked for with the TTL that it got from its zone, where it gave none."""
    config = resource.get("config", {})
    return resource if "ttl" in config else {**resource, "config": {**config, "ttl": ttl}}


def not_allowed(results: Iterable[object]) -> list[Reason]:
    """Return the reason against each change that was refused for who asks for it."""
    return [each.reasons[0] for each in results if isinstance(each, Refused) and each.not_allowed]


def reasons_of(result: Submitted) -> Sequence[Reason]:
    """Return the reasons against a change that was not stored; none for one that was."""
    match result:
        case Refused(reasons):
            return reasons
        case KeyReused(error):
            return [Reason(("idempotency_key",), error.code, str(error))]
    return ()
