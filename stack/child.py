"""The process of one part: start it, restart it when it ends by itself, stop it."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from app.core.backoff import Backoff
from stack.errors import StackError
from stack.part import Part, launcher

Log = Callable[[str, str], None]  # the part's name, one line

ATTEMPTS = 3  # how often a part is started that has never become ready
STEADY = 30.0  # seconds: when a process has run for so long, its end counts as the first failure
RESTART_BACKOFF = Backoff(first=0.5, longest=10.0)
POLL = 0.02  # seconds between checks whether the part is ready
_LINE_LIMIT = 1 << 20  # bytes


class Child:
    """Keeps a part running from `start` until `stop` or `kill`."""

    def __init__(self, part: Part, log: Log) -> None:
        self.part = part
        self._log = log
        self._last_lines: deque[str] = deque(maxlen=20)
        self._ready = asyncio.Event()
        self._ever_ready = False
        self._wanted = False
        self._process: Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, or None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the part and wait until it is ready. Raises StackError when it fails or takes too long."""
        if self._supervision is not None and not self._supervision.done():
            raise StackError(f"{self.part.name} has been started already.")
        began = time.monotonic()
        self._wanted, self._ever_ready = True, False
        self._supervision = asyncio.create_task(self._keep_running())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {self._supervision, ready},
                timeout=self.part.start_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if self._supervision.done():
            self._supervision.result()
        if not self._ready.is_set():
            await self.kill()
            raise self._failure(f"was not ready after {self.part.start_timeout:g} s")
        self._log("stack", f"{self.part.name} is ready ({time.monotonic() - began:.2f} s)")

    async def stop(self) -> None:
        """Send the part's stop signal, and kill the process when it does not end in time."""
        await self._end(self.part.stop_signal)

    async def kill(self) -> None:
        """Kill the process (SIGKILL) and do not restart it."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        if self._supervision is None:
            return
        self._wanted = False
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)
            await asyncio.wait({self._supervision}, timeout=self.part.stop_timeout)
        self._supervision.cancel()  # ends a pause before a restart, or kills the process if it still runs
        await asyncio.wait({self._supervision})

    async def _keep_running(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            how_it_ended = await self._run_and_catch_errors()
            if not self._wanted:
                return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            if failures == ATTEMPTS and not self._ever_ready:
                raise self._failure(how_it_ended)
            pause = RESTART_BACKOFF.pause(failures - 1)
            self._log("stack", f"{self.part.name} {how_it_ended}: starting it again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run_and_catch_errors(self) -> str:
        """Run the process to its end. Once the part has been ready, an error counts as such an end, too."""
        try:
            return await self._run_once()
        except (StackError, OSError) as error:
            if not self._ever_ready:
                raise
            return f"failed ({error})"

    async def _run_once(self) -> str:
        """Run the process to its end, and return how it ended, in words."""
        self.part.announced = False
        await asyncio.to_thread(self.part.prepare)
        async with self._spawned() as process:
            ended = asyncio.create_task(process.wait())
            ready = asyncio.create_task(self._become_ready())
            try:
                await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
                if ready.done():
                    ready.result()
                return _describe_end(await ended)
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
        # A pipe of our own: with asyncio's, wait() would also wait for other processes that hold it open.
        reading, writing = os.pipe()
        relay = asyncio.create_task(self._relay_output(reading))
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

    async def _relay_output(self, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=_LINE_LIMIT)
        with open(descriptor, "rb", buffering=0) as pipe:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), pipe
            )
            try:
                while line := await _read_line(reader):
                    self._note_output(line.decode(errors="replace").rstrip())
            finally:
                transport.close()

    def _note_output(self, line: str) -> None:
        self._last_lines.append(line)
        self.part.note_output(line)
        self._log(self.part.name, line)

    def _failure(self, what: str) -> StackError:
        return StackError("\n".join([f"{self.part.name} {what}. Its last lines:", *self._last_lines]))


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # the line is longer than the limit, and what was read of it is lost
        return b"(a line that was too long)\n"


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
