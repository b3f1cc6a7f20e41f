"""Ask for DNS changes: one, many, or only to be told what they would do."""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError

from app.api import openapi
from app.api.body import BatchBody, decoded, idempotency_key, raw_body, read, the_intake
from app.api.errors import Problem, Refusal, refused, shown
from app.api.fast_routes import Call
from app.core.config import settings
from app.domain.change import Action
from app.domain.rules import Reason
from app.schemas.request import Batch, Envelope, Plan
from app.schemas.response import Accepted, BatchOut, BatchResult, PlanOut, PlanResult
from app.services.plan import from_records, from_servers
from app.services.plan.from_records import Preview
from app.services.requests import validate
from app.services.requests.group_commit import store
from app.services.requests.submit import Answer, Rejected
from app.services.requests.validate import Asked, shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"])

Frame = TypeVar("Frame", bound=Batch)

_ACCEPTED = TypeAdapter(Accepted)
_BATCH = TypeAdapter(BatchOut)
_ENVELOPE = tuple(Envelope.model_fields)
_LARGE = 8 * 1024  # bytes: a body that takes long to read
_MAX_REASONS = 1_000  # against one batch
_UNKNOWN = Reason((), "try_again", "the database went away before it could say what this key stands for")


@router.post("/create", response_model=Accepted, **openapi.submission("Add a value to an RRset"))
async def create(request: Request) -> Response:
    """Adds the value, or values, to the RRset; a value that is there already is no error."""
    return await _one(Action.CREATE, request)


@router.post("/update", response_model=Accepted, **openapi.submission("Replace an RRset"))
async def update(request: Request) -> Response:
    """Replaces the RRset; fails when there is none."""
    return await _one(Action.UPDATE, request)


@router.post("/upsert", response_model=Accepted, **openapi.submission("Replace or create an RRset"))
async def upsert(request: Request) -> Response:
    """Replaces the RRset, or creates it."""
    return await _one(Action.UPSERT, request)


@router.post("/delete", response_model=Accepted, **openapi.submission("Remove a value or an RRset"))
async def delete(request: Request) -> Response:
    """Removes the value, or values; without a target the whole RRset."""
    return await _one(Action.DELETE, request)


@router.post("/batch", response_model=BatchOut, **openapi.batch())
async def batch(request: Request) -> Response:
    """Submits up to 10,000 changes, each judged by itself: a bad one never sinks the others.

    With `"atomic": true` it is all or nothing: one bad item, and nothing is stored. The answer then names
    every reason, with the item's index in `loc`.
    """
    intake = the_intake(request)
    with intake.batch_in_hand():
        raw = await raw_body(request, settings().max_batch_body)
        answers, response = await intake.batch(partial(_many, raw))
    intake.kick(answers)
    return response


@router.post("/plan", status_code=207, response_model_exclude_unset=True, **openapi.plan())
async def plan(body: BatchBody) -> PlanOut:
    """Validates and shows what would change, and stores nothing.

    What is there now is what our records know of. With `ask_servers` a worker runs the playbook in Ansible's
    check mode, which asks the DNS servers. What waits in the queue is not taken into account.
    """
    frame = _frame(body, Plan)
    previews = await run_in_threadpool(from_records.preview, [_asked(item) for item in frame.requests])
    if frame.ask_servers:
        previews = await _ask_servers(previews)
    return PlanOut(results=[_planned(index, each) for index, each in enumerate(previews)])


async def _one(action: Action, request: Request) -> Response:
    try:
        key = idempotency_key(request)
    except Refusal as refusal:
        raise await _with_the_body(refusal, action, request) from None
    raw = await raw_body(request, settings().max_body)
    answer = await the_intake(request).submit(Asked(action, decoded(raw), key), large=len(raw) > _LARGE)
    if answer.conflict:
        raise Problem(409, answer.reasons[0].message)
    if answer.accepted is None:
        raise Refusal(answer.reasons)
    headers = {"Location": f"/api/v1/dns/requests/{answer.accepted.id}"}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(_ACCEPTED.dump_json(answer.accepted), 202, headers, "application/json")


async def _with_the_body(refusal: Refusal, action: Action, request: Request) -> Refusal:
    """A refusal for a header, with all that stands against the body too; nothing is stored."""
    raw = await raw_body(request, settings().max_body)
    try:
        asked = Asked(action, decoded(raw))
    except Refusal as no_json:
        return refusal.also(no_json)
    [seen] = await run_in_threadpool(from_records.preview, [asked])
    return refusal.also(Refusal(seen.reasons))


# Where most of the load comes in.
SHORTCUTS: dict[str, Call] = {f"/api/v1/dns/{action.value}": partial(_one, action) for action in Action}


def _frame(body: Any, shape: type[Frame]) -> Frame:
    frame = read(shape, body)
    limit, items = settings().max_batch_items, len(frame.requests)
    if items > limit:
        raise Refusal([Reason(("requests",), "too_many_items", f"{items} items, {limit} are allowed")])
    return frame


def _many(raw: bytes) -> tuple[list[Answer], Response]:
    """Store a batch, and write the answer to it. Raises Refusal."""
    frame = _frame(decoded(raw), Batch)
    drafts = [validate.read(_asked(item)) for item in frame.requests]
    try:
        answers = store(drafts, atomic=frame.atomic)
    except Rejected as rejected:
        return [], _rejected(rejected.answers)
    results = [_result(index, answer) for index, answer in enumerate(answers)]
    content = _BATCH.dump_json(BatchOut(results), exclude_none=True)
    return answers, Response(content, 207, media_type="application/json")


def _asked(item: Any) -> Asked:
    """An item of a batch: its envelope is checked here, the rest is the body of the single call."""
    if not isinstance(item, dict):
        return Asked(Action.CREATE, item)
    written = {key: item.pop(key) for key in _ENVELOPE if key in item}
    try:
        envelope = Envelope.model_validate(written)
    except ValidationError as error:
        return Asked(Action.CREATE, item, reasons=shape_reasons(error))
    return Asked(envelope.action, item, envelope.idempotency_key)


def _result(index: int, answer: Answer) -> BatchResult:
    if answer.failure is not None:
        return BatchResult(index, 503, errors=shown([_UNKNOWN]))
    if answer.accepted is None:
        return BatchResult(index, 409 if answer.conflict else 422, errors=shown(answer.reasons))
    return BatchResult(index, 200 if answer.replayed else 202, answer.accepted)


def _rejected(answers: Sequence[Answer]) -> Response:
    """409 when idempotency keys that were used before are all that stands against it."""
    reasons = [
        reason._replace(loc=("requests", index, *reason.loc))
        for index, answer in enumerate(answers)
        for reason in answer.reasons
    ]
    only_conflicts = all(answer.accepted or answer.conflict for answer in answers)
    return refused(reasons[:_MAX_REASONS], status=409 if only_conflicts else 422)


async def _ask_servers(previews: list[Preview]) -> list[Preview]:
    changes = [each.effect.change for each in previews if each.effect]
    try:
        said = await from_servers.ask_servers(changes)
    except from_servers.NoForecast as error:
        raise Problem(503, str(error)) from error
    return [from_records.corrected(each, said) for each in previews]


def _planned(index: int, item: Preview) -> PlanResult:
    if item.effect is None:
        return PlanResult(index=index, status_code=422, errors=shown(item.reasons))
    change, outlook = from_records.shown(item.effect, item.by)
    return PlanResult(index=index, status_code=200, change=change, forecast=outlook)
