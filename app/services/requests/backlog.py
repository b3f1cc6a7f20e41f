"""The backlog: how many requests are open. From a limit on, no more are accepted until some are settled.

Scheduled requests are counted by themselves: they take no room from those that can be applied now.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from app.core.backoff import pause_after
from app.core.config import settings
from app.core.database import reading
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.errors import BacklogFull, Reason, quoted
from app.store import backlog as store

log = get_logger(__name__)

_INTERVAL = 1.0  # seconds between two counts, at least
_LONGEST_INTERVAL = 5.0  # seconds
_MAX_SHARE = 0.02  # of one processor of the database


class Addition(NamedTuple):
    """Requests of one account that were accepted, and the transaction that stored them."""

    account: str
    transaction: int
    number: int = 1
    scheduled: bool = False


class Backlog:
    """The numbers of open requests, in all and by account: counted now and then, and added up in between.

    No call waits for a count: it takes a tenth of a second for 200,000 requests.
    Nothing is counted twice: what is added is left out where the count has seen its transaction. What other
    processes have accepted since the last count is not known: the limits are soft.
    """

    def __init__(self) -> None:
        self.limit = settings().backlog_limit
        self.limit_per_account = settings().backlog_limit_per_account
        self._by_account: Counter[str] = Counter()
        self._scheduled: Counter[str] = Counter()
        self._all_scheduled = 0
        self._seen = store.Snapshot()  # by the last count
        self._meanwhile: list[Addition] | None = None  # accepted here since the count began that goes on
        self.open = 0  # in all, roughly; without the scheduled ones

    @property
    def full(self) -> bool:
        """Whether nothing is accepted from anybody now."""
        return bool(self.limit) and self.open >= self.limit

    def has_room(self, number: int, accounts: Collection[str]) -> bool:
        """Return whether so many requests can be accepted, whichever of these accounts has how many."""
        if self.limit and max(self.open, self._all_scheduled) + number > self.limit:
            return False
        limit = self.limit_per_account
        return not limit or all(
            max(self._by_account[account], self._scheduled[account]) + number <= limit for account in accounts
        )

    def room(self) -> "Room":
        """Return the room that is left now, for the requests of one call."""
        return Room(self)

    def refusal(self, account: str, scheduled: bool, taken: "Room") -> BacklogFull | None:
        """Return why nothing more is accepted from this account after what is taken; None when something is.

        What is to be scheduled needs room in both: or else an account could schedule again and again what is
        due a minute later, while nothing is applied.
        """
        if self.limit and (total := self.open + taken.all_open) >= self.limit:
            return BacklogFull("open in all", total, self.limit)
        number = self._by_account[account] + taken.open[account]
        if self.limit_per_account and number >= self.limit_per_account:
            return BacklogFull("open of this account", number, self.limit_per_account)
        return self._refusal_to_schedule(account, taken) if scheduled else None

    def why_never(self, asked: Iterable[tuple[str, bool]]) -> Iterator[Reason]:
        """Yield the reasons why these requests can't be accepted together, even when nothing else is open.

        Each is given by its account, and whether it is to be scheduled.
        """
        accounts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        for account, scheduled in asked:
            accounts[scheduled][account] += 1
        for numbers in accounts.values():
            if self.limit and (total := numbers.total()) > self.limit:
                yield _never("in all", total, self.limit)
            for account, number in numbers.items():
                if self.limit_per_account and number > self.limit_per_account:
                    yield _never(f"of the account {quoted(account)}", number, self.limit_per_account)

    def _refusal_to_schedule(self, account: str, taken: "Room") -> BacklogFull | None:
        if self.limit and (total := self._all_scheduled + taken.all_scheduled) >= self.limit:
            return BacklogFull("scheduled in all", total, self.limit)
        number = self._scheduled[account] + taken.scheduled[account]
        if self.limit_per_account and number >= self.limit_per_account:
            return BacklogFull("scheduled of this account", number, self.limit_per_account)
        return None

    def add(self, accepted: Iterable[Addition]) -> None:
        """Count requests that were accepted just now."""
        new = [addition for addition in accepted if not self._seen.shows(addition.transaction)]
        for addition in new:
            if addition.scheduled:
                self._scheduled[addition.account] += addition.number
                self._all_scheduled += addition.number
            else:
                self._by_account[addition.account] += addition.number
                self.open += addition.number
        if self._meanwhile is not None:
            self._meanwhile += new

    async def run(self) -> None:
        """Count again and again, until it is cancelled."""
        while self.limit or self.limit_per_account:
            began = time.monotonic()
            try:
                await self.count()
            except DATABASE_ERRORS as error:
                log.warning("open requests not counted: the last count stays", error=cause(error))
            took = time.monotonic() - began
            await asyncio.sleep(pause_after(took, _MAX_SHARE, least=_INTERVAL, longest=_LONGEST_INTERVAL))

    async def count(self) -> None:
        """Count the open requests."""
        self._meanwhile = meanwhile = list[Addition]()
        try:
            by_account, scheduled, self._seen = await run_to_the_end(lambda: _count(self.limit or None))
        finally:
            self._meanwhile = None
        self._by_account, self._scheduled = Counter(by_account), Counter(scheduled)
        self.open, self._all_scheduled = self._by_account.total(), self._scheduled.total()
        self.add(meanwhile)


class Room:
    """What the requests of one call take of the room that is left, one after the other."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self.open: Counter[str] = Counter()
        self.scheduled: Counter[str] = Counter()
        self.all_open = self.all_scheduled = 0

    def take(self, account: str, *, scheduled: bool) -> BacklogFull | None:
        """Take the room of one request; return why there is none, None when there was."""
        why = self._backlog.refusal(account, scheduled, self)
        if why is None and scheduled:
            self.scheduled[account] += 1
            self.all_scheduled += 1
        elif why is None:
            self.open[account] += 1
            self.all_open += 1
        return why


def _never(whose: str, number: int, limit: int) -> Reason:
    message = (
        f"{number} requests {whose} are accepted together or not at all, and at most {limit} may be open:"
        " send them in smaller parts"
    )
    return Reason(("requests",), "atomic_over_backlog", message)


def _count(most: int | None) -> store.Count:
    with reading() as session:
        return store.count_open(session, most)
