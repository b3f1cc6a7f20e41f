"""Group commit: changes that many clients submit at once are stored by one statement and one commit.

While one group is being stored the next one gathers, so that a lone client waits for nobody.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from app.core.config import settings
from app.core.database import async_engine, is_deadlock
from app.domain.errors import Overloaded
from app.services.kicks import KickSender
from app.services.requests.submit import Accepted, Submitted, Undecided, submit
from app.services.requests.validate import Draft, RawChange, read_change

MAX_GROUP = 1_000  # changes in one statement


class _Waiting(NamedTuple):
    draft: Draft
    result: asyncio.Future[Submitted]


class GroupCommit:
    """One for each event loop: `submit` hands a change over and waits, `run` stores group after group.

    Groups are stored in the event loop, over an asynchronous connection: to hand each to a thread and back
    takes longer than PostgreSQL does.
    """

    def __init__(self, kicks: KickSender) -> None:
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(settings().intake_queue)
        self._engine = async_engine()
        self._kicks = kicks

    async def submit(self, raw: RawChange, *, large: bool = False) -> Submitted:
        """Store one change, and return after its commit. A large one is validated in a thread.

        A caller that is cancelled takes nothing back. Raises Overloaded, and what the database raises.
        """
        if self._queue.full():
            raise Overloaded
        draft = await asyncio.to_thread(read_change, raw) if large else read_change(raw)
        waiting = _Waiting(draft, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded from None
        return await waiting.result

    async def run(self) -> None:
        """Store group after group, until it is cancelled."""
        try:
            while True:
                await self._store_group(await self._next_group())
        finally:
            await self._engine.dispose()

    async def wait_until_stored(self) -> None:
        """Return when every change that was handed over has its result."""
        await self._queue.join()

    async def _next_group(self) -> list[_Waiting]:
        group = [await self._queue.get()]
        with suppress(asyncio.QueueEmpty):
            while len(group) < MAX_GROUP:
                group.append(self._queue.get_nowait())
        return group

    async def _store_group(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await self._store([waiting.draft for waiting in group])
        except (InterfaceError, OperationalError) as error:  # the database is unavailable: for everybody
            _set_error(group, error)
        except DatabaseError as error:  # it refuses one of the changes: find out which
            await self._store_one_by_one(group, error)
        except Exception as error:
            _set_error(group, error)
        else:
            self._conclude(group, results)
        finally:
            for _ in group:
                self._queue.task_done()

    async def _store_one_by_one(self, group: Sequence[_Waiting], error: DatabaseError) -> None:
        if len(group) == 1:
            _set_error(group, error)
            return
        for waiting in group:
            try:
                results = await self._store([waiting.draft])
            except Exception as its_own:
                _set_error([waiting], its_own)
            else:
                self._conclude([waiting], results)

    async def _store(self, drafts: Sequence[Draft]) -> list[Submitted]:
        """Store the drafts in one statement. One that loses a deadlock is tried once more."""
        try:
            return await self._execute(drafts)
        except OperationalError as error:
            if not is_deadlock(error):
                raise
        return await self._execute(drafts)

    async def _execute(self, drafts: Sequence[Draft]) -> list[Submitted]:
        async with self._engine.connect() as connection:
            return await connection.run_sync(submit, drafts)

    def _conclude(self, group: Sequence[_Waiting], results: Sequence[Submitted]) -> None:
        for waiting, result in zip(group, results, strict=True):
            if waiting.result.done():  # its client has gone
                continue
            if isinstance(result, Undecided):
                waiting.result.set_exception(result.error)
            else:
                waiting.result.set_result(result)
        self._kicks.add(zones_to_kick(results))


def zones_to_kick(results: Iterable[Submitted]) -> set[str]:
    """Return the zones that have new requests."""
    return {result.request.zone for result in results if isinstance(result, Accepted)}


def _set_error(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.result.done():
            waiting.result.set_exception(error)
