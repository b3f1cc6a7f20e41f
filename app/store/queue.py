"""The work of one zone: claim it, and write each request's fate. Every call needs the zone's lease."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from app.domain.change import Action, Change
from app.domain.settlement import Fate
from app.store.leases import Lease

# Joined, so that each is found by its id: the planner would rather look through all that is open in the zone.
_CLAIM = text(
    """
    WITH claimed AS (
        UPDATE dns_requests r
           SET status = 'running', attempts = attempts + 1, run_id = :run_id, lease_token = :token,
               started_at = coalesce(started_at, clock_timestamp())
          FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
         WHERE r.id = wanted.id AND r.status = 'pending'
        RETURNING r.id, r.attempts
    ), logged AS (
        INSERT INTO dns_request_events (request_id, run_id, status, message)
        SELECT id, :run_id, 'running',
               CAST(:message AS text) || CASE WHEN attempts > 1 THEN ', attempt ' || attempts ELSE '' END
          FROM claimed
    )
    SELECT id FROM claimed
    """
)

_SETTLE = text(
    """
    WITH fate AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (
               id uuid, status text, message text, code text, lost boolean)
    ), settled AS (
        UPDATE dns_requests r
           SET status = fate.status,
               error_code = fate.code,
               error_message = CASE WHEN fate.code IS NOT NULL THEN fate.message END,
               lost_runs = r.lost_runs + fate.lost::int,
               verify_by = CASE WHEN fate.status = 'verifying'
                           THEN coalesce(r.verify_by, clock_timestamp() + make_interval(secs => :deadline))
                           END,
               check_at = CASE WHEN fate.status = 'verifying'
                          THEN clock_timestamp() + make_interval(secs => :pause) END,
               verified_at = CASE WHEN fate.status = 'succeeded' THEN clock_timestamp() END,
               finished_at = CASE WHEN fate.status IN ('succeeded', 'failed') THEN clock_timestamp() END
          FROM fate
         WHERE r.id = fate.id
        RETURNING r.id, r.run_id, fate.status, fate.message
    )
    INSERT INTO dns_request_events (request_id, run_id, status, message)
    SELECT id, run_id, status, message FROM settled
    """
)


@dataclass(frozen=True, slots=True)
class Item:
    """A request on a worker's table: what it asks for, and what its past means for the next step."""

    seq: int
    change: Change
    account_id: str
    lost_runs: int
    overdue: bool  # the deadline of its verification has passed

    @property
    def id(self) -> UUID:
        """The request's id."""
        return self.change.request_id


# As text: what SQLAlchemy takes to put a statement together is much of what it takes to claim a request.
_ITEMS = """
    SELECT id, action, zone, name, record_type, ttl, rdata,
           resource ->> 'comment', resource #> '{config,extra_config}',
           seq, account_id, lost_runs, coalesce(verify_by <= clock_timestamp(), false)
      FROM dns_requests
     WHERE zone = :zone AND finished_at IS NULL
"""
_PENDING = text(f"{_ITEMS} AND status = 'pending' ORDER BY seq LIMIT :limit")
_ORPHANS = text(f"{_ITEMS} AND status = 'running' AND lease_token < :token ORDER BY seq")
_VERIFYING = text(
    f"""
    {_ITEMS} AND status = 'verifying'
       AND (name = ANY(:names)
            OR name IN (SELECT name FROM dns_requests
                         WHERE zone = :zone AND finished_at IS NULL AND status = 'verifying'
                           AND check_at <= clock_timestamp()))
     ORDER BY lease_token, run_id, seq
    """  # noqa: S608
)


def pending(session: Session, zone: str, limit: int) -> list[Item]:
    """The zone's pending requests in the order of their acceptance."""
    return _items(session, _PENDING, zone=zone, limit=limit)


def claim(session: Session, lease: Lease, ids: Sequence[UUID], run_id: UUID, message: str) -> set[UUID]:
    """Mark them as running in this run; those that were cancelled meanwhile are left out."""
    parameters = {
        "ids": list(ids),
        "run_id": run_id,
        "token": lease.token,
        "message": message,
    }
    return set(session.scalars(_CLAIM, parameters))


def orphans(session: Session, lease: Lease) -> list[Item]:
    """What an earlier holder of the lease left running: applied or not, nobody knows."""
    return _items(session, _ORPHANS, zone=lease.zone, token=lease.token)


def verifying(session: Session, zone: str, names: Iterable[str]) -> list[Item]:
    """Requests that wait for the servers' answer: those that are due, and all at these or the same names.

    An RRset is judged by all that was asked of it, so its requests are judged together, in the order in which
    they were applied. That is not always the order of `seq`: a long batch may be committed after a later one.
    """
    return _items(session, _VERIFYING, zone=zone, names=list(names))


def _items(session: Session, statement: TextClause, **parameters: object) -> list[Item]:
    return [_item(tuple(row)) for row in session.execute(statement, parameters)]


def _item(row: tuple[Any, ...]) -> Item:
    request_id, action, zone, name, kind, ttl, rdata, comment, extra, seq, account, lost, overdue = row
    change = Change(request_id, Action(action), zone, name, kind, ttl, tuple(rdata), comment, extra or {})
    return Item(seq, change, account, lost, overdue)


def settle(session: Session, fates: Mapping[UUID, Fate], *, deadline: float, pause: float) -> None:
    """Write every request's fate and its event.

    A request that is to be verified is asked about again after `pause` seconds, for `deadline` seconds.
    """
    rows = [
        {
            "id": str(request_id),
            "status": fate.status,
            "message": fate.message,
            "code": fate.code,
            "lost": fate.lost,
        }
        for request_id, fate in fates.items()
    ]
    session.execute(_SETTLE, {"rows": json.dumps(rows), "deadline": deadline, "pause": pause})
