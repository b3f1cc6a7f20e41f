"""Tells open pages that something has changed: they fetch their live parts again then."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.domain.errors import Overloaded
from app.domain.permissions import Right
from app.services.live.hub import Hub

router = APIRouter(route_class=PageRoute)

MOST_FOLLOWERS = 500  # pages that one process tells
_PAUSE = 1.0  # seconds from one word to the next
_LASTS = 300.0  # seconds; then the page asks again, and has to be allowed to
_EVENTS = "text/event-stream"
_HEADERS = {"X-Accel-Buffering": "no"}  # nginx passes each word on at once


class _Followers:
    number = 0


@router.get("/live")
@needs(Right.KNOW_ONESELF)
async def follow(request: Request, caller: TheCaller) -> Response:
    """A stream of events (text/event-stream) without content: one whenever something may have changed."""
    if request.method == "HEAD":
        return Response(headers=_HEADERS, media_type=_EVENTS)
    if _Followers.number >= MOST_FOLLOWERS:
        raise Overloaded
    return StreamingResponse(_words(request.app.state.live), media_type=_EVENTS, headers=_HEADERS)


async def _words(hub: Hub) -> AsyncIterator[str]:
    _Followers.number += 1
    ends_at = asyncio.get_running_loop().time() + _LASTS
    try:
        yield "retry: 2000\n\n"
        async with hub.subscribe() as changes:
            async for _ in changes:
                yield "data: changed\n\n"
                if asyncio.get_running_loop().time() > ends_at:
                    return
                await asyncio.sleep(_PAUSE)
    finally:
        _Followers.number -= 1
