"""What was refused, for the audit: an entry for each principal now and then, however often he tries.

The first refusal of a principal is written at once; what follows within a minute is one more entry. So nobody
can fill the audit by what he may not do. Who is not known is one principal, from wherever he calls.

What admins change in the names of others is counted in the same way: it comes by the thousand, too.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from app.core import metrics
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
_REFUSED, _CHANGED = "refused", "requests_made_for_others"  # acts
_MAX_WORDS = 500  # characters
_PAUSE = 1.0  # seconds until it is looked again what is to be written


Key = tuple[str, str]  # an act, and the name of a principal


@dataclass(slots=True)
class Counted:
    """What one principal was refused, or has done, since the last entry about that."""

    first: str  # in words
    subject: str  # of the first: a code, or the id of a request
    address: str | None
    person: str | None  # who stands behind the principal
    since: datetime
    number: int = 1


class Refusals:
    """Counts refusals, and writes entries about them. Threads may note some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[Key, Counted] = {}
        self._written: dict[Key, float] = {}  # when the last entry of that kind was

    def note(
        self, who: Principal, code: str, words: str, address: str | None = None, number: int = 1
    ) -> None:
        """Note that something was refused, `number` times for this reason or others."""
        metrics.ACCESS_REFUSED.inc(number, code=code)
        self._count((_REFUSED, who.name), code, words, address, who.person, number)

    def note_change(
        self, who: Principal, request_id: str, words: str, address: str | None, number: int
    ) -> None:
        """Note that an admin has changed something in the names of others; of `number` requests the first."""
        self._count((_CHANGED, who.name), request_id, words, address, who.person, number)

    def _count(
        self, key: Key, subject: str, words: str, address: str | None, person: str | None, number: int
    ) -> None:
        with self._lock:
            if key not in self._waiting and len(self._waiting) >= MOST:
                key, person = (key[0], _OTHERS), None
            known = self._waiting.get(key)
            if known is not None:
                known.number += number
            else:
                shown = words[:_MAX_WORDS].encode(errors="replace").decode().replace("\0", "")
                self._waiting[key] = Counted(shown, subject, address, person, datetime.now(UTC), number)

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
                for (act, principal), each in due.items():
                    named = Principal(principal, person=each.person)
                    who = Caller(named, Grants(), address=each.address)
                    after = {"first": each.first, "number": each.number, "since": str(each.since)}
                    audit.note(session, who, act, each.subject, after=after)
        except DATABASE_ERRORS as error:
            log.warning(
                "what was counted is not in the audit yet: the database failed",
                error=cause(error),
            )
            self._put_back(due)

    def _take_due(self, *, everything: bool) -> Mapping[Key, Counted]:
        now = self._clock()
        with self._lock:
            self._written = {key: at for key, at in self._written.items() if now - at < PERIOD}
            due = {key: each for key, each in self._waiting.items() if everything or key not in self._written}
            for key in due:
                del self._waiting[key]
                self._written[key] = now
        return due

    def _put_back(self, due: Mapping[Key, Counted]) -> None:
        with self._lock:
            for key, counted in due.items():
                later = self._waiting.get(key)
                counted.number += later.number if later else 0
                self._waiting[key] = counted
