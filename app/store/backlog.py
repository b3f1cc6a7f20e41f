"""How many requests are open, and which transactions a count has seen."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store import open_floor
from app.store.models import AWAITING, QUEUED, SCHEDULED, SINCE_FLOOR

# The snapshot is in the statement: another statement would have another one.
_OPEN = open_floor.statement(
    f"""
    SELECT CAST(pg_current_snapshot() AS text) AS snapshot, scheduled, account_id, number
      FROM (VALUES (0)) AS always LEFT JOIN (
        SELECT scheduled, account_id, count(*) AS number
          FROM (
            (SELECT account_id, false AS scheduled FROM dns_requests
              WHERE {QUEUED} AND {SINCE_FLOOR} ORDER BY zone, seq LIMIT :most)
            UNION ALL
            (SELECT account_id, true FROM dns_requests
              WHERE {SCHEDULED} AND {SINCE_FLOOR} ORDER BY not_before, seq LIMIT :most)
            UNION ALL
            (SELECT account_id, true FROM dns_requests
              WHERE {AWAITING} AND {SINCE_FLOOR} ORDER BY id LIMIT :most)) AS open
         GROUP BY scheduled, account_id) AS counted ON true
    """  # noqa: S608
)


_TRANSACTION = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


class Snapshot(NamedTuple):
    """Which transactions a statement sees: those that were committed when it began."""

    end: int = 0  # the first transaction that had not begun
    running: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, written: str) -> Self:
        """Return the snapshot that PostgreSQL writes as `xmin:xmax:xip,xip`."""
        _, end, running = written.split(":")
        return cls(int(end), frozenset(map(int, filter(None, running.split(",")))))

    def shows(self, transaction: int) -> bool:
        """Return whether what this transaction has committed is seen."""
        return transaction < self.end and transaction not in self.running


class Addition(NamedTuple):
    """Requests of one account that were accepted, and the transaction that stored them."""

    account: str
    transaction: int
    number: int = 1
    scheduled: bool = False


def transaction_number(session: Session) -> int:
    """Return the number of the session's transaction, as snapshots name it."""
    return int(session.execute(_TRANSACTION).scalar_one())


class Count(NamedTuple):
    """How many requests are open, by account, and which transactions the count has seen."""

    by_account: Mapping[str, int]  # without the scheduled ones
    scheduled: Mapping[str, int]  # or waiting for an approval
    snapshot: Snapshot


def count_open(session: Session, most: int | None) -> Count:
    """Count the requests that are not settled yet; at most so many of either kind are looked at."""
    session.execute(text("SET LOCAL enable_seqscan = off"))  # statistics may be those of a burst
    rows = session.execute(_OPEN, {"most": most, "open_from": open_floor.read(session)}).all()
    by_account = {row.account_id: row.number for row in rows if row.scheduled is False}
    scheduled = {row.account_id: row.number for row in rows if row.scheduled}
    return Count(by_account, scheduled, Snapshot.parse(rows[0].snapshot))
