"""The backlog: how many requests are open, and what else accounts have of what they may.

From a limit on, no more requests are accepted until some are settled: from nobody, or from one account.

Scheduled requests, and those that wait for an approval, are counted by themselves: they take no room from
those that can be applied now.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from app.core.backoff import pause_after
from app.core.config import settings
from app.core.database import AnySession, reading
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.errors import (
    BacklogFull,
    OpenRequestsExceeded,
    QuotaExceeded,
    Reason,
    RecordsExceeded,
    RequestsExceeded,
    quoted,
)
from app.domain.ownership import OwnedRRset
from app.domain.quotas import Quota, Quotas
from app.services.access.quotas import default_quota
from app.services.requests.usage import Usage
from app.store import backlog as store
from app.store.backlog import Addition

log = get_logger(__name__)

_INTERVAL = 1.0  # seconds between two counts, at least
_LONGEST_INTERVAL = 5.0  # seconds
_MAX_SHARE = 0.02  # of one processor of the database

Refusal = BacklogFull | QuotaExceeded


class AccountUsage(NamedTuple):
    """What an account may have, and by the names of these limits how much it has."""

    quota: Quota
    used: Mapping[str, int]


class Backlog:
    """The numbers of open requests, in all and by account: counted now and then, and added up in between.

    What else accounts may have, by their quotas, is decided here, too.

    No call waits for a count: it takes a tenth of a second for 200,000 requests.
    Nothing is counted twice: what is added is left out where the count has seen its transaction. What other
    processes have accepted since the last count is not known: the limits are soft.
    """

    def __init__(self, quotas: Callable[[], Quotas] | None = None) -> None:
        """`quotas` tells those of now; without it the defaults count."""
        defaults = Quotas(default_quota())
        self.limit = settings().backlog_limit
        self._quotas = quotas or (lambda: defaults)
        self.usage = Usage()
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

    def quota(self, account: str) -> Quota:
        """Return the quota of the account."""
        return self._quotas().of(account)

    def open_of(self, account: str) -> int:
        """Return how many requests of the account are open, roughly; with the scheduled ones."""
        return self._by_account[account] + self._scheduled[account]

    def usage_of(self, session: AnySession, accounts: Iterable[str]) -> dict[str, AccountUsage]:
        """Return what each account may have, and how much of that it has, where there is a limit."""
        asked = dict.fromkeys(accounts, 0)
        self.look(session, asked)
        return {account: AccountUsage(self.quota(account), self._used(account)) for account in asked}

    def _used(self, account: str) -> Mapping[str, int]:
        quota, used = self.quota(account), {"open_requests": self.open_of(account)}
        if quota.records:
            used["records"] = self.usage.records(account)
        if quota.requests_per_minute:
            used["requests_per_minute"] = self.usage.requests(account)
        return used

    def look(self, session: AnySession, asked: Mapping[str, int]) -> None:
        """Find out what accounts with quotas have used, of which so many changes come."""
        quotas = self._quotas()
        if quotas.any_measured:
            self.usage.look(session, asked, quotas)

    def has_room(self, asked: Counter[str]) -> bool:
        """Return whether so many requests of each account can be accepted, whatever they are."""
        if self.limit and max(self.open, self._all_scheduled) + asked.total() > self.limit:
            return False
        return all(self._has_room_for(account, number) for account, number in asked.items())

    def _has_room_for(self, account: str, number: int) -> bool:
        quota = self.quota(account)
        most = quota.open_requests
        if most and max(self._by_account[account], self._scheduled[account]) + number > most:
            return False
        most = quota.requests_per_minute
        return (not most or self.usage.requests(account) + number <= most) and self.may_make(account, number)

    def may_make(self, account: str, number: int) -> bool:
        """Return whether so many RRsets of the account can be made, whatever its open requests make."""
        most = self.quota(account).records
        return not most or self.usage.records(account) + self.open_of(account) + number <= most

    def room(self) -> "Room":
        """Return the room that is left now, for the requests of one call."""
        return Room(self)

    def refusal(self, account: str, scheduled: bool, taken: "Room") -> Refusal | None:
        """Return why nothing more is accepted from this account after what is taken; None when something is.

        What is to be scheduled needs room in both: or else an account could schedule again and again what is
        due a minute later, while nothing is applied.
        """
        if self.limit and self.open + taken.all_open >= self.limit:
            return BacklogFull("open in all", self.limit)
        quota = self.quota(account)
        number = self._by_account[account] + taken.open[account]
        if quota.open_requests and number >= quota.open_requests:
            return OpenRequestsExceeded(account, number, quota.open_requests)
        number = self.usage.requests(account) + taken.open[account] + taken.scheduled[account]
        if quota.requests_per_minute and number >= quota.requests_per_minute:
            return RequestsExceeded(account, quota.requests_per_minute, self.usage.wait(account))
        return self._refusal_to_schedule(account, taken) if scheduled else None

    def refusal_to_make(self, account: str, made: int) -> RecordsExceeded | None:
        """Return why the account may own no more RRsets than it has and these; None: it may."""
        if self.may_make(account, made + 1):
            return None
        owned, waiting = self.usage.records(account), self.open_of(account) + made
        return RecordsExceeded(account, owned, waiting, self.quota(account).records)

    def why_never(self, asked: Iterable[tuple[str, bool]]) -> Iterator[Reason]:
        """Yield the reasons why these requests can't be accepted together, even when nothing else is open.

        Each is given by its account, and whether it is to be scheduled.
        """
        asked = list(asked)
        for account, number in Counter(account for account, _ in asked).items():
            most = self.quota(account).requests_per_minute
            if most and number > most:
                yield _over_quota(account, f"{number} requests", f"{most} a minute")
        accounts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        for account, scheduled in asked:
            accounts[scheduled][account] += 1
        for numbers in accounts.values():
            if self.limit and (total := numbers.total()) > self.limit:
                yield _never("in all", total, self.limit)
            for account, number in numbers.items():
                most = self.quota(account).open_requests
                if most and number > most:
                    yield _never(f"of the account {quoted(account)}", number, most)

    def why_never_made(self, made: Mapping[str, int]) -> Iterator[Reason]:
        """Yield the reasons why accounts can't make so many RRsets together, even if they owned none."""
        for account, number in made.items():
            most = self.quota(account).records
            if most and number > most:
                yield _over_quota(account, f"{number} new RRsets", f"{most} in all")

    def _refusal_to_schedule(self, account: str, taken: "Room") -> Refusal | None:
        if self.limit and self._all_scheduled + taken.all_scheduled >= self.limit:
            return BacklogFull("scheduled, or to be approved, in all", self.limit)
        number = self._scheduled[account] + taken.scheduled[account]
        most = self.quota(account).open_requests
        full = most and number >= most
        return OpenRequestsExceeded(account, number, most, "scheduled, or to be approved") if full else None

    def add(self, accepted: Iterable[Addition]) -> None:
        """Count requests that were accepted just now."""
        accepted = list(accepted)
        self.usage.add(accepted)
        self._add_open(accepted)

    def _add_open(self, accepted: Iterable[Addition]) -> None:
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
        while True:
            began = time.monotonic()
            quotas = self._quotas()
            try:
                if self.limit or quotas.any_open or quotas.any_measured:
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
        self._add_open(meanwhile)


class Room:
    """What the requests of one call take of the room that is left, one after the other."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self.open: Counter[str] = Counter()
        self.scheduled: Counter[str] = Counter()
        self.all_open = self.all_scheduled = 0
        self._made: dict[str, set[OwnedRRset]] = {}

    def take(self, account: str, *, scheduled: bool, makes: OwnedRRset | None = None) -> Refusal | None:
        """Take the room of one request; return why there is none, None when there was.

        `makes` is the RRset that the request makes, where that may be too many for its account.
        """
        why = self._backlog.refusal(account, scheduled, self)
        if why is None and makes is not None and makes not in self._made.setdefault(account, set()):
            made = self._made[account]
            why = self._backlog.refusal_to_make(account, len(made))
            if why is None:
                made.add(makes)
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


def _over_quota(account: str, asked: str, limit: str) -> Reason:
    message = (
        f"{asked} of the account {quoted(account)} are accepted together or not at all, and its quota is"
        f" {limit}: send them in smaller parts"
    )
    return Reason(("requests",), "atomic_over_quota", message)


def _count(most: int | None) -> store.Count:
    with reading() as session:
        return store.count_open(session, most)
