"""`Prefer: wait=N` (RFC 7240) on calls that submit: the answer comes when the requests are settled.

While a call waits it holds its answer and the ids, and no more: what it has sent is let go of before.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request, Response
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from app.api import answers
from app.api.auth import caller
from app.api.preferences import preferred_wait
from app.api.request_details import request_detail
from app.core.database import reading
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.errors import Overloaded, RequestNotFound, TooManyFollowers
from app.domain.lifecycle import FINAL, INITIAL
from app.domain.permissions import Principal, Right
from app.schemas.response import RequestDetail, RequestOut
from app.services.live.hub import Hub
from app.services.live.waits import Waits
from app.services.requests.lookup import get_states
from app.services.requests.submission import Accepted, AcceptedRequest, Replayed, Submitted

log = get_logger(__name__)

_DETAIL = TypeAdapter(RequestDetail)
_STATE = TypeAdapter(RequestOut)
_KEPT = ("Location", "Idempotent-Replayed")  # of the headers
_ITEMS = 1_000  # of a batch that are looked up at once

Json = dict[str, Any]
Final = Callable[[Session, Json, Sequence[UUID], Principal], Json | None]


class Wait(NamedTuple):
    """What a call is to wait for, and for how many seconds at most."""

    ids: Sequence[UUID]
    seconds: int


def asked_for(request: Request, *accepted: AcceptedRequest) -> Wait | None:
    """Return what the client prefers to wait for; None: nothing.

    What is scheduled, or needs an approval, is not waited for: that takes its time.
    """
    seconds = preferred_wait(request.scope)
    ids = [each.id for each in accepted if each.status is INITIAL] if seconds else ()
    return Wait(ids, seconds) if seconds and ids else None


def asked_for_batch(request: Request, submitted: Iterable[Submitted]) -> Wait | None:
    """Return the same for what became of a batch's items."""
    if preferred_wait(request.scope) is None:
        return None
    return asked_for(request, *(each.request for each in submitted if isinstance(each, Accepted | Replayed)))


async def answer(request: Request, accepted: Response, wait: Wait | None) -> Response:
    """Return 200 with the request when it is settled; else what it is `accepted` with."""
    return await _answer(request, accepted, wait, _final_request, 200)


async def answer_batch(request: Request, accepted: Response, wait: Wait | None) -> Response:
    """Return a batch's results, with the requests that are settled as they are by now."""
    return await _answer(request, accepted, wait, _final_results, accepted.status_code)


async def answer_restored(request: Request, accepted: Response, wait: Wait | None) -> Response:
    """Return 200 with what has become of each request when all are settled; else what was accepted."""
    return await _answer(request, accepted, wait, _final_restored, 200)


async def _answer(
    request: Request, accepted: Response, wait: Wait | None, final: Final, status: int
) -> Response:
    who = caller(request).principal
    if wait is None or not who.has(Right.READ):
        return accepted
    try:
        await _wait(request, wait, who)
    except (Overloaded, TooManyFollowers):
        return accepted  # it is a preference, and no more
    hub: Hub = request.app.state.live
    try:
        content = await hub.read(partial(_read, bytes(accepted.body), wait.ids, who, final))
    except (*DATABASE_ERRORS, RequestNotFound) as error:
        log.debug("request not read again after a wait; it is answered as accepted", error=cause(error))
        content = None
    if content is not None:
        kept = {name: accepted.headers[name] for name in _KEPT if name in accepted.headers}
        accepted = Response(content, status, kept, "application/json")
    accepted.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return accepted


async def _wait(request: Request, wait: Wait, who: Principal) -> None:
    """Return when it is over. Raises Overloaded, TooManyFollowers, ClientDisconnect."""
    waits: Waits = request.app.state.waits
    waiting = asyncio.ensure_future(waits.until_settled(wait.ids, wait.seconds, who))
    gone = asyncio.ensure_future(_until_gone(request))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and gone.exception() is None and not waiting.done():
            raise ClientDisconnect
        await waiting
    finally:
        waiting.cancel()
        gone.cancel()
        await asyncio.gather(waiting, gone, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _read(accepted: bytes, ids: Sequence[UUID], who: Principal, final: Final) -> bytes | None:
    with reading() as session:
        found = final(session, from_json(accepted), ids, who)
    return None if found is None else to_json(found)


def _final_request(session: Session, accepted: Json, ids: Sequence[UUID], who: Principal) -> Json | None:
    """Return the request with all that is known of it, and the warnings; None while it is open."""
    found = request_detail(session, ids[0], who)
    return accepted | _DETAIL.dump_python(found, mode="json") if found.status in FINAL else None


def _final_results(session: Session, accepted: Json, ids: Sequence[UUID], who: Principal) -> Json:
    """Return the results with what is settled by now."""
    settled = _settled(session, ids, who)
    for result in accepted["results"]:
        now = settled.get(result.get("request", {}).get("id"))
        if now is not None:
            result["request"] |= now
            result["status_code"] = 200
    return accepted


def _final_restored(session: Session, accepted: Json, ids: Sequence[UUID], who: Principal) -> Json | None:
    """Return the RRsets with what has become of their requests; None while one is open."""
    settled = _settled(session, ids, who)
    for item in accepted["items"]:
        if item["request_id"] is not None:
            now = settled.get(item["request_id"])
            if now is None:
                return None
            item |= {"status": now["status"], "error": now["error"]}
    return accepted


def _settled(session: Session, ids: Sequence[UUID], who: Principal) -> dict[str, Json]:
    """Return those of the requests that are settled."""
    return {
        str(state.id): _STATE.dump_python(answers.request_out(state, who), mode="json")
        for start in range(0, len(ids), _ITEMS)
        for state in get_states(session, ids[start : start + _ITEMS], who)
        if state.status in FINAL
    }
