"""One look at the database for all who follow, in turn with pauses: however many they are, one connection."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.core.backoff import pause_after
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.services.live.hub import Changes, Hub

log = get_logger(__name__)

_LEAST_PAUSE = 0.02  # seconds between two looks
_LONGEST_PAUSE = 1.0  # seconds
_SHARE = 0.2  # of the time, for looks


class SharedLook:
    """Calls `look` after each change for as long as that returns True: somebody still follows.

    `end` is called when the process ends. A look that the database fails is made again within a second.
    """

    def __init__(
        self, hub: Hub, look: Callable[[], Awaitable[bool]], end: Callable[[], None], what: str
    ) -> None:
        self._hub = hub
        self._look = look
        self._end = end
        self._what = what  # that is looked for, for the log
        self._changes: Changes | None = None
        self._running: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Look soon: somebody has begun to follow."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        elif self._changes is not None:
            self._changes.wake()

    async def _run(self) -> None:
        async with self._hub.subscribe() as self._changes:
            async for _ in self._changes:
                began = time.monotonic()
                if not await self._look_once():
                    return
                took = time.monotonic() - began
                await asyncio.sleep(pause_after(took, _SHARE, least=_LEAST_PAUSE, longest=_LONGEST_PAUSE))
        self._end()

    async def _look_once(self) -> bool:
        try:
            return await self._look()
        except DATABASE_ERRORS as error:
            log.debug(f"no look for {self._what}: the database failed; another follows", error=cause(error))
        except Exception:  # if this ended, nobody who follows would be told of anything
            log.exception(f"no look for {self._what}; another follows")
        return True
