"""What the services return, as the shapes on the wire."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from app.api.errors import wire_reasons
from app.domain.change import RRsetState
from app.domain.effects import RRset
from app.domain.errors import BacklogFull, InvalidInput, QuotaExceeded, Reason
from app.domain.international import asked_in_unicode, name_in_unicode, values_in_unicode
from app.domain.names import in_unicode
from app.domain.permissions import Principal
from app.domain.ptr import PtrStep
from app.domain.reasons import MAX_BATCH_REASONS, at_most, number_of, share
from app.domain.server_answers import ServerAnswer
from app.domain.zone_key import view_of
from app.schemas.plans import (
    ChangeOut,
    LeftOut,
    PlannedOut,
    PlanOut,
    PlanResult,
    PtrOut,
    ReviewDetail,
    ReviewedChange,
    RollbackOut,
    RRsetOut,
)
from app.schemas.response import (
    Accepted,
    AcceptedUndo,
    AcceptedWithWarnings,
    BackendOut,
    BatchOut,
    BatchProgress,
    BatchResult,
    ContextOut,
    ErrorOut,
    EventOut,
    EventPage,
    Fault,
    HistoryItem,
    HistoryPage,
    ManyChanged,
    ObstacleOut,
    RecordOut,
    RequestDetail,
    RequestOut,
    RestingZone,
    ReviewOut,
    ServerAnswerOut,
    StateOut,
    WarningOut,
)
from app.schemas.response import Reason as ReasonOut
from app.services.backends import BackendState, Obstacle
from app.services.paging import Page
from app.services.plan.apply import obstacles
from app.services.plan.from_records import Planned
from app.services.plan.keep import KeptPlan, Left
from app.services.plan.told import as_told
from app.services.records import RecordState
from app.services.requests import submission
from app.services.requests.batch import batch_id_of
from app.services.requests.case import ReviewState
from app.services.requests.draft import Refused
from app.services.requests.history import Step
from app.services.requests.lookup import BatchState, LogLine, Progress, RequestState, why_failed
from app.services.requests.many import Changed
from app.services.review.look import Look

_UNDECIDED = Reason((), "try_again", "the database failed before it could tell what this key stands for")


def accepted(request: submission.AcceptedRequest) -> Accepted:
    """Return the answer to a change that was accepted."""
    return Accepted(
        request.id,
        request.action,
        request.status,
        request.zone,
        _context(request),
        request.resource,
        request.created_at,
        domain_unicode=asked_in_unicode(request.resource["domain"]),
        view=view_of(request.zone),
    )


def accepted_with_warnings(
    request: submission.AcceptedRequest, warnings: Sequence[Reason]
) -> AcceptedWithWarnings:
    """Return the answer to a change that was accepted, and what is to be said about it."""
    plain = accepted(request)
    return AcceptedWithWarnings(**_fields(plain), warnings=[*map(_warning, warnings)])


def accepted_undo(request: submission.AcceptedRequest, undoes: UUID) -> AcceptedUndo:
    """Return the answer to an undo that was accepted."""
    plain = accepted(request)
    return AcceptedUndo(**_fields(plain), undoes=undoes)


def batch_out(submitted: Sequence[submission.Submitted]) -> BatchOut:
    """Return the results of a batch, with at most MAX_BATCH_REASONS reasons in all."""
    found = {
        index: _reasons_against(result)
        for index, result in enumerate(submitted)
        if type(result) is not submission.Accepted or result.warnings
    }
    shares = share(MAX_BATCH_REASONS, list(map(len, found.values())))
    given = dict(zip(found, shares, strict=True))
    results = [
        _batch_result(index, result, found[index], given[index])
        if index in found
        else BatchResult(index, 202, accepted(result.request))  # type: ignore[union-attr]
        for index, result in enumerate(submitted)
    ]
    return BatchOut(results, batch_id_of(submitted), _number_left_out(list(found.values()), shares))


def plan_out(kept: KeptPlan, reader: Principal) -> PlanOut | RollbackOut:
    """Return a plan as the reader may see it; of a rollback also what it leaves.

    It has at most MAX_BATCH_REASONS reasons in all.
    """
    left = kept.plan.left
    plain = _plan_out(kept, reader)
    return plain if left is None else RollbackOut(**_fields(plain), not_taken_back=[*map(_left_out, left)])


def _plan_out(kept: KeptPlan, reader: Principal) -> PlanOut:
    planned = kept.plan.planned
    results, left_out = _plan_results(planned, reader)
    is_applicable = not any(True for _ in obstacles(planned))
    return PlanOut(
        kept.id, kept.expires_at, kept.plan.is_grouped, kept.batch_id, results, left_out, is_applicable
    )


def _plan_results(
    planned: Sequence[Planned | Refused], reader: Principal
) -> tuple[list[PlanResult], int | None]:
    """Return the items of a plan, as the reader may see them, and how many reasons were left out."""
    found = [item.reasons if isinstance(item, Refused) else () for item in planned]
    shares = share(MAX_BATCH_REASONS, list(map(len, found)))
    results = [
        PlanResult(index=index, status_code=_status(item), errors=_body_reasons(item.reasons, given))
        if isinstance(item, Refused)
        else _plan_result(index, item, reader)
        for index, (item, given) in enumerate(zip(planned, shares, strict=True))
    ]
    return results, _number_left_out(found, shares)


def _left_out(left: Left) -> LeftOut:
    name, record_type = left.key
    return LeftOut(
        domain=name,
        record_type=record_type,
        code=left.reason.code,
        message=left.reason.message,
        domain_unicode=name_in_unicode(name),
    )


def _batch_result(
    index: int, result: submission.Submitted, reasons: Sequence[Reason], given: int
) -> BatchResult:
    match result:
        case submission.Accepted(request, warnings=warnings):
            return BatchResult(index, 202, accepted(request), [*map(_warning, warnings)] or None)
        case submission.Replayed(request):
            return BatchResult(index, 200, accepted(request))
        case submission.Undecided(error):
            status = error.status if isinstance(error, QuotaExceeded) else 503
        case submission.KeyReused():
            status = 409
        case Refused():
            status = _status(result)
    return BatchResult(index, status, errors=_body_reasons(reasons, given))


def _status(refused: Refused) -> int:
    """Return the status of a change that can't be accepted."""
    return 403 if refused.not_allowed else 422


