"""How many requests are open, and which transactions a count has seen."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

# The snapshot is in the statement: another statement would have another one.
_OPEN = text(
    """
    SELECT CAST(pg_current_snapshot() AS text) AS snapshot, account_id, number
      FROM (VALUES (0)) AS always LEFT JOIN (
        SELECT account_id, count(*) AS number
          FROM (SELECT account_id FROM dns_requests
                 WHERE finished_at IS NULL ORDER BY zone, seq LIMIT :most) AS open
         GROUP BY account_id) AS counted ON true
    """
)


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


class Count(NamedTuple):
    """How many requests are open, by account, and which transactions the count has seen."""

    by_account: Mapping[str, int]
    snapshot: Snapshot


def count_open(session: Session, most: int | None) -> Count:
    """Count the requests that are not settled yet; at most so many are looked at."""
    session.execute(text("SET LOCAL enable_seqscan = off"))  # statistics may be those of a burst
    rows = session.execute(_OPEN, {"most": most}).all()
    by_account = {row.account_id: row.number for row in rows if row.number is not None}
    return Count(by_account, Snapshot.parse(rows[0].snapshot))
