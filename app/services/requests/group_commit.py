"""Group commit: changes that many clients submit at once are stored by one statement and one commit.

While one group is being stored the next one gathers, so that a lone client waits for nobody. It also takes
in what clients send as soon as they have the answers to the group before: or else half of them would wait
while the other half is stored, in twice as many groups. When the database can't store a group for what one
of its changes is, or for a lock, each is set aside and stored by itself.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from app.core import metrics, tracing
from app.core.config import settings
from app.core.database import async_engine
from app.core.database_errors import DATABASE_ERRORS, is_locked, is_not_set_up, is_unavailable
from app.domain.errors import Overloaded
from app.domain.lifecycle import INITIAL
from app.domain.permissions import Caller
from app.domain.reasons import MAX_REASONS, at_most
from app.services.kicks import KickSender
from app.services.requests.backlog import Backlog
from app.services.requests.draft import Draft, RawChange
from app.services.requests.submission import Accepted, Submitted, Undecided
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store.backlog import Addition

MAX_GROUP = 1_000  # changes in one statement
MAX_GROUP_BYTES = 4 * 1024 * 1024  # of their bodies
GROUP_LOCK_TIMEOUT = 0.25  # seconds: the whole group waits
LONE_LOCK_TIMEOUT = 5.0  # seconds
# Turns of the event loop in which a group gathers: the one before is answered, what its clients send next is
# read, and submitted. No turn waits for anybody.
TURNS = 3
ALONE_AT_ONCE = 8  # changes that were set aside
_LARGE = 8 * 1024  # bytes: a larger body is validated in a thread, to keep the event loop free


class _Waiting(NamedTuple):
    draft: Draft
    size: int  # bytes of its body
    result: asyncio.Future[Submitted]


class GroupCommit:
    """One for each event loop: `submit` hands a change over and waits, `run` stores group after group.

    Groups are stored in the event loop, over an asynchronous connection: to hand each to a thread and back
    takes longer than PostgreSQL does.
    """

    def __init__(self, kicks: KickSender, backlog: Backlog) -> None:
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(settings().intake_queue)
        self._bytes = 0  # of the bodies that wait for their results
        self._max_bytes = settings().intake_bytes
        self._engine = async_engine(1, GROUP_LOCK_TIMEOUT)
        lock_timeout = min(LONE_LOCK_TIMEOUT, settings().database_timeout * 0.8)
        self._lone_engine = async_engine(ALONE_AT_ONCE, lock_timeout)
        self._lone_turns = asyncio.Semaphore(ALONE_AT_ONCE)
        self._alone: set[asyncio.Task[None]] = set()
        self._kicks = kicks
        self._backlog = backlog

    async def submit(self, raw: RawChange, size: int = 0, caller: Caller | None = None) -> Submitted:
        """Store one change whose body has `size` bytes, and return after its commit.

        A caller that is cancelled takes nothing back. Raises Overloaded, and what the database raises.
        """
        if self._queue.full() or (self._bytes and self._bytes + size > self._max_bytes):
            raise Overloaded
        self._bytes += size
        try:
            if size > _LARGE:
                draft = await asyncio.to_thread(_read_large, raw, caller)
            else:
                draft = read_change(raw, caller)
            waiting = _Waiting(draft, size, asyncio.get_running_loop().create_future())
            self._queue.put_nowait(waiting)
            return await waiting.result
        except asyncio.QueueFull:
            raise Overloaded from None
        finally:
            self._bytes -= size

    async def run(self) -> None:
        """Store group after group, until it is cancelled."""
        try:
            while True:
                await self._store_group(await self._next_group())
        finally:
            await self._engine.dispose()
            await self._lone_engine.dispose()

    async def wait_until_stored(self) -> None:
        """Return when every change that was handed over has its result."""
        await self._queue.join()

    async def _next_group(self) -> list[_Waiting]:
        group = [await self._queue.get()]
        for _ in range(TURNS):
            await asyncio.sleep(0)
        size = group[0].size
        with suppress(asyncio.QueueEmpty):
            while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
                group.append(self._queue.get_nowait())
                size += group[-1].size
        return group

    async def _store_group(self, group: Sequence[_Waiting]) -> None:
        with tracing.shared_span("group commit", _traces(group), {"requests": len(group)}):
            try:
                results = await self._execute(self._engine, group)
            except Exception as error:
                self._after_failure(group, error)
            else:
                self._conclude(group, results)

    def _after_failure(self, group: Sequence[_Waiting], error: Exception) -> None:
        """Tell everybody, if the fault is everybody's; else find out whose it is, one by one."""
        if is_unavailable(error):
            self._fail([*group, *self._drain_queue()], error)
        elif _is_nobodys(error) or (len(group) == 1 and not is_locked(error)):
            self._fail(group, error)
        elif len(self._alone) + len(group) > self._queue.maxsize + MAX_GROUP:
            self._fail(group, Overloaded())
        else:
            for waiting in group:
                task = asyncio.create_task(self._store_alone(waiting))
                self._alone.add(task)
                task.add_done_callback(self._alone.discard)

    async def _store_alone(self, waiting: _Waiting) -> None:
        try:
            async with self._lone_turns:
                results = await self._execute(self._lone_engine, [waiting])
        except Exception as error:
            self._fail([waiting], error)
        else:
            self._conclude([waiting], results)

    async def _execute(self, engine: AsyncEngine, group: Sequence[_Waiting]) -> list[Submitted]:
        drafts = [waiting.draft for waiting in group]
        began = time.monotonic()
        async with engine.connect() as connection:
            results = await connection.run_sync(submit, drafts, backlog=self._backlog)
        metrics.GROUP_COMMIT_SECONDS.observe(time.monotonic() - began)
        metrics.GROUP_COMMIT_REQUESTS.observe(len(group))
        return results

    def _drain_queue(self) -> list[_Waiting]:
        """Take all that waits from the queue: nobody waits a second time for a database that is away."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def _conclude(self, group: Sequence[_Waiting], results: Sequence[Submitted]) -> None:
        for waiting, result in zip(group, results, strict=True):
            self._queue.task_done()
            if waiting.result.done():  # its client has gone
                continue
            if isinstance(result, Undecided):
                waiting.result.set_exception(result.error)
            else:
                waiting.result.set_result(result)
        self._backlog.add(additions(results))
        self._kicks.add(zones_to_kick(results))

    def _fail(self, group: Iterable[_Waiting], error: Exception) -> None:
        for waiting in group:
            self._queue.task_done()
            if not waiting.result.done():
                waiting.result.set_exception(error)


def zones_to_kick(results: Iterable[Submitted]) -> set[str]:
    """Return the zones that have new requests in their queues."""
    return {
        result.request.zone
        for result in results
        if isinstance(result, Accepted) and result.request.status is INITIAL
    }


def additions(results: Iterable[Submitted]) -> list[Addition]:
    """Return what the new requests add to the backlog."""
    stored = Counter(
        (each.request.account_id, each.transaction, each.request.status is not INITIAL)
        for each in results
        if isinstance(each, Accepted)
    )
    return [
        Addition(account, transaction, number, scheduled)
        for (account, transaction, scheduled), number in stored.items()
    ]


def _traces(group: Iterable[_Waiting]) -> list[str | None]:
    return [waiting.draft.traceparent for waiting in group] if tracing.is_on() else []


def _is_nobodys(error: Exception) -> bool:
    """Return whether the fault is in none of the changes: it is ours, or an operator's."""
    return not isinstance(error, DATABASE_ERRORS) or is_not_set_up(error)


def _read_large(raw: RawChange, caller: Caller | None) -> Draft:
    draft = read_change(raw, caller)
    draft.reasons = at_most(MAX_REASONS, draft.reasons)
    return draft
