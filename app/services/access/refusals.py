"""What was refused, for the audit: an entry for each principal now and then, however often he tries.

The first refusal of a principal is written at once; what follows within a minute is one more entry. So nobody
can fill the audit by what he may not do. Who is not known is one principal, from wherever he calls.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from app.core.database import transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.permissions import Caller, Grants, Principal
from app.services.access import audit

log = get_logger(__name__)

NOBODY = Principal("nobody known")  # who shows no good token
PERIOD = 60.0  # seconds between two entries about one principal
MOST = 1_000  # principals that are told apart at one time
_OTHERS = "others"
_MAX_WORDS = 500  # characters
_PAUSE = 1.0  # seconds until it is looked again what is to be written


@dataclass(slots=True)
class Refused:
    """What was refused to one principal since the last entry about him."""

    first: str  # why, in words
    code: str  # of the first
    address: str | None
    person: str | None  # who stands behind the principal
    since: datetime
    number: int = 1


class Refusals:
    """Counts refusals, and writes entries about them. Threads may note some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[str, Refused] = {}
        self._written: dict[str, float] = {}  # when the last entry about a principal was

    def note(
        self, who: Principal, code: str, words: str, address: str | None = None, number: int = 1
    ) -> None:
        """Note that something was refused, `number` times for this reason or others."""
        principal, person = who.name, who.person
        with self._lock:
            if principal not in self._waiting and len(self._waiting) >= MOST:
                principal, person = _OTHERS, None
            known = self._waiting.get(principal)
            if known is not None:
                known.number += number
            else:
                shown = words[:_MAX_WORDS].encode(errors="replace").decode().replace("\0", "")
                self._waiting[principal] = Refused(shown, code, address, person, datetime.now(UTC), number)

    async def run(self) -> None:
        """Write what is due, again and again, until it is cancelled; then what is left."""
        try:
            while True:
                await asyncio.sleep(_PAUSE)
                await run_to_the_end(self.write_due)
        finally:
            await run_to_the_end(lambda: self.write_due(everything=True))

    def write_due(self, *, everything: bool = False) -> None:
        """Write an entry for each principal about whom there was none for a while."""
        due = self._take_due(everything=everything)
        if not due:
            return
        try:
            with transaction() as session:
                for principal, refused in due.items():
                    named = Principal(principal, person=refused.person)
                    who = Caller(named, Grants(), address=refused.address)
                    after = {"first": refused.first, "number": refused.number, "since": str(refused.since)}
                    audit.note(session, who, "refused", refused.code, after=after)
        except DATABASE_ERRORS as error:
            log.warning("refusals not in the audit yet: the database failed", error=cause(error))
            self._put_back(due)

    def _take_due(self, *, everything: bool) -> Mapping[str, Refused]:
        now = self._clock()
        with self._lock:
            self._written = {who: at for who, at in self._written.items() if now - at < PERIOD}
            due = {who: each for who, each in self._waiting.items() if everything or who not in self._written}
            for principal in due:
                del self._waiting[principal]
                self._written[principal] = now
        return due

    def _put_back(self, due: Mapping[str, Refused]) -> None:
        with self._lock:
            for principal, refused in due.items():
                later = self._waiting.get(principal)
                refused.number += later.number if later else 0
                self._waiting[principal] = refused
