"""Scheduled requests: each is queued when its time has come.

The workers see to it, and so does the API: it is what accepts, so nothing that it accepts later comes before
what is due, also while no worker is there.
"""

import asyncio
from collections.abc import Callable
from threading import Event

from app.core.database import statements
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.services import kicks
from app.store import schedule as store

log = get_logger(__name__)

_LONGEST_PAUSE = 1.0  # seconds: another process may accept a request that is due before the next one known
_SHORT_PAUSE = 0.1  # seconds: what is still due is locked by who cancels it, or by another process of these


def queue_due() -> float:
    """Queue all that is due, and kick its zones. Returns how many seconds to wait before the next look.

    Where nothing is due this is one look into an index that has scheduled requests only.
    """
    while True:
        with statements() as session:
            seconds = store.seconds_until_next(session)
            if seconds is None or seconds > 0:
                return min(_LONGEST_PAUSE, seconds or _LONGEST_PAUSE)
            queued = store.queue_due(session)
        if queued.failed:
            log.warning(
                "due requests have failed: another account owns the RRset by now; their logs say whose it is",
                number=queued.failed,
            )
        kicks.kick_zones(queued.zones)
        if not queued.more:
            return _SHORT_PAUSE


class Schedule:
    """Does what is due again and again, whatever happens: each step returns the pause until it is done again.

    A worker queues; the API ends reviews, too: workers need no right to the audit.
    """

    def __init__(self, *steps: Callable[[], float]) -> None:
        self._steps = steps or (queue_due,)
        self._said = ""

    async def run(self) -> None:
        """Do so until it is cancelled."""
        while True:
            await asyncio.sleep(await run_to_the_end(self._step))

    def run_until(self, stop: Event) -> None:
        """Do so until `stop` is set."""
        while not stop.wait(self._step()):
            pass

    def _step(self) -> float:
        """Do every step; return the pause."""
        try:
            pause = min(step() for step in self._steps)
        except DATABASE_ERRORS as error:
            if (reason := cause(error)) != self._said:  # said once, not each second
                log.warning("due requests not queued: tried again until it works", error=reason)
            self._said = reason
            return _LONGEST_PAUSE
        except Exception:  # if this ended, no scheduled request would be applied
            log.exception("due requests not queued; tried again soon")
            return _LONGEST_PAUSE
        self._said = ""
        return pause
