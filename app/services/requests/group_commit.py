"""Write what concurrent clients submit together: one statement, one commit, one kick for each zone.

While one group is being written the next one gathers, so that a lone client waits for nobody.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from app.core.database import async_engine, statements, transaction
from app.services.kicks import KickSender
from app.services.requests import validate
from app.services.requests.submit import Answer, submit
from app.services.requests.validate import Asked, Draft

MAX_GROUP = 1_000  # submissions in one statement
BATCHES = 4  # that are worked on at once
MAX_BATCHES = 16  # in hand: with the limit of their bodies that bounds the memory they take

Result = TypeVar("Result")


class Overloaded(Exception):
    """The database can't keep up: more submissions wait than may wait."""


class _Waiting(NamedTuple):
    draft: Draft
    answer: asyncio.Future[Answer]


class Intake:
    """One for each process and event loop; `run` does the writing, `submit` waits for it.

    Groups are written without a thread: to hand each to another and back took longer than PostgreSQL does.
    The threads for batches are for nothing else: a Redis that hangs, say, does not stop them.
    """

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(limit)
        self._engine = async_engine()
        self._batches = ThreadPoolExecutor(BATCHES, "batch")
        self._batches_in_hand = 0
        self._kicks = KickSender()

    async def submit(self, asked: Asked, *, large: bool = False) -> Answer:
        """Store one change; the answer comes after its commit. A large one is read apart: others go on.

        A caller that is cancelled takes nothing back. Raises Overloaded, and what the database raises.
        """
        if self._queue.full():
            raise Overloaded
        draft = await asyncio.to_thread(validate.read, asked) if large else validate.read(asked)
        waiting = _Waiting(draft, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded from None
        return await waiting.answer

    @contextmanager
    def batch_in_hand(self) -> Iterator[None]:
        """Around all that is done for a batch, its reading too. Raises Overloaded."""
        if self._batches_in_hand >= MAX_BATCHES:
            raise Overloaded
        self._batches_in_hand += 1
        try:
            yield
        finally:
            self._batches_in_hand -= 1

    async def batch(self, work: Callable[[], Result]) -> Result:
        """Do the work of a batch in a thread, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._batches, work)

    def kick(self, answers: Iterable[Answer]) -> None:
        """Wake the workers of the zones that have something new to do; it takes place in the background."""
        self._kicks.add({each.accepted.zone for each in answers if each.accepted and not each.replayed})

    async def run(self) -> None:
        """Write group after group, until it is cancelled."""
        try:
            while True:
                await self._write(await self._gather())
        finally:
            await self._engine.dispose()

    async def drain(self) -> None:
        """Wait until all that was taken in is answered and kicked."""
        await self._queue.join()
        await self._kicks.wait_until_sent()

    async def _gather(self) -> list[_Waiting]:
        group = [await self._queue.get()]
        with suppress(asyncio.QueueEmpty):
            while len(group) < MAX_GROUP:
                group.append(self._queue.get_nowait())
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            answers = await self._store([waiting.draft for waiting in group])
        except (InterfaceError, OperationalError) as error:  # the database is away: for everybody
            _fail(group, error)
        except DatabaseError as error:  # it refuses one of them: find out which
            await self._write_apart(group, error)
        except Exception as error:
            _fail(group, error)
        else:
            _answer(group, answers)
            self.kick(answers)
        finally:
            for _ in group:
                self._queue.task_done()

    async def _store(self, drafts: Sequence[Draft]) -> list[Answer]:
        try:
            return await self._submit(drafts)
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise
        return await self._submit(drafts)

    async def _submit(self, drafts: Sequence[Draft]) -> list[Answer]:
        async with self._engine.connect() as connection:
            return await connection.run_sync(submit, drafts)

    async def _write_apart(self, group: Sequence[_Waiting], error: DatabaseError) -> None:
        if len(group) == 1:
            _fail(group, error)
            return
        for waiting in group:
            try:
                answers = await self._store([waiting.draft])
            except Exception as own:
                _fail([waiting], own)
            else:
                _answer([waiting], answers)
                self.kick(answers)


def store(drafts: Sequence[Draft], *, atomic: bool = False) -> list[Answer]:
    """Store changes in one statement, or, if they are `atomic`, in one transaction. Raises Rejected.

    Two that hold the same idempotency keys in another order may deadlock: the one that loses is tried again.
    """
    try:
        return _store(drafts, atomic)
    except OperationalError as error:
        if not isinstance(error.orig, DeadlockDetected):
            raise
    return _store(drafts, atomic)


def _store(drafts: Sequence[Draft], atomic: bool) -> list[Answer]:
    with transaction() if atomic else statements() as executor:
        return submit(executor, drafts, atomic=atomic)


def _answer(group: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
    for waiting, answer in zip(group, answers, strict=True):
        if waiting.answer.done():  # its client has gone
            continue
        if answer.failure is not None:
            waiting.answer.set_exception(answer.failure)
        else:
            waiting.answer.set_result(answer)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
