"""Requests that keep PTR records, and those for whose addresses they do."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.change import Action, Via
from app.domain.lifecycle import OPEN, Status, words
from app.domain.ptr import LastPtr, Standing
from app.domain.reverse import Place
from app.domain.settlement import APPLIED_AND_FAILED
from app.store import partitions
from app.store.literals import in_text
from app.store.models import Request

# An index that has never had an entry has one page, which says so. No partition is planned for, or locked.
_ANY = text(
    """
    SELECT coalesce(bool_or(pg_relation_size(index) > CAST(current_setting('block_size') AS bigint)), false)
      FROM (SELECT inhrelid AS index FROM pg_inherits WHERE inhparent = to_regclass('ix_dns_requests_ptr')
            UNION ALL SELECT to_regclass('ix_dns_requests_ptr')) AS every
    """
)
# The limit keeps this one look-up for each name.
_WITH_PTRS = text(
    """
    SELECT wanted.name
      FROM unnest(CAST(:names AS text[])) AS wanted (name)
     CROSS JOIN LATERAL (
        SELECT FROM dns_requests
         WHERE ptr_of IS NOT NULL AND rdata = ARRAY[wanted.name || '.'] LIMIT 1) AS made
    """
)


class Asker(NamedTuple):
    """Who has asked for a request, and from where."""

    source: str
    via: Via


# The last request that counts for each name in a zone: it will be applied, or has changed the RRset. One that
# is scheduled, or waits for an approval, may come to nothing.
_LAST = text(
    f"""
    SELECT last.*
      FROM unnest(CAST(:zones AS text[]), CAST(:names AS text[])) AS wanted (zone, name)
     CROSS JOIN LATERAL (
        SELECT zone, name, action, rdata, ttl, ptr_of
          FROM dns_requests AS request
         WHERE request.name = wanted.name AND request.zone = wanted.zone AND record_type = 'PTR'
           AND (status IN ({words(set(OPEN) - {Status.SCHEDULED, Status.AWAITING_APPROVAL})})
                OR status = '{Status.SUCCEEDED}' AND (before IS NULL OR before IS DISTINCT FROM after)
                OR error_code = ANY(:applied))
         ORDER BY seq DESC LIMIT 1) AS last
    """  # noqa: S608
)


def last_ptrs(session: AnySession, places: Collection[Place]) -> dict[Place, LastPtr]:
    """Return what the last request that counts has asked of each of these PTR RRsets."""
    wanted = {"zones": [place.zone for place in places], "names": [place.name for place in places]}
    found = session.execute(_LAST, {**wanted, "applied": list(APPLIED_AND_FAILED)})
    return {
        Place(row.zone, row.name): LastPtr(
            row.rdata[0] if row.ptr_of and row.rdata else None,
            row.ttl,
            row.ptr_of,
            row.action == Action.DELETE,
        )
        for row in found
    }


def standing(session: AnySession, places: Collection[Place]) -> dict[Place, Standing]:
    """Return what the last request for each of these PTR RRsets has made of it, or will."""
    last = last_ptrs(session, places)
    return {place: Standing(each.target, each.ttl) for place, each in last.items() if not each.removed}


def with_ptrs(session: AnySession, names: Collection[str]) -> set[str]:
    """Return those of the owner names for which a PTR was ever made.

    Where nobody has ever asked for any, this is one look-up for all of them.
    """
    if not session.scalar(_ANY):
        return set()
    return set(session.scalars(_WITH_PTRS, {"names": list(names)}))


def askers(session: Session, ids: Collection[UUID]) -> dict[UUID, Asker]:
    """Return who has asked for each of these requests."""
    found = session.execute(select(Request.id, Request.source, Request.via).where(Request.id.in_(ids)))
    return {row.id: Asker(row.source, row.via) for row in found}


def requests_of(session: Session, request_id: UUID, finished_at: datetime | None) -> list[UUID]:
    """Return the requests that keep the PTRs of a request's addresses, oldest first.

    They were made before it was finished, or a little later.
    """
    lowest, highest = map(in_text, partitions.lifetime(request_id, finished_at))
    made = select(Request.id).where(Request.ptr_of == request_id, Request.id.between(lowest, highest))
    return list(session.scalars(made.order_by(Request.id)))
