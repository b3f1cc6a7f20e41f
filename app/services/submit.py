"""Take requests in: validate, store in one statement, and say what became of each."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.domain.names import lineage
from app.domain.rules import Reason
from app.domain.status import Action, Status
from app.schemas.response import Accepted, ContextOut
from app.services import validate
from app.services.validate import Draft
from app.store import requests, zones
from app.store.models import Request
from app.store.requests import NewRequest

CONFLICT = Reason(
    ("idempotency_key",),
    "idempotency_key_reused",
    "this idempotency key was used with another body",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One change as a client sent it; the body is not validated yet."""

    action: Action
    body: object
    idempotency_key: str | None = None
    reasons: Sequence[Reason] = ()  # what the door found wrong with it already


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it: the request as it was stored, or the reasons why there is none."""

    accepted: Accepted | None = None
    replayed: bool = False
    conflict: bool = False
    reasons: Sequence[Reason] = field(default=())


def submit(session: Session, asked: Sequence[Asked]) -> list[Answer]:
    """Validate and store these changes, in order; a bad one never sinks the others."""
    read = drafts(session, asked)
    new = [_new(item, draft) for item, draft in zip(asked, read, strict=True)]
    accepted = [request for request in new if request is not None]
    stored = requests.insert(session, accepted) if accepted else {}
    answers = _answers(session, accepted, stored)
    return [
        answers[request.id] if request else Answer(reasons=draft.reasons)
        for request, draft in zip(new, read, strict=True)
    ]


def drafts(session: Session, asked: Sequence[Asked]) -> list[Draft]:
    """Validate these changes, and find the zone of each."""
    read = [_read(item) for item in asked]
    _place(session, read)
    return read


def _read(asked: Asked) -> Draft:
    draft = validate.read(asked.body, asked.action)
    draft.reasons[:0] = asked.reasons
    return draft


def _place(session: Session, drafts: Sequence[Draft]) -> None:
    wanted = {parent for draft in drafts if draft.name for parent in lineage(draft.name)}
    served = zones.existing(session, wanted)
    for draft in drafts:
        validate.place(draft, served)


def _new(asked: Asked, draft: Draft) -> NewRequest | None:
    if draft.reasons or draft.submission is None or draft.name is None or draft.zone is None:
        return None
    context, resource = draft.submission.context, draft.submission.resource
    shown = resource.model_dump(mode="json", exclude_none=True)
    return NewRequest(
        id=uuid7(),
        action=asked.action,
        account_id=context.account_id,
        source=context.source,
        resource=shown,
        zone=draft.zone,
        name=draft.name,
        record_type=resource.record_type,
        ttl=resource.config.ttl,
        rdata=draft.rdata,
        idempotency_key=asked.idempotency_key,
        fingerprint=_fingerprint(asked.action, context.source, shown),
    )


def _fingerprint(action: Action, source: str, resource: dict[str, object]) -> str:
    body = json.dumps([action, source, resource], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _answers(
    session: Session, new: Sequence[NewRequest], stored: Mapping[UUID, datetime]
) -> dict[UUID, Answer]:
    """Each new request's answer: what was stored, or what its idempotency key stands for already."""
    held = [request for request in new if request.id not in stored]
    pairs = {(request.account_id, request.idempotency_key or "") for request in held}
    earlier = requests.by_idempotency_key(session, pairs) if pairs else {}
    answers = {
        request.id: Answer(_accepted(request, stored[request.id])) for request in new if request.id in stored
    }
    for request in held:
        first = earlier[request.account_id, request.idempotency_key or ""]
        same = first.fingerprint.hex() == request.fingerprint
        answers[request.id] = (
            Answer(_accepted(first, first.created_at), replayed=True)
            if same
            else Answer(conflict=True, reasons=[CONFLICT])
        )
    return answers


def _accepted(request: NewRequest | Request, created_at: datetime) -> Accepted:
    """The first answer to a request, whatever has become of it since."""
    return Accepted(
        id=request.id,
        action=request.action,
        status=Status.PENDING,
        zone=request.zone,
        context=ContextOut(account_id=request.account_id, source=request.source),
        resource=dict(request.resource),
        created_at=created_at,
    )
