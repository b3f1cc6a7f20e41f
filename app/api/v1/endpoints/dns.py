"""Requests for DNS changes: submit them, follow them, look at the records."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from app.api import docs
from app.api.deps import BatchBody, Cursor, IdempotencyKey, Limit, SingleBody, Text, TheIntake
from app.api.errors import Problem, Refusal, shown
from app.core.config import settings
from app.core.database import transaction
from app.domain.errors import DomainError
from app.domain.names import normalize
from app.domain.rdata import RecordType
from app.domain.rules import Reason
from app.domain.status import Action, Source, Status
from app.schemas.request import Batch, Envelope, Plan
from app.schemas.response import (
    Accepted,
    BatchOut,
    BatchResult,
    PlanOut,
    PlanResult,
    RecordPage,
    RequestDetail,
    RequestPage,
)
from app.services import dispatch, forecast, lookup, preview
from app.services.intake import Intake, new_work, store
from app.services.preview import Preview
from app.services.submit import Answer, Asked
from app.services.validate import shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"])

Frame = TypeVar("Frame", bound=Batch)


async def _one(action: Action, body: Any, key: str | None, response: Response, intake: Intake) -> Accepted:
    answer = await intake.submit(Asked(action, body, key))
    if answer.conflict:
        raise Problem(409, answer.reasons[0].message)
    if answer.accepted is None:
        raise Refusal(answer.reasons)
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = f"/api/v1/dns/requests/{answer.accepted.id}"
    return answer.accepted


@router.post("/create", status_code=202, **docs.submission("Add a value to an RRset"))
async def create(
    body: SingleBody, response: Response, intake: TheIntake, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Adds the value, or values, to the RRset; a value that is there already is no error."""
    return await _one(Action.CREATE, body, idempotency_key, response, intake)


@router.post("/update", status_code=202, **docs.submission("Replace an RRset"))
async def update(
    body: SingleBody, response: Response, intake: TheIntake, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Replaces the RRset; fails when there is none."""
    return await _one(Action.UPDATE, body, idempotency_key, response, intake)


@router.post("/upsert", status_code=202, **docs.submission("Replace or create an RRset"))
async def upsert(
    body: SingleBody, response: Response, intake: TheIntake, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Replaces the RRset, or creates it."""
    return await _one(Action.UPSERT, body, idempotency_key, response, intake)


@router.post("/delete", status_code=202, **docs.submission("Remove a value or an RRset"))
async def delete(
    body: SingleBody, response: Response, intake: TheIntake, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Removes the value, or values; without a target the whole RRset."""
    return await _one(Action.DELETE, body, idempotency_key, response, intake)


@router.post("/batch", status_code=207, response_model_exclude_none=True, **docs.batch())
async def batch(body: BatchBody, after: BackgroundTasks) -> BatchOut:
    """Submits up to 10,000 changes, each judged by itself: a bad one never sinks the others."""
    items = [_asked(item) for item in _frame(body, Batch).requests]
    answers = await run_in_threadpool(store, items)
    after.add_task(dispatch.kick, new_work(answers))
    return BatchOut(results=[_result(index, answer) for index, answer in enumerate(answers)])


@router.post("/plan", status_code=207, response_model_exclude_unset=True, **docs.plan())
async def plan(body: BatchBody) -> PlanOut:
    """Validates and shows what would change, and stores nothing.

    What is there now is what our records know of. With `ask_servers` a worker runs the playbook in Ansible's
    check mode, which asks the DNS servers. What waits in the queue is not taken into account.
    """
    frame = _frame(body, Plan)
    previews = await run_in_threadpool(preview.preview, [_asked(item) for item in frame.requests])
    if frame.ask_servers:
        previews = await _ask_servers(previews)
    return PlanOut(results=[_planned(index, each) for index, each in enumerate(previews)])


@router.get("/requests/{request_id}", summary="Follow a request", responses=docs.UNKNOWN)
def show_request(request_id: UUID) -> RequestDetail:
    """How far it has come, with its log: every change of status, and what Ansible said."""
    with transaction() as session:
        found = lookup.request_detail(session, request_id)
    if found is None:
        raise Problem(404, "there is no such request")
    return found


@router.get("/requests", summary="List requests")
def list_requests(
    status: Status | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: RecordType | None = None,
    source: Source | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RequestPage:
    """Newest first."""
    wanted = {
        "status": status,
        "account_id": account_id,
        "zone": _name("zone", zone),
        "name": _name("domain", domain),
        "record_type": record_type,
        "source": source,
    }
    try:
        with transaction() as session:
            return lookup.request_page(session, _given(wanted), limit, cursor)
    except lookup.BadCursor as error:
        raise _bad_cursor() from error


@router.get("/records", summary="List records")
def list_records(
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: RecordType | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RecordPage:
    """The RRsets that requests have changed, as the authoritative servers last answered them."""
    wanted = {
        "zone": _name("zone", zone),
        "name": _name("domain", domain),
        "record_type": record_type,
        "account_id": account_id,
    }
    try:
        with transaction() as session:
            return lookup.record_page(session, _given(wanted), limit, cursor)
    except lookup.BadCursor as error:
        raise _bad_cursor() from error


def _frame(body: Any, shape: type[Frame]) -> Frame:
    try:
        frame = shape.model_validate(body)
    except ValidationError as error:
        raise Refusal(shape_reasons(error)) from error
    limit, items = settings().max_batch_items, len(frame.requests)
    if items > limit:
        raise Refusal([Reason(("requests",), "too_many_items", f"{items} items, {limit} are allowed")])
    return frame


def _asked(item: Any) -> Asked:
    """An item of a batch: its envelope is checked here, the rest is the body of the single call."""
    if not isinstance(item, dict):
        return Asked(Action.CREATE, item)
    body = {key: value for key, value in item.items() if key not in Envelope.model_fields}
    try:
        envelope = Envelope.model_validate(item)
    except ValidationError as error:
        return Asked(Action.CREATE, body, reasons=shape_reasons(error))
    return Asked(envelope.action, body, envelope.idempotency_key)


def _result(index: int, answer: Answer) -> BatchResult:
    if answer.accepted is None:
        status = 409 if answer.conflict else 422
        return BatchResult(index=index, status_code=status, errors=shown(answer.reasons))
    return BatchResult(index=index, status_code=200 if answer.replayed else 202, request=answer.accepted)


async def _ask_servers(previews: list[Preview]) -> list[Preview]:
    changes = [each.effect.change for each in previews if each.effect]
    try:
        said = await forecast.ask_servers(changes)
    except forecast.NoForecast as error:
        raise Problem(503, str(error)) from error
    return [preview.corrected(each, said) for each in previews]


def _planned(index: int, item: Preview) -> PlanResult:
    if item.effect is None:
        return PlanResult(index=index, status_code=422, errors=shown(item.reasons))
    change, outlook = preview.shown(item.effect, item.by)
    return PlanResult(index=index, status_code=200, change=change, forecast=outlook)


def _name(place: str, value: str | None) -> str | None:
    try:
        return normalize(value) if value is not None else None
    except DomainError as error:
        raise Refusal([Reason((place,), error.code, error.message)], "query") from error


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wanted.items() if value is not None}


def _bad_cursor() -> Refusal:
    return Refusal([Reason(("cursor",), "cursor_invalid", "this cursor was not given out here")], "query")
