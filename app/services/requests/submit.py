"""Take requests in: validate, store in one statement, and say what became of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from app.core.database import Executor
from app.domain.lifecycle import Status
from app.domain.names import lineages
from app.domain.rules import Reason
from app.schemas.response import Accepted, ContextOut
from app.services.requests import validate
from app.services.requests.validate import Draft, Placed
from app.store import requests, zones
from app.store.requests import Earlier, NewRequest

CONFLICT = Reason(
    ("idempotency_key",),
    "idempotency_key_reused",
    "this idempotency key was used with another body",
)


class Answer(NamedTuple):
    """What became of it: the request as it was stored, the reasons why there is none, or why nobody knows."""

    accepted: Accepted | None = None
    replayed: bool = False
    conflict: bool = False
    reasons: Sequence[Reason] = ()
    failure: Exception | None = None


class Rejected(Exception):
    """A batch that is all or nothing has bad items; `answers` says which, and why."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__("rejected")
        self.answers = answers


def submit(executor: Executor, drafts: Sequence[Draft], *, atomic: bool = False) -> list[Answer]:
    """Store these changes, in order; a bad one never sinks the others, unless they are `atomic`.

    Raises Rejected when one of those that are atomic can't be accepted: the transaction must be rolled back.
    """
    placed = place(executor, drafts)
    new = [new_request(item) for item in placed]
    stored = iter(_store(executor, [request for request in new if request is not None]))
    answers = [
        next(stored) if request else Answer(reasons=item.reasons)
        for request, item in zip(new, placed, strict=True)
    ]
    if atomic:
        _check_all(answers)
    return answers


def _check_all(answers: Sequence[Answer]) -> None:
    """Raise what is in the way of storing all of them."""
    for answer in answers:
        if answer.failure is not None:
            raise answer.failure
    if not all(answer.accepted for answer in answers):
        raise Rejected(answers)


def place(executor: Executor, drafts: Sequence[Draft]) -> list[Placed]:
    """Find the zone of each, and check what depends on it."""
    served = zones.existing(executor, lineages(draft.name for draft in drafts if draft.name))
    return [validate.place(draft, served) for draft in drafts]


def new_request(placed: Placed) -> NewRequest | None:
    """The row that the change becomes; None when there are reasons against it."""
    draft = placed.draft
    if placed.reasons or draft.submission is None or draft.name is None or placed.zone is None:
        return None
    context, resource = draft.submission.context, draft.submission.resource
    return NewRequest(
        id=uuid7(),
        action=draft.action,
        account_id=context.account_id,
        source=context.source,
        resource=resource.model_dump(mode="json", exclude_none=True),
        zone=placed.zone,
        name=draft.name,
        record_type=resource.record_type,
        ttl=resource.config.ttl,
        rdata=draft.rdata,
        idempotency_key=draft.idempotency_key,
    )


def _store(executor: Executor, new: Sequence[NewRequest]) -> list[Answer]:
    """Each new request's answer: what was stored, or what its idempotency key stands for already."""
    if not new:
        return []
    stored = requests.insert(executor, new)
    again = _answers_again(executor, [request for request in new if request.id in stored.held])
    return [again.get(request.id) or Answer(accepted(request, stored.at)) for request in new]


def _answers_again(executor: Executor, held: Sequence[NewRequest]) -> Mapping[UUID, Answer]:
    """The answers to requests whose idempotency keys are taken; the others are stored, even if this fails."""
    if not held:
        return {}
    try:
        earlier = requests.earlier(executor, held)
    except DBAPIError as error:
        return {request.id: Answer(failure=error) for request in held}
    return {request.id: _again(earlier[request.id]) for request in held}


def _again(earlier: Earlier) -> Answer:
    """The answer to a request whose idempotency key was used before."""
    if not earlier.same:
        return Answer(conflict=True, reasons=[CONFLICT])
    return Answer(accepted(earlier, earlier.created_at), replayed=True)


def accepted(request: NewRequest | Earlier, created_at: datetime) -> Accepted:
    """The first answer to a request, whatever has become of it since."""
    return Accepted(
        id=request.id,
        action=request.action,
        status=Status.PENDING,
        zone=request.zone,
        context=ContextOut(account_id=request.account_id, source=request.source),
        resource=request.resource,
        created_at=created_at,
    )
