"""Write what concurrent clients submit together: one statement, one commit, one kick for each zone.

While one group is being written the next one gathers, so that a lone client waits for nobody.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from app.core.database import statements, transaction
from app.services import validate
from app.services.kicks import Kicks
from app.services.submit import Answer, submit
from app.services.validate import Asked, Draft

MAX_GROUP = 1_000  # submissions in one statement
BATCHES = 4  # that are worked on at once: it is their number that bounds the memory they take

Result = TypeVar("Result")


class Overloaded(Exception):
    """The database can't keep up: more submissions wait than may wait."""


class _Waiting(NamedTuple):
    draft: Draft
    answer: asyncio.Future[Answer]


class Intake:
    """One for each process and event loop; `run` does the writing, `submit` waits for it."""

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(limit)
        self._batches = asyncio.Semaphore(BATCHES)
        self._kicks = Kicks()

    async def submit(self, asked: Asked) -> Answer:
        """Store one change; the answer comes after its commit.

        A caller that is cancelled takes nothing back. Raises Overloaded, and what the database raises.
        """
        if self._queue.full():
            raise Overloaded
        waiting = _Waiting(validate.read(asked), asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.answer

    async def batch(self, work: Callable[[], Result]) -> Result:
        """Do the work of a batch in a thread of its own, in its turn."""
        async with self._batches:
            return await asyncio.to_thread(work)

    def kick(self, answers: Iterable[Answer]) -> None:
        """Wake the workers of the zones that have something new to do; it takes place in the background."""
        self._kicks.add({each.accepted.zone for each in answers if each.accepted and not each.replayed})

    async def run(self) -> None:
        """Write group after group, until it is cancelled."""
        while True:
            await self._write(await self._gather())

    async def drain(self) -> None:
        """Wait until all that was taken in is answered and kicked."""
        await self._queue.join()
        await self._kicks.drain()

    async def _gather(self) -> list[_Waiting]:
        group = [await self._queue.get()]
        with suppress(asyncio.QueueEmpty):
            while len(group) < MAX_GROUP:
                group.append(self._queue.get_nowait())
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            answers = await asyncio.to_thread(store, [waiting.draft for waiting in group])
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

    async def _write_apart(self, group: Sequence[_Waiting], error: DatabaseError) -> None:
        if len(group) == 1:
            _fail(group, error)
            return
        for waiting in group:
            try:
                answers = await asyncio.to_thread(store, [waiting.draft])
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
        if not waiting.answer.done():  # else its client has gone
            waiting.answer.set_result(answer)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
