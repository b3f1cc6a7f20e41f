"""Who follows a request is woken when its log has grown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from app.core.database import reading
from app.core.threads import run_to_the_end
from app.domain.permissions import Principal
from app.services.live.hub import Hub
from app.services.live.places import Places
from app.services.live.shared_look import SharedLook
from app.store.live import LogEnd, log_ends

MAX_STREAMS = 1_000  # in one process
MAX_STREAMS_OF_EACH = 200


@dataclass(eq=False)
class News:
    """Goes on when the request's log may have grown. It ends when the process does."""

    request_id: UUID
    log_end: LogEnd | None = None
    has_ended: bool = False
    _come: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        await self._come.wait()
        if self.has_ended:
            raise StopAsyncIteration
        self._come.clear()

    def note(self, log_end: LogEnd | None) -> None:
        """Let the follower go on if the log does not end where it did before."""
        if log_end != self.log_end:
            self.log_end = log_end
            self._come.set()

    def end(self) -> None:
        """Let the follower end."""
        self.has_ended = True
        self._come.set()


class Streams:
    """One for each event loop."""

    def __init__(self, hub: Hub) -> None:
        self._places = Places(MAX_STREAMS, MAX_STREAMS_OF_EACH)
        self._followed: set[News] = set()
        self._look = SharedLook(hub, self._look_for_news, self._end_all, "news of requests")

    @asynccontextmanager
    async def follow(self, request_id: UUID, principal: Principal) -> AsyncIterator[News]:
        """Follow a request's log. Raises Overloaded, TooManyFollowers."""
        with self._places.taken(principal):
            news = News(request_id)
            self._followed.add(news)
            self._look.soon()
            try:
                yield news
            finally:
                self._followed.discard(news)

    async def _look_for_news(self) -> bool:
        ids = {news.request_id for news in self._followed}
        ends = await run_to_the_end(lambda: _log_ends(ids)) if ids else {}
        for news in self._followed:
            if news.request_id in ids:
                news.note(ends.get(news.request_id))
        return bool(self._followed)

    def _end_all(self) -> None:
        for news in self._followed:
            news.end()


def _log_ends(ids: set[UUID]) -> dict[UUID, LogEnd]:
    with reading() as session:
        return log_ends(session, ids)
