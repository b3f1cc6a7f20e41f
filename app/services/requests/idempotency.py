"""Idempotency keys: what was submitted before with the same one is the answer again."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from app.core.database import AnySession, savepoint
from app.core.database_errors import may_recover
from app.domain.errors import IdempotencyKeyReused, IdempotencyKeySpent
from app.domain.extra_config import can_be_stored
from app.domain.zone_settings import DEFAULT_TTL
from app.services.requests.draft import Draft, Refused
from app.services.requests.submission import (
    KeyReused,
    Replayed,
    Submitted,
    Undecided,
    accepted_request,
    with_ttl,
)
from app.store import requests
from app.store.requests import EarlierRequest, NewRequest


def replay(session: AnySession, drafts: Sequence[Draft], results: Sequence[Submitted]) -> list[Submitted]:
    """Return the results, but for changes whose idempotency keys were used before: those of their keys.

    A key comes before everything that is judged: its first answer holds, even if the zone is gone by now.
    """
    rows = {
        index: row
        for index, (draft, result) in enumerate(zip(drafts, results, strict=True))
        if isinstance(result, Refused | Undecided) and (row := _row_of_key(draft))
    }
    known = look_up_keys(session, list(rows.values()))
    answered = {
        index: known[row.id]
        for index, row in rows.items()
        if row.id in known and not (isinstance(results[index], Refused) and _was_never_stored(known[row.id]))
    }
    return (
        [answered.get(index, result) for index, result in enumerate(results)] if answered else list(results)
    )


def _was_never_stored(looked_up: Submitted) -> bool:
    """Return whether PostgreSQL can't even compare the row with what is stored."""
    return isinstance(looked_up, Undecided) and not may_recover(looked_up.error)


def _row_of_key(draft: Draft) -> NewRequest | None:
    """Return what is compared with the request that the draft's key stands for; None: nothing can be."""
    if draft.idempotency_key is None or draft.submission is None:
        return None
    context, resource = draft.submission.context, draft.submission.resource
    asked = resource.model_dump(mode="json", exclude_none=True)
    if not can_be_stored(asked):  # so it is none that was
        return None
    return NewRequest(
        id=uuid7(),
        action=draft.action,
        account_id=context.account_id,
        source=context.source or draft.via.value,
        via=draft.via,
        resource=asked,
        zone="",
        name="",
        record_type=resource.record_type,
        ttl=resource.config.ttl or DEFAULT_TTL,  # which is not compared
        rdata=[],
        idempotency_key=draft.idempotency_key,
        not_before=context.not_before,
        reason=context.reason,
        ticket=context.ticket,
    )


def look_up_keys(session: AnySession, new: Sequence[NewRequest]) -> dict[UUID, Submitted]:
    """Return the results of rows whose idempotency keys were used before.

    The other rows are stored, even if this look-up fails. A row that PostgreSQL refuses is found out, so that
    it does not keep the others from their results.
    """
    if not new:
        return {}
    try:
        with savepoint(session):
            earlier = requests.find_earlier(session, new)
    except DBAPIError as error:
        if len(new) == 1 or may_recover(error):
            return {request.id: Undecided(error) for request in new}
        half = len(new) // 2
        return look_up_keys(session, new[:half]) | look_up_keys(session, new[half:])
    return {
        request.id: _result_of_key(earlier[request.id], request) for request in new if request.id in earlier
    }


def _result_of_key(earlier: EarlierRequest | None, again: NewRequest) -> Submitted:
    if earlier is None:
        return KeyReused(IdempotencyKeySpent())
    if not earlier.same:
        return KeyReused(IdempotencyKeyReused())
    # The same as the stored one, in the order of the first answer, which jsonb does not keep.
    earlier.resource = with_ttl(again.resource, earlier.ttl)
    return Replayed(accepted_request(earlier, earlier.created_at, earlier.batch_id))
