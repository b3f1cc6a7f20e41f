"""Wakes those of this process who follow what changes; what that is they read by themselves.

While somebody follows, one connection of its own listens to PostgreSQL. The trigger looks for listeners when
a line is written, and the line is seen when its transaction ends. So who begins to listen misses what was
written just before: at first followers are woken each second, too, and later now and then. Where nothing can
be listened to (the connection is lost, or goes through a pooler of transactions), that goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self, TypeVar
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg import Error as PsycopgError

from app.core.backoff import Backoff
from app.core.database import lone_connection
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.retry_policy import LISTEN
from app.store import live

log = get_logger(__name__)

WAKE_INTERVAL = 0.1  # seconds between two times that followers are woken
POLL_INTERVAL = 1.0  # seconds between two wake-ups while notifications may be missed
RENEW_INTERVAL = 5.0  # seconds between two wake-ups otherwise, each with a sign that this process listens
_EXPIRY = 4 * RENEW_INTERVAL  # seconds after the last sign, for which notifications are sent
_MISSED_FOR = 10.0  # seconds after the beginning: transactions that are open take no longer, but for few
_ANSWER_WITHIN = 5.0  # seconds
_READ_AT_ONCE = 4  # of the ten connections with which a process reads

T = TypeVar("T")


class Changes:
    """Goes on at once when it is first asked, and then after each change, or some seconds without one.

    It ends when the process does.
    """

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._changed = asyncio.Event()
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        await self._changed.wait()
        if self._hub.has_ended:
            raise StopAsyncIteration
        self._changed.clear()

    def wake(self) -> None:
        """Let the follower go on."""
        self._changed.set()


class Hub:
    """One for each event loop: `run` listens while somebody has subscribed."""

    def __init__(self) -> None:
        self.has_ended = False
        self._id = uuid4()
        self._followers: set[Changes] = set()
        self._followed = asyncio.Event()
        self._changed = asyncio.Event()
        self._listens_since: float | None = None
        self._turns = asyncio.Semaphore(_READ_AT_ONCE)
        self._backoff = Backoff(*LISTEN.pauses)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Changes]:
        """Follow what changes: `async for _ in changes` goes on when it may be time to look."""
        changes = Changes(self)
        self._followers.add(changes)
        self._followed.set()
        try:
            yield changes
        finally:
            self._followers.discard(changes)
            if not self._followers:
                self._followed.clear()

    async def read(self, work: Callable[[], T]) -> T:
        """Read in a thread, in turn with others who follow: they take few connections."""
        async with self._turns:
            return await run_to_the_end(work)

    def end(self) -> None:
        """Let every follower end: the process does."""
        self.has_ended = True
        self._wake_all()

    async def run(self) -> None:
        """Listen and wake, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass_changes_on())
            tasks.create_task(self._poll())
            tasks.create_task(self._listen_while_followed())

    def _wake_all(self) -> None:
        for changes in self._followers:
            changes.wake()

    async def _pass_changes_on(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._wake_all()
            await asyncio.sleep(WAKE_INTERVAL)

    async def _poll(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            await self._followed.wait()
            await asyncio.sleep(POLL_INTERVAL)
            if self._listens_since is None or now() < self._listens_since + _MISSED_FOR:
                self._changed.set()

    async def _listen_while_followed(self) -> None:
        failures = 0
        while True:
            await self._followed.wait()
            try:
                await self._listen()
                self._listens_since = None
            except Exception as error:  # whatever it is: if this ended, followers would only be told late
                if self._listens_since is not None:
                    failures = 0
                if not failures:
                    log.warning(
                        "live followers look for changes each second: no notifications from the database;"
                        " tried again until there are",
                        error=cause(error) or type(error).__name__,
                    )
                self._listens_since = None
                await asyncio.sleep(self._backoff.pause(failures))
                failures += 1

    async def _listen(self) -> None:
        """Listen while somebody follows. Raises what psycopg raises, and TimeoutError."""
        async with asyncio.timeout(_ANSWER_WITHIN):
            connection = await lone_connection()
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await live.listen(connection)
            while self._followed.is_set():
                await self._note_that_it_listens(connection)
                async for _ in connection.notifies(timeout=RENEW_INTERVAL):
                    self._changed.set()
        finally:
            await self._leave(connection)

    async def _leave(self, connection: AsyncConnection) -> None:
        with suppress(PsycopgError, OSError):  # what is left behind expires
            async with asyncio.timeout(_ANSWER_WITHIN):
                await live.remove_listener(connection, self._id)
        await connection.close()

    async def _note_that_it_listens(self, connection: AsyncConnection) -> None:
        async with asyncio.timeout(_ANSWER_WITHIN):
            await live.renew_listener(connection, self._id, _EXPIRY)
        if self._listens_since is None:
            self._listens_since = asyncio.get_running_loop().time()
        self._changed.set()
