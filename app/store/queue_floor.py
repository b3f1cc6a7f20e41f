"""The floor of a zone's queue, for the statements that change its lease: no open request is below it.

What was settled stays in the index of open requests as long as somebody holds an older snapshot. Who looks
for work begins at the floor, and so does not go past that.

A claim marks the place behind the last request that it has claimed, as far as that place was given out
before the claim's transaction got its number. Whoever has got an earlier place had the number of his own by
then: what is accepted locks its zone first, what is queued again its own row. So when all transactions with
lower numbers than the claim's have ended, all that has an earlier place can be seen, and the floor is the
mark, or the oldest request that is open before it. The end of the hold, or else the next claim, sees to that.
Where somebody writes for long, it is FLOOR_DELAY that has to pass.

The end of the claim's snapshot would not do: transactions that run may have higher numbers.
"""

from app.store.models import QUEUED, SEES_ALL, SINCE_FLOOR

FLOOR_DELAY = 60.0  # seconds: a request is committed that long after it has got its `seq`, or never

# A process of the release before makes `next_floor` the floor as it is: that is the oldest open request. The
# mark is beside it, with the number of the transaction that has made it, and counts while it is of that one.
_NOTED = """
    coalesce(CASE WHEN lease.next_floor_seen[2] = lease.next_floor THEN lease.next_floor_seen[3] END,
             lease.next_floor)"""
_IS_DUE = """
    (lease.next_floor_at <= clock_timestamp() - make_interval(secs => :delay)
     OR lease.next_floor_seen[2] = lease.next_floor
        AND lease.next_floor_seen[1]
            <= CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)) IS TRUE"""
_OWN_NUMBER = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
_MARK = """
    CASE WHEN :marks THEN greatest(lease.seq_floor, least(CAST(:last AS bigint) + 1, :places_end))
         ELSE lease.seq_floor END"""
_COLUMNS = "(seq_floor, next_floor, next_floor_at, next_floor_seen)"


def _turn(due: str) -> str:
    """Return the rows of a subquery: whether it is `due`, what was noted, and the oldest open request."""
    return f"""
        (SELECT due, noted, CASE WHEN due THEN (
                    SELECT seq FROM dns_requests
                     WHERE zone = :zone AND {QUEUED} AND seq >= lease.seq_floor AND {SINCE_FLOOR}
                     ORDER BY seq LIMIT 1) END AS oldest
           FROM (SELECT ({due}) AND {SEES_ALL} AS due, {_NOTED} AS noted OFFSET 0) AS mark OFFSET 0
        ) AS turn"""  # noqa: S608


_FLOOR = "CASE WHEN due AND noted IS NOT NULL THEN least(noted, oldest) ELSE lease.seq_floor END"

# Both are parts of `UPDATE dns_zone_leases AS lease SET …`.
AFTER_CLAIM = f"""
    {_COLUMNS} = (
        SELECT {_FLOOR},
               CASE WHEN due THEN oldest ELSE lease.next_floor END,
               CASE WHEN due THEN clock_timestamp() ELSE lease.next_floor_at END,
               CASE WHEN due THEN ARRAY[{_OWN_NUMBER}, oldest, {_MARK}]
                    ELSE lease.next_floor_seen END
          FROM {_turn(f"lease.next_floor_at IS NULL OR {_IS_DUE}")})
"""  # noqa: S608
AT_RELEASE = f"""
    {_COLUMNS} = (
        SELECT {_FLOOR},
               CASE WHEN NOT due THEN lease.next_floor END,
               CASE WHEN NOT due THEN lease.next_floor_at END,
               CASE WHEN NOT due THEN lease.next_floor_seen END
          FROM {_turn(_IS_DUE)})
"""  # noqa: S608
