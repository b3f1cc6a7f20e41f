"""Whether a worker is there: each tells the database now and then, and the API looks at that."""

import asyncio
import time
from datetime import datetime
from threading import Event

from app.core.database import reading, transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.store import backends
from app.store.backends import WorkerSign

log = get_logger(__name__)

_NOTE_INTERVAL = 10.0  # seconds
_LOOK_INTERVAL = 5.0  # seconds
LIMIT = 40.0  # seconds without a sign of any worker: several times as long as a worker takes for one


def note_until(stop: Event) -> None:
    """Note now and then that a worker is there, until `stop` is set."""
    while True:
        try:
            with transaction() as session:
                backends.note_worker(session, _NOTE_INTERVAL / 2)
        except DATABASE_ERRORS as error:
            log.debug("that a worker is there was not noted: the database failed", error=cause(error))
        if stop.wait(_NOTE_INTERVAL):
            return


class Presence:
    """The last sign of a worker, read now and then: a probe of this process waits for nothing.

    It counts how long the sign has stayed the same while it was looked at: none is missed because a clock was
    set, because the database was away, or because this process has only just begun to look.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._age: float | None = None
        self._read_at = self._changed_at = time.monotonic()

    @property
    def seen_s(self) -> float | None:
        """For how many seconds no worker has been seen; None: none has ever been."""
        return None if self._age is None else self._age + time.monotonic() - self._read_at

    @property
    def problem(self) -> str | None:
        """That no worker is there, in words; None where one is, or may be."""
        if self._read_at - self._changed_at <= LIMIT:
            return None
        since = "yet" if self.seen_s is None else f"for {self.seen_s:.0f} s"
        return (
            f"no worker has been seen {since}: requests are accepted, and wait until one is."
            " See whether a worker runs, and what its log says"
        )

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                self.note(await run_to_the_end(_read), time.monotonic())
            except DATABASE_ERRORS as error:
                self._read_at = self._changed_at = time.monotonic()
                log.debug("no sign of a worker was read: the database failed", error=cause(error))
            await asyncio.sleep(_LOOK_INTERVAL)

    def note(self, sign: WorkerSign | None, now: float) -> None:
        """Note what has been read at that time of the monotonic clock."""
        at, self._age = (None, None) if sign is None else (sign.at, sign.age)
        if at != self._at:
            self._at, self._changed_at = at, now
        self._read_at = now


def _read() -> WorkerSign | None:
    with reading() as session:
        return backends.worker_sign(session)
