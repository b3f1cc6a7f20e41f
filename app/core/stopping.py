"""The end of a process: what it has in hand gets some time (`STOP_TIMEOUT`), and is given up after that.

The processes of a worker's pool learn of it by a pipe, whose writing end is open in the main process alone:
it is closed when the worker is told to end, or has died.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

from app.core.config import settings
from app.core.logging import get_logger

log = get_logger(__name__)

END_TIMEOUT = 10.0  # seconds, after STOP_TIMEOUT, to end what is given up, and to settle what was done


class Stopping:
    """Whether this worker ends, and what has to end with it."""

    def __init__(self) -> None:
        self._begun, self._over = Event(), Event()
        self._in_hand: set[Event] = set()
        self._pipe: tuple[int, int] | None = None
        self._main = 0  # the process that has made the pipe
        self._listens_in = 0

    @property
    def has_begun(self) -> bool:
        """Whether nothing new is to be begun."""
        return self._begun.is_set()

    @property
    def is_over(self) -> bool:
        """Whether what was in hand has had its time."""
        return self._over.is_set()

    def prepare(self) -> None:
        """Make the pipe, before processes are forked."""
        self._pipe, self._main = os.pipe(), os.getpid()

    def listen(self) -> None:
        """Learn of the end from now on."""
        here = os.getpid()
        if self._pipe is None or self._listens_in == here:
            return
        self._listens_in = here
        reading, writing = self._pipe
        if here != self._main:  # not so for Celery's pool `solo`, which has no processes
            os.close(writing)
        Thread(target=self._follow, args=[reading], name="stopping", daemon=True).start()

    def begin(self) -> None:
        """Let all processes of the worker learn of its end. A signal handler may call it, also twice."""
        if self._pipe is not None:
            (_, writing), self._pipe = self._pipe, None
            os.close(writing)

    @contextmanager
    def cancelled_in_time(self, cancel: Event) -> Iterator[None]:
        """Set `cancel` within the block when what is in hand has had its time."""
        self._in_hand.add(cancel)
        if self._over.is_set():
            cancel.set()
        try:
            yield
        finally:
            self._in_hand.discard(cancel)

    def _follow(self, reading: int) -> None:
        os.read(reading, 1)  # nothing is ever written: it ends
        self._begun.set()
        if os.getpid() == self._main:
            end_in_time()  # the kernel ends the pool's processes with this one; their runs end with them
        self._over.wait(settings().stop_timeout)
        self._over.set()
        for cancel in list(self._in_hand):
            cancel.set()


stopping = Stopping()


def end_in_time() -> None:
    """End this process some seconds from now, whatever is in the way."""
    timer = Timer(settings().stop_timeout + END_TIMEOUT, _end_now)
    timer.daemon = True
    timer.start()


def end_at_once(status: int) -> None:
    """End this process without waiting for its threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _end_now() -> None:
    log.error("ended in the middle of its work, which took too long to end; others go on with it")
    end_at_once(1)
