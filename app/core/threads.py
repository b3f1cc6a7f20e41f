"""Work in a thread that a task waits for, also when the task is cancelled."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_to_the_end(call: Callable[[], T]) -> T:
    """Return what `call` returns in a thread. A cancelled task goes on being one until the thread has ended.

    A thread can't be cancelled: it would go on after what it uses, such as a pool of connections, is closed.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
