"""What has become of the requests of the last hours, minute by minute."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from app.store import stats as store
from app.store.request_lists import id_at
from app.store.stats import Fates, Span

_AGE = 2.0  # seconds for which a step is good at least
_AGE_SHARE = 0.05  # of the time since the step ended: the longer ago, the less still changes
_FINE_HOURS = 3  # up to which a step is a minute
_MINUTE, _FIVE_MINUTES = 60, 300
_SAMPLE = 500  # requests of one step that are looked at
_AT_ONCE = 30  # steps in one statement
_BUDGET = 0.5  # seconds for one look; what is missing then comes with the next one


@dataclass(frozen=True, slots=True)
class Moment:
    """What has become of the requests that were accepted from `at` on, for a minute, or five."""

    at: datetime
    accepted: int
    succeeded: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class _Known:
    read_at: float  # seconds since 1970
    fates: Fates


class History:
    """The last hours, of all accounts or of some; what was read is kept, and read again now and then."""

    def __init__(self, accounts: Collection[str] | None) -> None:
        self._accounts = accounts
        self._known: dict[tuple[int, int], _Known] = {}  # by length and begin of the step

    def look(self, session: Session, hours: int) -> list[Moment]:
        """Return the steps of the last hours, the oldest first; without old ones that are not read yet."""
        now = time.time()
        length = _MINUTE if hours <= _FINE_HOURS else _FIVE_MINUTES
        last = int(now // length) * length
        begins = range(last, last - hours * 3600, -length)
        self._read(session, length, [begin for begin in begins if self._is_stale(length, begin, now)])
        for key in [key for key in self._known if key[1] < now - 49 * 3600]:
            del self._known[key]
        return [
            Moment(datetime.fromtimestamp(begin, UTC), *self._known[length, begin].fates)
            for begin in reversed(begins)
            if (length, begin) in self._known
        ]

    def _is_stale(self, length: int, begin: int, now: float) -> bool:
        known = self._known.get((length, begin))
        if known is None:
            return True
        return now - known.read_at >= max(_AGE, _AGE_SHARE * (known.read_at - begin - length))

    def _read(self, session: Session, length: int, begins: Sequence[int]) -> None:
        began = time.monotonic()
        for start in range(0, len(begins), _AT_ONCE):
            part = begins[start : start + _AT_ONCE]
            found = store.fates(session, spans(part, length), _SAMPLE, self._accounts)
            read_at = time.time()
            for begin, fates in zip(part, found, strict=True):
                self._known[length, begin] = _Known(read_at, fates)
            if time.monotonic() - began > _BUDGET:
                return


def spans(begins: Sequence[float], length: float) -> list[Span]:
    """Return the ids of requests that are accepted from each of these times on, for `length` seconds."""
    return [
        Span(*(id_at(datetime.fromtimestamp(at, UTC), 0) for at in (begin, begin + length)))
        for begin in begins
    ]