def _reasons_against(result: submission.Submitted) -> Sequence[Reason]:
    if not isinstance(result, submission.Undecided):
        return submission.reasons_of(result)
    full = result.error if isinstance(result.error, BacklogFull | QuotaExceeded) else None
    return [Reason((), full.code, str(full)) if full else _UNDECIDED]


def _number_left_out(found: Sequence[Sequence[Reason]], shares: Sequence[int]) -> int | None:
    """Return how many reasons there are against items that are given none of theirs; None: nothing."""
    return sum(number_of(reasons) for reasons, given in zip(found, shares, strict=True) if not given) or None


def _plan_result(index: int, item: Planned, reader: Principal) -> PlanResult:
    item = as_told(item, reader)
    change, forecast = item.effect.change, item.effect.planned
    result = PlanResult(
        index=index,
        status_code=200,
        change=ChangeOut(
            action=change.action,
            zone=change.zone,
            domain=change.name,
            record_type=change.type,
            before=_rrset(change.type, item.effect.before),
            after=_rrset(change.type, item.effect.after),
            before_known=item.effect.before_is_known,
            domain_unicode=name_in_unicode(change.name),
            view=view_of(change.zone),
        ),
        forecast=PlannedOut(
            by=item.by, outcome=forecast.outcome, code=forecast.code, message=forecast.message
        ),
    )
    if item.not_before:
        result.not_before = item.not_before
    if ptrs := [*_ptrs(item.ptrs)]:
        result.ptr = ptrs
    if item.review:
        result.review = item.review
    if item.effect.warnings:
        result.warnings = [*map(_warning, item.effect.warnings)]
    return result


def _ptrs(steps: Iterable[PtrStep]) -> Iterator[PtrOut]:
    for address, change in ((step.address, step.change) for step in steps if step.change):
        zone, name = change.place
        in_u_labels = name_in_unicode(change.target)
        view = view_of(zone)
        yield PtrOut(address, change.action, zone, name, change.target, change.ttl, in_u_labels, view)


def _fields(plain: Accepted | PlanOut) -> dict[str, Any]:
    return {each.name: getattr(plain, each.name) for each in dataclasses.fields(plain)}


def _warning(warning: Reason) -> WarningOut:
    return WarningOut(warning.code, warning.message, ["body", *warning.loc])


def request_out(state: RequestState, reader: Principal) -> RequestOut:
    """Return a request and how far it has come, as the reader may see it."""
    return RequestOut(**_request(state, reader))


def request_detail(found: Progress, obstacle: Obstacle | None, reader: Principal) -> RequestDetail:
    """Return a request with its log, what it has changed, and what it waits for."""
    waits_for = ObstacleOut(code=obstacle.code, since=obstacle.since) if obstacle else None
    return RequestDetail(
        **_request(found.request, reader),
        before=_state(found.request.record_type, found.before),
        after=_state(found.request.record_type, found.after),
        undoes=found.request.undoes,
        undone_by=found.request.undone_by,
        ptr_of=found.request.ptr_of,
        ptr_requests=list(found.ptr_requests),
        servers=None if found.servers is None else [*map(_server_answer, found.servers)],
        waits_for=waits_for,
        review=ReviewOut(**_review(found.review)) if found.review else None,
        events=_events(found.log.items),
        earlier_events=found.log.next_cursor,
    )


