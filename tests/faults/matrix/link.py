"""A TCP connection that is worse than loopback: what goes through it arrives late."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from stack.loop import LoopThread
from stack.ports import HOST


class Link:
    """Hands on, after `delay` seconds in each direction, what comes to `port`."""

    def __init__(self, target: int, delay: float) -> None:
        self.port = 0
        self._target, self._delay = target, delay
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connect, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close all connections."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        self._start(self._hand_on(reader, there[1]))
        self._start(self._hand_on(there[0], writer))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on until one of the two closes. Nothing waits for what came before it."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await reader.read(65_536):
                loop.call_later(self._delay, writer.write, data)
        loop.call_later(self._delay, writer.close)


@contextmanager
def slow_link(target: int, delay: float) -> Iterator[Link]:
    """Run a link to a port, for the block."""
    link = Link(target, delay)
    with LoopThread() as loop:
        loop.run(link.open())
        try:
            yield link
        finally:
            loop.run(link.close())
