"""Undo a request: submit what restores the RRset, with what the request has made of it as prerequisite."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.database import transaction
from app.domain import schedule
from app.domain.change import NOTHING, RRsetKey, RRsetState, Via
from app.domain.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    NotAllowed,
    NothingToUndo,
    Reason,
    RequestNotFound,
    RequestNotUndoable,
    StateUnknown,
    UndoConflict,
    UndoneAlready,
    ZoneNotServed,
)
from app.domain.expectation import is_like
from app.domain.inverse import Inverse, inverse
from app.domain.lifecycle import OPEN, Status
from app.domain.permissions import Caller
from app.domain.ptr import ADDRESS_TYPES
from app.services.requests.authorise import why_not_account
from app.services.requests.backlog import Backlog
from app.services.requests.draft import Draft, Refused
from app.services.requests.lookup import state_of
from app.services.requests.ptr import Restored, keep_ptrs_again
from app.services.requests.restoring import restoring_change
from app.services.requests.submission import Accepted, Replayed, Submitted, Undecided, first_status
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import records, requests, undo, zones
from app.store.models import Request, Zone


@dataclass(frozen=True, slots=True)
class UndoOrder:
    """Who asks for an undo, and why; what is None is as in the request that is undone, or its door's."""

    account_id: str | None = None
    source: str | None = None
    comment: str | None = None
    via: Via = Via.API
    idempotency_key: str | None = None
    not_before: datetime | None = None
    caller: Caller | None = None
    reason: str | None = None
    ticket: str | None = None


def undo_request(request_id: UUID, order: UndoOrder, backlog: Backlog | None = None) -> Accepted | Replayed:
    """Submit the inverse of the request, and return it. The caller kicks its zone.

    Raises RequestNotFound, InvalidInput where its time or a rule of the zone is against it, BacklogFull, and
    these for what is stored: IdempotencyKeyReused, RequestNotUndoable, UndoneAlready, ZoneNotServed,
    NothingToUndo, StateUnknown, UndoConflict.
    """
    if order.not_before and (reason := schedule.why_not(order.not_before, datetime.now(UTC))):
        raise InvalidInput([reason])
    with transaction() as session:
        original = undo.lock(session, request_id)
        if original is None or (order.caller and not order.caller.principal.reads(original.account_id)):
            raise RequestNotFound
        if order.caller and (reason := why_not_account(order.caller, _account(original, order))):
            raise NotAllowed(reason)
        if replayed := _replayed(session, original, order):
            return replayed
        zone = _require_undoable(session, original)
        found = _inverse(original)
        _require_no_conflict(session, zone, original, found.expect, order.caller)
        keeps_ptrs = _keeps_ptrs(session, original, found)
        [result] = submit(session, [_draft(original, found, order, keeps_ptrs)], backlog=backlog)
        accepted = _require_accepted(result)
        undo.note(session, original.id, accepted.request.id)
    return accepted


def _replayed(session: Session, original: Request, order: UndoOrder) -> Replayed | None:
    """Return the undo that the idempotency key stands for. Raises IdempotencyKeyReused."""
    if order.idempotency_key is None:
        return None
    earlier = undo.find_by_key(session, _account(original, order), order.idempotency_key)
    if earlier is None:
        return None
    why = (order.reason, order.ticket)
    asked = (original.id, order.source or order.via.value, _comment(original, order), order.not_before, why)
    comment, why = earlier.resource.get("comment"), (earlier.reason, earlier.ticket)
    if (earlier.undoes, earlier.source, comment, earlier.not_before, why) != asked:
        raise IdempotencyKeyReused
    return Replayed(replace(state_of(earlier), status=first_status(earlier, earlier.created_at)))


def _require_undoable(session: Session, original: Request) -> Zone:
    """Return the request's zone. Raises RequestNotUndoable, UndoneAlready, ZoneNotServed."""
    if original.status is not Status.SUCCEEDED:
        raise RequestNotUndoable(original.status)
    if undoing := _undoing(session, original):
        last, *before = reversed(undoing)
        waits = last.id if before and last.status in OPEN else None
        raise UndoneAlready(undoing[0].id, undoing[0].status, waits)
    zone = zones.get(session, original.zone)
    if zone is None:
        raise ZoneNotServed(original.zone)
    return zone


