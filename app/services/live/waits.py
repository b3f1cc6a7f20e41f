"""Calls wait until requests are settled: one look tells all, and none has a thread or a connection."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from app.core.database import reading
from app.core.threads import run_to_the_end
from app.domain.permissions import Principal
from app.services.live.hub import Hub
from app.services.live.places import Places
from app.services.live.shared_look import SharedLook
from app.store.live import those_open

MAX_PLACES = 40_000  # in one process
MAX_PLACES_OF_EACH = 30_000
PLACES_OF_A_CALL = 10  # and one for each of its requests, whose answers are kept meanwhile
_ASKED_FOR = 100  # requests of one call, those that were accepted first: they are settled first, too
_MAX_IDS = 5_000  # in one statement


@dataclass(eq=False)
class _Wait:
    """What a call waits for: the requests that may be open yet, the last one first."""

    open: list[UUID]
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def next(self) -> Sequence[UUID]:
        """The requests to be asked for next."""
        return self.open[-_ASKED_FOR:]

    def note(self, still_open: set[UUID]) -> bool:
        """Drop those of the next ones that are settled; return whether all are, and there are more."""
        left = [each for each in self.next if each in still_open]
        self.open[-_ASKED_FOR:] = left
        if not self.open:
            self.over.set()
        return bool(self.open) and not left


class Waits:
    """One for each event loop."""

    def __init__(self, hub: Hub) -> None:
        self._places = Places(MAX_PLACES, MAX_PLACES_OF_EACH)
        self._waiting: set[_Wait] = set()
        self._look = SharedLook(hub, self._look_for_settled, self._end_all, "settled requests")

    async def until_settled(self, ids: Sequence[UUID], seconds: float, principal: Principal) -> None:
        """Return when all these requests are settled, after so many seconds, or when the process ends.

        Raises Overloaded, TooManyFollowers.
        """
        wait = _Wait(list(reversed(ids)))
        with self._places.taken(principal, PLACES_OF_A_CALL + len(ids)):
            self._waiting.add(wait)
            self._look.soon()
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await wait.over.wait()
            finally:
                self._waiting.discard(wait)

    async def _look_for_settled(self) -> bool:
        asking = list(self._waiting)
        while asking:
            ids = [each for wait in asking for each in wait.next]
            still_open = await run_to_the_end(partial(_those_open, ids))
            asking = [wait for wait in asking if wait.note(still_open)]
        return bool(self._waiting)

    def _end_all(self) -> None:
        for wait in self._waiting:
            wait.over.set()


def _those_open(ids: Sequence[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    with reading() as session:
        for start in range(0, len(ids), _MAX_IDS):
            found |= those_open(session, ids[start : start + _MAX_IDS])
    return found
