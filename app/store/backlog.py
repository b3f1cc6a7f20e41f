"""How many requests are open."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_OPEN = text(
    """
    SELECT account_id, count(*) AS number
      FROM (SELECT account_id FROM dns_requests
             WHERE finished_at IS NULL ORDER BY zone, seq LIMIT :most) AS open
     GROUP BY account_id
    """
)


def open_by_account(session: Session, most: int | None) -> dict[str, int]:
    """Return how many requests of each account are not settled yet, of at most so many that are looked at."""
    session.execute(text("SET LOCAL enable_seqscan = off"))  # statistics may be those of a burst
    return {row.account_id: row.number for row in session.execute(_OPEN, {"most": most})}
