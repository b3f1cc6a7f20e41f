"""One review: who has asked for what, and who may decide it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.approval import Deciders, Reviewed, Verdict, is_approver, why_not_another
from app.domain.change import Action, RRsetState
from app.domain.errors import FourEyes, NoApprover, NotAwaitingApproval, RequestNotFound
from app.domain.ownership import OwnedRRset
from app.domain.permissions import Asked, Caller, Principal, Role
from app.services.requests.authorise import all_asked
from app.services.requests.draft import RawChange
from app.store import records, requests, reviews, upkeep, zones
from app.store.models import Request, Review
from app.store.request_lists import Approver


@dataclass(frozen=True, slots=True)
class ReviewState:
    """A review: why, until when, and what was decided by whom."""

    id: UUID
    why: str
    principal: str  # who has asked
    created_at: datetime
    expires_at: datetime
    verdict: Verdict | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for an approval, as a change that can be planned."""

    id: UUID
    asked: Asked
    ptrs: Sequence[Asked]  # that are to be kept with it
    change: RawChange
    expect: RRsetState | None  # which it has expected from the beginning
    grouped: bool
    source: str
    not_before: datetime | None
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A review with those of its requests that wait, in the order of their acceptance."""

    review: ReviewState
    waiting: Sequence[Waiting]
    reviewed: Reviewed
    asker: Principal  # as far as grants are about him
    zones: Sequence[str]  # whose approvers decide
    is_overdue: bool  # and is about to be rejected


def get_case(session: Session, request_id: UUID, caller: Caller, *, lock: bool = False) -> Case:
    """Return the review that a request waits for. With `lock` nobody else decides it, or cancels any of it.

    Raises RequestNotFound, also where the caller may neither see the request nor approve it;
    NotAwaitingApproval.
    """
    row = requests.get(session, request_id)
    review = reviews.get(session, row.review_id) if row and row.review_id else None
    if review is not None and lock:
        review = reviews.lock(session, review.id)
    case = _case(session, review, lock=lock) if review else None
    principal = caller.principal
    if row is None or not (
        principal.reads(row.account_id) or (case and is_approver(principal, case.reviewed))
    ):
        raise RequestNotFound
    if case is None or all(each.id != request_id for each in case.waiting):
        session.refresh(row)
        raise NotAwaitingApproval(row.status)
    return case


def decides_about(session: Session, principal: Principal, row: Request) -> bool:
    """Return whether the principal is an approver of the review that the request is, or was, part of."""
    review = reviews.get(session, row.review_id) if row.review_id else None
    return review is not None and is_approver(principal, _reviewed(session, review, [row]))


def find_approver(session: Session, principal: Principal) -> Approver:
    """Return what a list of the requests about which he decides is looked up by."""
    zones_of_his: list[str] | None = []
    if Role.ADMIN in principal.roles:
        zones_of_his = None
    elif Role.APPROVER in principal.roles:
        zones_of_his = zones.approved_by(session, principal.accounts)
    return Approver(zones_of_his, principal.identities, principal.accounts)


def require_may_decide(case: Case, caller: Caller) -> None:
    """Raise NoApprover, FourEyes, NotAwaitingApproval unless the caller may approve or reject it now."""
    if not is_approver(caller.principal, case.reviewed):
        raise NoApprover(case.zones)
    if not caller.unrestricted and (why := why_not_another(caller.principal, case.reviewed)):
        raise FourEyes(why)
    if case.is_overdue:
        raise NotAwaitingApproval("overdue")


def state_of(review: Review) -> ReviewState:
    """Return the review of a row."""
    return ReviewState(
        id=review.id,
        why=review.why,
        principal=review.principal,
        created_at=review.created_at,
        expires_at=review.expires_at,
        verdict=review.verdict,
        decided_at=review.decided_at,
        decided_by=review.decided_by,
        comment=review.comment,
    )


def _case(session: Session, review: Review, *, lock: bool) -> Case:
    rows = reviews.list_undecided(session, review.id, lock=lock)
    accounts = {row.account_id for row in rows}
    asked = all_asked(session, rows)
    return Case(
        review=state_of(review),
        waiting=[_waiting(row, *asked[row.id]) for row in rows],
        reviewed=_reviewed(session, review, rows),
        asker=Principal(review.principal, frozenset(accounts), _known(review.roles)),
        zones=review.zones,
        is_overdue=review.expires_at <= upkeep.read_time(session),
    )


def _reviewed(session: Session, review: Review, rows: Collection[Request]) -> Reviewed:
    settings = zones.existing(session, review.zones)
    deciders = [
        Deciders(settings[zone].approvers if zone in settings else (), _owners(session, zone, rows))
        for zone in review.zones
    ]
    return Reviewed(deciders, review.asks_as, {row.account_id for row in rows})


def _owners(session: Session, zone: str, rows: Collection[Request]) -> frozenset[str]:
    """Return who owns all RRsets that these change, where they are in the zone."""
    if not rows or any(row.zone != zone for row in rows):
        return frozenset()
    owners = records.owners(session, {row.name for row in rows})
    found = {owners.get(OwnedRRset(zone, row.name, row.record_type)) for row in rows}
    return frozenset(filter(None, found)) if len(found) == 1 else frozenset()


def _known(roles: Sequence[str]) -> frozenset[Role]:
    return frozenset(Role(role) for role in roles if role in frozenset(Role))


def _waiting(row: Request, asked: Asked, *ptrs: Asked) -> Waiting:
    return Waiting(
        id=row.id,
        asked=asked,
        ptrs=ptrs,
        change=RawChange(row.action, _body(row), via=row.via, restores=True),
        expect=RRsetState.from_json(row.expect) if row.expect else None,
        grouped=row.atomic_id is not None,
        source=row.source,
        not_before=row.not_before,
        reason=row.reason,
        ticket=row.ticket,
    )


def _body(row: Request) -> dict[str, object]:
    """Return what is asked for in canonical form: its values were judged when it was accepted."""
    config = {**row.resource.get("config", {}), "ttl": row.ttl}
    resource = {"record_type": row.record_type, "domain": row.name, "zone": row.zone, "config": config}
    if row.rdata or row.action is not Action.DELETE:
        resource["target"] = row.rdata
    context = {"account_id": row.account_id, "source": row.source}
    if row.not_before:
        context["not_before"] = row.not_before.isoformat()
    return {"context": context, "resource": resource}