def _server_answer(answer: ServerAnswer) -> ServerAnswerOut:
    return ServerAnswerOut(server=answer.server, state=answer.state, message=answer.message)


def review_detail(look: Look, reader: Principal) -> ReviewDetail:
    """Return a review, and what each of its requests would change, as the reader may see it."""
    waiting = look.case.waiting
    results, _ = _plan_results(look.planned, reader)
    changes = [
        ReviewedChange(
            each.id,
            ContextOut(
                each.asked.account, each.source, each.change.via, each.not_before, each.reason, each.ticket
            ),
            result,
        )
        for each, result in zip(waiting, results, strict=True)
    ]
    return ReviewDetail(**_review(look.case.review), state=look.state, changes=changes)


def _review(review: ReviewState) -> dict[str, Any]:
    return {
        "why": review.why,
        "asked_by": review.principal,
        "created_at": review.created_at,
        "expires_at": review.expires_at,
        "verdict": review.verdict,
        "decided_at": review.decided_at,
        "decided_by": review.decided_by,
        "comment": review.comment,
    }


def history_page(page: Page[Step], reader: Principal) -> HistoryPage:
    """Return settled requests of an RRset, with what each has done to it, as the reader may see it."""
    items = [_history_item(step, reader) for step in page.items]
    shown = name_in_unicode(page.items[0].request.name) if page.items else None
    return HistoryPage(items=items, next_cursor=page.next_cursor, domain_unicode=shown)


def _history_item(step: Step, reader: Principal) -> HistoryItem:
    request = step.request
    return HistoryItem(
        id=request.id,
        action=request.action,
        status=request.status,
        context=_context(request),
        comment=request.resource.get("comment"),
        error=_error(request, reader),
        created_at=request.created_at,
        finished_at=request.finished_at,
        before=_state(request.record_type, step.before),
        after=_state(request.record_type, step.after),
        undoes=request.undoes,
        undone_by=request.undone_by,
    )


def event_page(log: Page[LogLine]) -> EventPage:
    """Return lines of a request's log."""
    return EventPage(items=_events(log.items), next_cursor=log.next_cursor)


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
        view=view_of(state.zone),
        domain=state.name,
        domain_unicode=in_unicode(state.name),
        record_type=state.record_type,
        ttl=state.ttl,
        target=state.rdata,
        target_unicode=values_in_unicode(state.record_type, state.rdata),
        account_id=state.account_id,
        owner=state.owner,
        request_id=state.request_id,
        origin=state.origin,
        comment=state.comment,
        created_at=state.created_at,
        updated_at=state.updated_at,
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
        honours=None if state.honours is None else list(state.honours),
        resting_zones=[RestingZone(**asdict(zone)) for zone in state.resting_zones],
    )


def _fault(
    since: datetime | None, code: str | None, why: str | None, next_try: datetime | None
) -> Fault | None:
    if since is None:
        return None
    return Fault(since=since, code=code or "", why=why or "", next_try=next_try)


def _events(log: Sequence[LogLine]) -> list[EventOut]:
    return [EventOut(at=line.at, status=line.status, message=line.message) for line in log]


def _request(state: RequestState, reader: Principal) -> dict[str, Any]:
    return {
        "id": state.id,
        "action": state.action,
        "status": state.status,
        "zone": state.zone,
        "view": view_of(state.zone),
        "context": _context(state),
        "resource": state.resource,
        "created_at": state.created_at,
        "domain_unicode": name_in_unicode(state.name),
        "attempts": state.attempts,
        "run_id": state.run_id,
        "error": _error(state, reader),
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "verified_at": state.verified_at,
        "batch_id": state.batch_id,
    }


def _context(request: submission.AcceptedRequest) -> ContextOut:
    return ContextOut(
        request.account_id, request.source, request.via, request.not_before, request.reason, request.ticket
    )


def _error(state: RequestState, reader: Principal) -> ErrorOut | None:
    """Return why the request failed, in the words for the reader; None where it did not."""
    code = state.error_code
    return None if code is None else ErrorOut(code=code, message=why_failed(state, reader))


def _state(record_type: str, rrset: RRsetState | None) -> StateOut | None:
    if rrset is None:
        return None
    values = list(rrset.rdata)
    return StateOut(ttl=rrset.ttl, target=values, target_unicode=values_in_unicode(record_type, values))


def _rrset(record_type: str, rrset: RRset | None) -> RRsetOut | None:
    if rrset is None:
        return None
    values = list(rrset.rdata)
    return RRsetOut(rrset.ttl, values, values_in_unicode(record_type, values))


def _body_reasons(reasons: Sequence[Reason], given: int) -> list[ReasonOut]:
    """Return so many of an item's reasons, and how many more there are; nothing when none is to be given."""
    return wire_reasons(InvalidInput(at_most(given, reasons)).reasons) if given else []
