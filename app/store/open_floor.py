"""The floor of open work: no request with a lower id is open, so PostgreSQL leaves out older partitions.

Ids begin with the time of acceptance. A statement about open requests says `id >= :open_from`: without that
it would plan, and lock, each partition and each of its indexes.

The floor is the beginning of a partition. What is about to become the floor is noted a day before, and
whoever opens an older request again lowers both: so nobody raises the floor above what is being opened.
"""

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, TextClause, text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.core.partitioning import FIRST, LAST, id_at, list_partitions
from app.store.literals import with_literals

DELAY = timedelta(days=1)  # nothing below the floor was open for so long
_TABLE = "dns_requests"
_KEPT_FOR = 1.0  # seconds for which a process remembers it; an old one is too low, or about to be found

_READ = text("SELECT floor FROM dns_open_floor")
_LOWER = text(
    """
    UPDATE dns_open_floor SET floor = least(floor, :lowest), next_floor = least(next_floor, :lowest)
     WHERE floor > :lowest OR next_floor > :lowest
    """
)
_NEXT = text(
    """
    SELECT next_floor, coalesce(
           next_floor_at <= clock_timestamp() - make_interval(secs => :delay), true) AS is_due
      FROM dns_open_floor
    """
)
_RAISE = text(
    """
    UPDATE dns_open_floor
       SET floor = CASE WHEN next_floor IS NULL THEN floor
                        ELSE greatest(floor, least(next_floor, CAST(:found AS uuid))) END,
           next_floor = :found,
           next_floor_at = clock_timestamp()
     WHERE next_floor IS NOT DISTINCT FROM CAST(:expected AS uuid)
    """
)
_known: WeakKeyDictionary[Engine, tuple[float, UUID]] = WeakKeyDictionary()


def statement(sql: str) -> TextClause:
    """Return a statement about open requests, into whose text `:open_from` is written."""
    return with_literals(sql, "open_from")


def read(session: AnySession) -> UUID:
    """Return the floor, as it was a second ago at most."""
    at, floor = _known.get(_engine(session), (0.0, FIRST))
    now = time.monotonic()
    if now - at > _KEPT_FOR or not at:
        floor = exact(session)
        note(session, floor, now)
    return floor


def note(session: AnySession, floor: UUID | None, asked_at: float) -> None:
    """Let this process go by the floor that somebody was told who asked then, on the monotonic clock."""
    _known[_engine(session)] = (asked_at, floor or FIRST)


def _engine(session: AnySession) -> Engine:
    return session.engine if not isinstance(session, Session) else session.connection().engine


def exact(session: AnySession) -> UUID:
    """Return the floor as it is now."""
    floor: UUID | None = session.execute(_READ).scalar()
    return floor or FIRST


def lower(session: AnySession, opened: Collection[UUID]) -> None:
    """Lower the floor for requests that are about to be open again."""
    if opened:
        session.execute(_LOWER, {"lowest": min(opened)})


def mend(session: AnySession) -> UUID | None:
    """Lower the floor where an older request is open after all; return its id.

    The clock of who accepted it was wrong, or somebody has opened it by hand. Looks at one partition after
    the other: in autocommit mode, no lock is kept.
    """
    floor = exact(session)
    older = [each.name for each in list_partitions(session, _TABLE) if each.first < floor]
    found = [oldest_open(session, name, floor) for name in (*older, f"{_TABLE}_default") if floor > FIRST]
    opened = [each for each in found if each is not None]
    lower(session, opened)
    return min(opened, default=None)


def raise_when_due(session: AnySession, now: datetime) -> None:
    """Let what was noted a day ago become the floor, and note what is to be the next one."""
    row = session.execute(_NEXT, {"delay": DELAY.total_seconds()}).one_or_none()
    if row is None or not row.is_due:
        return
    found, latest = exact(session), id_at(now - DELAY)
    for each in list_partitions(session, _TABLE):
        if each.end > found:
            if each.end > latest or oldest_open(session, each.name) is not None:
                break
            found = each.end
    # What a wrong clock has brought is in the default partition: `mend` has lowered the floor to that.
    found = oldest_open(session, f"{_TABLE}_default", found) or found
    session.execute(_RAISE, {"expected": row.next_floor, "found": found})


def oldest_open(session: AnySession, partition: str, below: UUID = LAST) -> UUID | None:
    """Return the oldest open request of a partition below that id."""
    oldest = text(
        f"SELECT id FROM {partition} WHERE finished_at IS NULL AND id < :below ORDER BY id LIMIT 1"  # noqa: S608
    )
    found: UUID | None = session.execute(oldest, {"below": below}).scalar()
    return found
