"""Kicks that nobody waits for."""

import asyncio
from collections.abc import Iterable

from app.services import dispatch

_PAUSE = 0.02  # seconds between two calls: under load each group would make one, at a tenth of the whole cost


class Kicks:
    """Sends kicks in the background, in one call at a time; what is added meanwhile goes into the next."""

    def __init__(self) -> None:
        self._zones: set[str] = set()
        self._sender: asyncio.Task[None] | None = None

    def add(self, zones: Iterable[str]) -> None:
        """Kick these zones; call it after the commit."""
        self._zones.update(zones)
        if self._zones and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send())

    async def drain(self) -> None:
        """Wait until all are sent."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    async def _send(self) -> None:
        while self._zones:
            zones, self._zones = self._zones, set()
            await asyncio.to_thread(dispatch.kick, zones)
            await asyncio.sleep(_PAUSE)
