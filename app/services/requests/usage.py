"""How much of their quotas accounts have used: requests of the last minute, and RRsets that are theirs."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from app.core.database import AnySession
from app.domain.quotas import Quotas
from app.store import quotas as store
from app.store.backlog import Addition, Snapshot

MINUTE = 60.0  # seconds
_MAX_AGE = 1.0  # seconds, of a count
_MOST_KNOWN = 10_000  # accounts
_AHEAD = 10.0  # seconds: an id that is of later than that was made before this clock was set back


@dataclass(slots=True)
class _Lately:
    """How many requests were accepted within the minute before a count, and here since."""

    at: float  # on the monotonic clock, as the next one
    room_at: float  # when the first of them is a minute old
    number: int
    limit: int  # beyond which it was not counted
    seen: Snapshot
    meanwhile: int = 0

    def is_good_for(self, number: int, limit: int, now: float) -> bool:
        """Return whether it tells enough to decide about so many more.

        Other processes accept requests, too: in the second half of the quota each call counts anew. Where all
        of it was used, it stays so until the first of those requests is a minute old.
        """
        if limit != self.limit:
            return False
        if self.number >= limit:
            return now < self.room_at
        return now - self.at <= _MAX_AGE and 2 * (self.number + self.meanwhile + number) <= limit


@dataclass(frozen=True, slots=True)
class _Owned:
    at: float  # on the monotonic clock
    number: int
    limit: int


class Usage:
    """What is counted when changes of accounts with such quotas come, and added up in between."""

    def __init__(self) -> None:
        self._lately: dict[str, _Lately] = {}
        self._owned: dict[str, _Owned] = {}

    def look(self, session: AnySession, asked: Mapping[str, int], quotas: Quotas) -> None:
        """Count what is used by these accounts, which ask for so many more, where that is not known."""
        now = time.monotonic()
        limits = {account: quotas.of(account) for account in asked}
        rates = {
            account: limit
            for account, quota in limits.items()
            if (limit := quota.requests_per_minute) and not self._knows(account, asked[account], limit, now)
        }
        if rates:
            self._count_lately(session, rates, now)
        owned = {
            account: limit
            for account, quota in limits.items()
            if (limit := quota.records) and not self._knows_owned(account, limit, now)
        }
        if owned:
            if len(self._owned) > _MOST_KNOWN:
                self._owned.clear()
            for account, number in store.count_owned(session, owned).items():
                self._owned[account] = _Owned(now, number, owned[account])

    def requests(self, account: str) -> int:
        """Return how many requests of the account were accepted within the last minute, if it has a limit."""
        known = self._lately.get(account)
        return known.number + known.meanwhile if known else 0

    def wait(self, account: str) -> int:
        """Return after how many seconds the first of them is a minute old."""
        known, now = self._lately.get(account), time.monotonic()
        return max(1, ceil(known.room_at - now)) if known else int(MINUTE)

    def records(self, account: str) -> int:
        """Return how many RRsets the account owns, if it has a limit: as many as that at most."""
        known = self._owned.get(account)
        return known.number if known else 0

    def add(self, accepted: Iterable[Addition]) -> None:
        """Count requests that were accepted just now."""
        for addition in accepted:
            known = self._lately.get(addition.account)
            if known is not None and not known.seen.shows(addition.transaction):
                known.meanwhile += addition.number

    def _knows(self, account: str, number: int, limit: int, now: float) -> bool:
        known = self._lately.get(account)
        return known is not None and known.is_good_for(number, limit, now)

    def _knows_owned(self, account: str, limit: int, now: float) -> bool:
        known = self._owned.get(account)
        return known is not None and known.limit == limit and now - known.at <= _MAX_AGE

    def _count_lately(self, session: AnySession, limits: Mapping[str, int], now: float) -> None:
        if len(self._lately) > _MOST_KNOWN:
            self._lately.clear()
        today = time.time()  # as ids have it
        found = store.count_between(session, limits, today - MINUTE, today + _AHEAD)
        for account, (number, first, seen) in found.items():
            room_at = now + min(MINUTE, first + MINUTE - today)
            self._lately[account] = _Lately(now, room_at, number, limits[account], seen)
