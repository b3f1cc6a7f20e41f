"""Server-sent events of a request: the lines of its log as they are written, until it is settled.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import TypeAdapter
from sqlalchemy.orm import Session
from starlette.types import Receive, Scope, Send

from app.api.auth import caller_now
from app.api.request_details import detail_as_json
from app.core.database import reading
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.errors import InvalidFilter, InvalidInput, IssuerUnavailable, Reason, RequestNotFound
from app.domain.permissions import Caller, Principal, Right
from app.domain.retry_policy import READ_STREAM
from app.schemas.response import EventOut
from app.services.live.hub import Hub
from app.services.live.streams import News, Streams
from app.services.paging import decode_cursor, encode_cursors
from app.services.requests.lookup import LogMark, NewLine, get_new_lines

log = get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE = 15.0  # seconds without an event, after which a comment is sent
_LINES = 100  # that are read at once: a client that reads slowly is the only one to hold more than that
_RECONNECT_AFTER = 1_000  # milliseconds: what EventSource waits
_HEADERS = {"X-Accel-Buffering": "no", "Vary": "Accept"}  # nginx passes each event on at once
_EVENT = TypeAdapter(EventOut)


class _Place(NamedTuple):
    """How far a client has come in a request's log, and whether it was told that this was the end."""

    mark: LogMark = LogMark()
    is_end: bool = False


class _Part(NamedTuple):
    """Some events, and the place behind them."""

    content: bytes
    place: _Place
    has_more: bool


async def follow(request: Request, request_id: UUID, caller: Caller) -> Response:
    """Answer with the events that come after `Last-Event-ID`: 204 if there can be none.

    Raises RequestNotFound; InvalidInput for an id that was not given out.
    """
    await request.body()  # which there need not be: nobody waits for it once the answer has begun
    hub: Hub = request.app.state.live
    last_id = request.headers.get("last-event-id") or None
    place, first = await hub.read(partial(_begin, request_id, caller.principal, last_id))
    if place.is_end and first.place.is_end and not first.content:
        return Response(status_code=204)  # EventSource comes no more
    return _EventStream(request, request_id, caller.principal, first)


class _EventStream(StreamingResponse):
    """The events of a request. Raises Overloaded, TooManyFollowers before it begins."""

    def __init__(self, request: Request, request_id: UUID, principal: Principal, first: _Part) -> None:
        super().__init__((), headers=_HEADERS, media_type=MEDIA_TYPE)
        self._request = request
        self._request_id = request_id
        self._principal = principal
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams: Streams = self._request.app.state.streams
        async with streams.follow(self._request_id, self._principal) as news:
            self.body_iterator = self._events(self._first, news)
            del self._first  # a stream that waits holds nothing of what it has sent
            await super().__call__(scope, receive, send)

    async def _events(self, part: _Part | None, news: News) -> AsyncIterator[bytes]:
        yield format_sse_event(retry=_RECONNECT_AFTER)
        while part is not None:
            if part.content:
                yield part.content
                part = part._replace(content=b"")
            if part.place.is_end:
                return
            is_due = part.has_more or await _wait_for(news)
            if news.has_ended:
                return
            if not is_due:
                yield KEEPALIVE_COMMENT
            part = await self._read_on(part)

    async def _read_on(self, before: _Part) -> _Part | None:
        """Return what comes next; None where the client may not see it any more."""
        hub: Hub = self._request.app.state.live
        try:
            caller = await caller_now(self._request, Right.READ)
            if caller is None:
                return None
            return await hub.read(partial(_read, self._request_id, caller.principal, before.place))
        except RequestNotFound:
            return None
        except (*DATABASE_ERRORS, IssuerUnavailable) as error:
            log.debug("stream waits: the database or the issuer failed; it goes on soon", error=cause(error))
            await asyncio.sleep(READ_STREAM.pauses.first)
            return before._replace(has_more=True)


async def _wait_for(news: News) -> bool:
    """Return whether there may be something new; not if nothing is for long."""
    try:
        await asyncio.wait_for(anext(news, None), KEEP_ALIVE)
    except TimeoutError:
        return False
    return True


def _begin(request_id: UUID, reader: Principal, last_id: str | None) -> tuple[_Place, _Part]:
    with reading() as session:
        place = _Place() if last_id is None else _decode(session, request_id, last_id)
        return place, _read_part(session, request_id, reader, place)


def _read(request_id: UUID, reader: Principal, place: _Place) -> _Part:
    with reading() as session:
        return _read_part(session, request_id, reader, place)


def _read_part(session: Session, request_id: UUID, reader: Principal, place: _Place) -> _Part:
    new = get_new_lines(session, request_id, reader, place.mark, _LINES)
    behind = _Place(new.mark, is_end=new.is_settled and not new.has_more)
    marks = [(line.mark, False) for line in new.lines]
    *ids, end_id = encode_cursors(
        session, [[str(request_id), *each, end] for each, end in (*marks, (new.mark, True))]
    )
    content = b"".join(_encode(new.lines, ids))
    if behind.is_end and (content or not place.is_end):
        content += _event("end", detail_as_json(session, request_id, reader), end_id)
    return _Part(content, behind, new.has_more)


def _encode(lines: Sequence[NewLine], ids: Sequence[str]) -> Iterator[bytes]:
    for new, event_id in zip(lines, ids, strict=True):
        line = EventOut(at=new.line.at, status=new.line.status, message=new.line.message)
        yield _event("log" if new.is_of_run else "status", _EVENT.dump_json(line), event_id)


def _event(name: str, data: bytes, event_id: str) -> bytes:
    return format_sse_event(event=name, data_str=data.decode(), id=event_id)


def _decode(session: Session, request_id: UUID, last_id: str) -> _Place:
    """Return the place that an event's id stands for. Raises InvalidInput for one of another request, too."""
    try:
        match decode_cursor(session, last_id):
            case [str(of), int(own), int(of_runs), bool(is_end)] if of == str(request_id):
                return _Place(LogMark(own, of_runs), is_end)
    except InvalidFilter:
        pass
    words = "no event of this request has this id"
    raise InvalidInput([Reason(("last-event-id",), "event_id_unknown", words)], "header")
