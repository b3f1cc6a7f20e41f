"""The backlog: how many requests are open. From a limit on, no more are accepted until some are settled."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from app.core.backoff import pause_after
from app.core.config import settings
from app.core.database import reading
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.errors import BacklogFull
from app.store import backlog as store

log = get_logger(__name__)

_INTERVAL = 1.0  # seconds between two counts, at least
_LONGEST_INTERVAL = 5.0  # seconds
_MAX_SHARE = 0.05  # of one processor of the database


class Backlog:
    """The numbers of open requests, in all and by account: counted now and then, and added up in between.

    No call waits for a count: it takes a tenth of a second for 200,000 requests.
    What other processes have accepted since the last count is not known: the limits are soft.
    """

    def __init__(self) -> None:
        self.limit = settings().backlog_limit
        self.limit_per_account = settings().backlog_limit_per_account
        self._counted: Mapping[str, int] = {}
        self._added: Counter[str] = Counter()  # accepted here since the last count
        self.open = 0  # in all, roughly

    @property
    def full(self) -> bool:
        """Whether nothing is accepted from anybody now."""
        return bool(self.limit) and self.open >= self.limit

    def refusal(self, account: str) -> BacklogFull | None:
        """Return why nothing more is accepted from this account now; None when something is."""
        if self.full:
            return BacklogFull("in all", self.open, self.limit)
        number = self._counted.get(account, 0) + self._added[account]
        if self.limit_per_account and number >= self.limit_per_account:
            return BacklogFull("of this account", number, self.limit_per_account)
        return None

    def add(self, accounts: Sequence[str]) -> None:
        """Count requests that were accepted just now, each by its account."""
        self._added.update(accounts)
        self.open += len(accounts)

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
        before = self._added.copy()
        self._counted = await run_to_the_end(lambda: _count(self.limit or None))
        self._added -= before
        self.open = sum(self._counted.values()) + self._added.total()


def _count(most: int | None) -> dict[str, int]:
    with reading() as session:
        return store.open_by_account(session, most)
