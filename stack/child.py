"""One part's process: started, watched, started again when it dies, stopped."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from stack.errors import StackError
from stack.part import Part, launcher

Log = Callable[[str, str], None]  # the part's name, one line

ATTEMPTS = 3  # starts that may fail before the first one that succeeds
STEADY = 30.0  # seconds of life after which a death counts as the first one again
PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds before a restart
POLL = 0.02  # seconds between questions whether it is ready
_LINE_LIMIT = 1 << 20  # bytes


class Child:
    """Keeps one part running from `start` to `stop` or `kill`."""

    def __init__(self, part: Part, log: Log) -> None:
        self.part = part
        self._log = log
        self._tail: deque[str] = deque(maxlen=20)
        self._ready = asyncio.Event()
        self._ever_ready = False
        self._wanted = False
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, or None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the part and wait until it is ready. Raises `StackError` when it does not get there."""
        if self._watch is not None and not self._watch.done():
            raise StackError(f"{self.part.name} has been started already.")
        began = time.monotonic()
        self._wanted, self._ever_ready = True, False
        self._watch = asyncio.create_task(self._keep_running())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {self._watch, ready}, timeout=self.part.patience, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if self._watch.done():
            self._watch.result()
        if not self._ready.is_set():
            await self.kill()
            raise self._failure(f"was not ready after {self.part.patience:g} s")
        self._log("stack", f"{self.part.name} is ready ({time.monotonic() - began:.2f} s)")

    async def stop(self) -> None:
        """Ask the process to end, and kill it when that takes too long."""
        await self._end(self.part.stop_signal)

    async def kill(self) -> None:
        """Kill the process (SIGKILL) and leave it dead."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        if self._watch is None:
            return
        self._wanted = False
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)
            await asyncio.wait({self._watch}, timeout=self.part.grace)
        self._watch.cancel()  # it slept, or the process outlasted its grace: that kills it
        await asyncio.wait({self._watch})

    async def _keep_running(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            why = await self._run_and_say_why()
            if not self._wanted:
                return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            if failures == ATTEMPTS and not self._ever_ready:
                raise self._failure(why)
            pause = min(PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
            self._log("stack", f"{self.part.name} {why}: starting it again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run_and_say_why(self) -> str:
        try:
            return await self._run_once()
        except (StackError, OSError) as error:
            if not self._ever_ready:
                raise
            return f"failed ({error})"

    async def _run_once(self) -> str:
        """Run the process to its end, and say how it ended."""
        self.part.announced = False
        await asyncio.to_thread(self.part.prepare)
        async with self._spawned() as process:
            ended = asyncio.create_task(process.wait())
            ready = asyncio.create_task(self._become_ready())
            try:
                await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
                if ready.done():
                    ready.result()
                return _ending(await ended)
            finally:
                ready.cancel()
                ended.cancel()
                self._ready.clear()

    async def _become_ready(self) -> None:
        while not await asyncio.to_thread(self.part.ready):
            await asyncio.sleep(POLL)
        await asyncio.to_thread(self.part.complete)
        self._ready.set()
        self._ever_ready = True

    @asynccontextmanager
    async def _spawned(self) -> AsyncIterator[Process]:
        # A pipe of our own: with asyncio's, wait() would also wait for whoever else holds it open.
        reading, writing = os.pipe()
        relay = asyncio.create_task(self._relay(reading))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *launcher(self.part),
                *map(str, self.part.command()),
                stdin=DEVNULL,
                stdout=writing,
                stderr=STDOUT,
                env=self.part.environment(),
                cwd=self.part.directory(),
                start_new_session=True,  # Ctrl-C on the terminal reaches the supervisor alone
            )
        finally:
            os.close(writing)
        try:
            yield self._process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            await asyncio.wait({relay}, timeout=1)
            relay.cancel()

    async def _relay(self, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=_LINE_LIMIT)
        with open(descriptor, "rb", buffering=0) as pipe:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), pipe
            )
            try:
                while line := await _line(reader):
                    self._heard(line.decode(errors="replace").rstrip())
            finally:
                transport.close()

    def _heard(self, line: str) -> None:
        self._tail.append(line)
        self.part.heard(line)
        self._log(self.part.name, line)

    def _failure(self, why: str) -> StackError:
        return StackError("\n".join([f"{self.part.name} {why}. Its last lines:", *self._tail]))


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # longer than the limit; what was read of it is gone
        return b"(a line that was too long)\n"


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
