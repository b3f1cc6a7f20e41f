"""What the services return, as the shapes on the wire."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.api.errors import wire_reasons
from app.domain.effects import RRset
from app.domain.errors import InvalidInput, Reason
from app.schemas.response import (
    Accepted,
    BackendOut,
    BatchProgress,
    BatchResult,
    ChangeOut,
    ContextOut,
    ErrorOut,
    EventOut,
    Fault,
    ManyChanged,
    ObstacleOut,
    PlannedOut,
    PlanResult,
    RecordOut,
    RequestDetail,
    RequestOut,
    RestingZone,
    RRsetOut,
    ZoneOut,
)
from app.schemas.response import Reason as ReasonOut
from app.services.backends import BackendState, Obstacle
from app.services.plan.from_records import Planned
from app.services.records import RecordState
from app.services.requests import submit
from app.services.requests.lookup import BatchState, LogLine, RequestState
from app.services.requests.many import Changed
from app.services.requests.validate import Refused
from app.services.zones.registry import ServedZone

_UNDECIDED = Reason((), "try_again", "the database failed before it could tell what this key stands for")


def accepted(request: submit.AcceptedRequest) -> Accepted:
    """Return the answer to a change that was accepted."""
    return Accepted(
        request.id,
        request.action,
        request.status,
        request.zone,
        ContextOut(request.account_id, request.source, request.via),
        request.resource,
        request.created_at,
    )


def batch_result(index: int, result: submit.Submitted) -> BatchResult:
    """Return the result of one item of a batch."""
    match result:
        case submit.Accepted(request):
            return BatchResult(index, 202, accepted(request))
        case submit.Replayed(request):
            return BatchResult(index, 200, accepted(request))
        case submit.Undecided():
            return BatchResult(index, 503, errors=_body_reasons([_UNDECIDED]))
    status = 409 if isinstance(result, submit.KeyReused) else 422
    return BatchResult(index, status, errors=_body_reasons(submit.reasons_of(result)))


def plan_result(index: int, item: Planned | Refused) -> PlanResult:
    """Return one item of a plan."""
    if isinstance(item, Refused):
        return PlanResult(index=index, status_code=422, errors=_body_reasons(item.reasons))
    change, planned = item.effect.change, item.effect.planned
    return PlanResult(
        index=index,
        status_code=200,
        change=ChangeOut(
            action=change.action,
            zone=change.zone,
            domain=change.name,
            record_type=change.type,
            before=_rrset(item.effect.before),
            after=_rrset(item.effect.after),
        ),
        forecast=PlannedOut(by=item.by, outcome=planned.outcome, code=planned.code, message=planned.message),
    )


def request_out(state: RequestState) -> RequestOut:
    """Return a request and how far it has come."""
    return RequestOut(**_request(state))


def request_detail(state: RequestState, log: Sequence[LogLine], obstacle: Obstacle | None) -> RequestDetail:
    """Return a request with its log, and with what it waits for."""
    events = [EventOut(at=line.at, status=line.status, message=line.message) for line in log]
    waits_for = ObstacleOut(code=obstacle.code, since=obstacle.since) if obstacle else None
    return RequestDetail(**_request(state), waits_for=waits_for, events=events)


def batch_progress(state: BatchState) -> BatchProgress:
    """Return how far the requests of a batch have come."""
    return BatchProgress(
        id=state.id,
        created_at=state.created_at,
        requests=state.requests,
        open=state.open,
        by_status=dict(state.by_status),
    )


def many_changed(changed: Changed) -> ManyChanged:
    """Return how many requests a call has changed."""
    return ManyChanged(count=changed.count, next_cursor=changed.next_cursor)


def record_out(state: RecordState) -> RecordOut:
    """Return a record."""
    return RecordOut(
        zone=state.zone,
        domain=state.name,
        record_type=state.record_type,
        ttl=state.ttl,
        target=state.rdata,
        account_id=state.account_id,
        request_id=state.request_id,
        comment=state.comment,
        created_at=state.created_at,
        updated_at=state.updated_at,
    )


def zone_out(zone: ServedZone) -> ZoneOut:
    """Return a zone that is served."""
    return ZoneOut(
        name=zone.name, backend=zone.backend, created_at=zone.created_at, updated_at=zone.updated_at
    )


def backend_out(state: BackendState) -> BackendOut:
    """Return a backend, with its fault if it has one."""
    return BackendOut(
        name=state.name,
        state=state.state.value,
        seen_at=state.seen_at,
        fault=_fault(state.since, state.code, state.why, state.next_try),
        zones=state.zones,
        open_requests=state.open_requests,
        resting_zones=[RestingZone(**asdict(zone)) for zone in state.resting_zones],
    )


def _fault(
    since: datetime | None, code: str | None, why: str | None, next_try: datetime | None
) -> Fault | None:
    if since is None:
        return None
    return Fault(since=since, code=code or "", why=why or "", next_try=next_try)


def _request(state: RequestState) -> dict[str, Any]:
    failed = state.error_code is not None
    return {
        "id": state.id,
        "action": state.action,
        "status": state.status,
        "zone": state.zone,
        "context": ContextOut(state.account_id, state.source, state.via),
        "resource": state.resource,
        "created_at": state.created_at,
        "attempts": state.attempts,
        "run_id": state.run_id,
        "error": ErrorOut(code=state.error_code or "", message=state.error_message or "") if failed else None,
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "verified_at": state.verified_at,
        "batch_id": state.batch_id,
    }


def _rrset(rrset: RRset | None) -> RRsetOut | None:
    return RRsetOut(ttl=rrset.ttl, target=list(rrset.rdata)) if rrset else None


def _body_reasons(reasons: Sequence[Reason]) -> list[ReasonOut]:
    return wire_reasons(InvalidInput(reasons).reasons)