def _undoing(session: Session, original: Request) -> list[Request]:
    """Return the request that takes this one back, or will, and its undos; none where it was undone.

    Of undos of undos every other one is in effect, counted from the last that has succeeded.
    """
    chain: list[Request] = []
    following = original.undone_by
    while following and (undoing := requests.get(session, following)):
        if undoing.status not in (*OPEN, Status.SUCCEEDED):
            break
        chain.append(undoing)
        following = undoing.undone_by if undoing.status is Status.SUCCEEDED else None
    done = sum(undoing.status is Status.SUCCEEDED for undoing in chain)
    is_waiting = len(chain) == 1 and not done
    return chain if is_waiting or done % 2 else []


def _inverse(original: Request) -> Inverse:
    """Return the inverse of the request. Raises NothingToUndo, StateUnknown.

    After a run that was lost, what the next one has found may be what the lost one has made.
    """
    found = inverse(
        original.record_type,
        RRsetState.from_json(original.before) if original.before and not original.lost_runs else None,
        RRsetState.from_json(original.after) if original.after else None,
    )
    if isinstance(found, Reason):
        raise NothingToUndo if found.code == NothingToUndo.code else StateUnknown
    return found


def _require_no_conflict(
    session: Session, zone: Zone, original: Request, expected: RRsetState, caller: Caller | None
) -> None:
    """Raise UndoConflict where the records show another RRset than the one that the request has made.

    It names the request that has changed it since if the caller may see that.

    Where there is none, that tells something only if the zone has not been changed since: with its backend
    its records are forgotten.
    """
    key = RRsetKey(original.name, original.record_type)
    record = records.get(session, zone.name, key)
    if record is not None:
        if not is_like(key.type, RRsetState(record.ttl, tuple(record.rdata)), expected):
            account = record.account_id
            is_shown = caller is None or (account is not None and caller.principal.reads(account))
            changed_by = record.request_id if record.request_id != original.id and is_shown else None
            raise UndoConflict(zone.name, key, changed_by)
        return
    settled = original.finished_at
    if settled is not None and zone.updated_at < settled and not is_like(key.type, NOTHING, expected):
        raise UndoConflict(zone.name, key)


def _keeps_ptrs(session: Session, original: Request, found: Inverse) -> bool:
    """Return whether the addresses that come back had PTRs, which went with them."""
    if original.record_type not in ADDRESS_TYPES or not found.restored.rdata:
        return False
    [again] = keep_ptrs_again(
        session, [Restored(original.zone, original.name, found.restored.rdata, {original.id})]
    )
    return again


def _draft(original: Request, found: Inverse, order: UndoOrder, keeps_ptrs: bool) -> Draft:
    """Return the undo as a change that expects what the original has made."""
    change = restoring_change(
        original.zone,
        RRsetKey(original.name, original.record_type),
        found,
        account_id=_account(original, order),
        source=order.source,
        not_before=order.not_before,
        reason=order.reason,
        ticket=order.ticket,
        comment=_comment(original, order),
        extra_config=original.resource.get("config", {}).get("extra_config", {}),
        keeps_ptrs=keeps_ptrs,
    )
    change = change._replace(idempotency_key=order.idempotency_key, via=order.via, expect=found.expect)
    return replace(read_change(change, order.caller), undoes=original.id, ptr_of=original.ptr_of)


def _account(original: Request, order: UndoOrder) -> str:
    """Return in whose name it is undone: whom the order names, the caller's, or who has asked for it."""
    own = order.caller.principal.only_account if order.caller else None
    return order.account_id or own or original.account_id


def _comment(original: Request, order: UndoOrder) -> str | None:
    comment: str | None = order.comment or original.resource.get("comment")
    return comment


def _require_accepted(result: Submitted) -> Accepted:
    """Return the result. Raises what prevents the undo."""
    match result:
        case Accepted():
            return result
        case Refused(reasons):
            raise NotAllowed(reasons[0]) if result.not_allowed else InvalidInput(reasons, "undo")
        case Undecided(error):
            raise error
    raise IdempotencyKeyReused  # by another call at the same moment
