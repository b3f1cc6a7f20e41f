"""RRsets of zones, each a resource."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.api import answers, openapi, waiting
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute, decode_json, read_headers, read_json, read_optional_json
from app.api.query import Cursor, ShortLimit
from app.api.submission import submit_change
from app.core.database import reading
from app.domain.change import Action, RRsetKey, RRsetState
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Caller, Right
from app.schemas.request import Type
from app.schemas.response import AcceptedWithWarnings, HistoryPage, RRsetOfZone
from app.services.records import find_rrset
from app.services.requests.authorise import with_account
from app.services.requests.draft import RawChange
from app.services.requests.history import rrset_history
from app.services.requests.rrset import ANY, etag_of, expected, read_key

router = APIRouter(prefix="/zones/{zone:path}/rrsets", tags=["zones"], route_class=JsonRoute)

_OF_PATH = ("record_type", "domain", "zone", "view")


@router.get(
    "/{name:path}/{record_type}/history",
    summary="Read what was done to an RRset",
    responses=openapi.NO_ZONE,
)
@needs(Right.READ_ALL)
def show_history(
    zone: str, name: str, record_type: Type, caller: TheCaller, limit: ShortLimit = 20, cursor: Cursor = None
) -> HistoryPage:
    """Its settled requests, newest first: who has changed it, when, from what to what.

    `name` is relative to the zone, `@` its apex; a name that lies in the zone may be written in full.
    """
    with reading() as session:
        page = rrset_history(session, zone, name, record_type, limit, cursor)
    return answers.history_page(page, caller.principal)


@router.get(
    "/{name:path}/{record_type}",
    response_model=RRsetOfZone,
    summary="Read an RRset",
    responses=openapi.RRSET,
)
@needs(Right.READ)
def show_rrset(zone: str, name: str, record_type: Type, caller: TheCaller) -> Response:
    """As the authoritative servers last answered it, with its `ETag`. What is not recorded is 404."""
    with reading() as session:
        found = find_rrset(session, *read_key(session, zone, name, record_type), caller)
    etag = etag_of(RRsetState(found.ttl, tuple(found.rdata)))
    content = RRsetOfZone(**dict(answers.record_out(found)), etag=etag).model_dump_json()
    return Response(content, headers={"ETag": f'"{etag}"'}, media_type="application/json")


@router.put("/{name:path}/{record_type}", response_model=AcceptedWithWarnings, **openapi.put_rrset())
@needs(Right.SUBMIT)
async def put_rrset(zone: str, name: str, record_type: Type, request: Request, caller: TheCaller) -> Response:
    """Submits an `upsert`: the RRset is to be this one.

    With `If-Match` only if it is still what its `ETag` stands for (`*`: if there is one), with
    `If-None-Match: *` only if there is none: else `412 precondition_failed`. The server compares once more
    when the change is applied: the request fails with `state_changed` where somebody was faster.
    """
    return await _change(Action.UPSERT, (zone, name, record_type), request, caller)


@router.delete("/{name:path}/{record_type}", response_model=AcceptedWithWarnings, **openapi.delete_rrset())
@needs(Right.SUBMIT)
async def delete_rrset(
    zone: str, name: str, record_type: Type, request: Request, caller: TheCaller
) -> Response:
    """Submits a `delete` of the whole RRset, with `If-Match` only if it is still as it was read."""
    return await _change(Action.DELETE, (zone, name, record_type), request, caller)


async def _change(action: Action, path: tuple[str, str, str], request: Request, who: Caller) -> Response:
    headers = read_headers(request)
    raw = await (read_optional_json(request) if action is Action.DELETE else read_json(request))
    given = {} if raw is None else decode_json(raw)
    expect = None
    if isinstance(given, Mapping):  # what is none is refused as in any other call
        key, expect = await run_in_threadpool(partial(_look, path, request, who))
        given = with_account(_body(given, *key), who)
    change = RawChange(action, given, headers.idempotency_key, via=headers.via, expect=expect)
    response, wait = await submit_change(request, change, len(raw or b""))
    return response if wait is None else await waiting.answer(request, response, wait)


def _look(
    path: tuple[str, str, str], request: Request, who: Caller
) -> tuple[tuple[str, RRsetKey], RRsetState | None]:
    """Return the RRset that the path names, and what the change is to find there."""
    given = ",".join(request.headers.getlist("if-match")).split(",") if "if-match" in request.headers else []
    wanted = [each.strip().strip('"') for each in given]
    with reading() as session:
        zone, key = read_key(session, *path)
        must_be_new = request.headers.get("if-none-match") == ANY
        return (zone, key), expected(session, zone, key, who, wanted, must_be_new=must_be_new)


def _body(given: Mapping[str, Any], zone: str, key: RRsetKey) -> Mapping[str, Any]:
    """Return the body of a change. Raises InvalidInput for what the path says already."""
    resource = given.get("resource", {})
    if not isinstance(resource, Mapping):
        return given
    if said := [name for name in _OF_PATH if name in resource]:
        words = "the path says it"
        raise InvalidInput([Reason(("resource", name), "extra_forbidden", words) for name in said])
    named = {"record_type": key.type, "domain": key.name, "zone": zone}
    return {**given, "resource": {**resource, **named}}
