"""The open requests of one zone: claim them, and settle them. Every call needs the zone's lease."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text, update
from sqlalchemy.orm import Session

from app.domain.change import Action, Change, RRsetState
from app.domain.lifecycle import FINAL, TRANSITIONS, Status, predecessors, words
from app.domain.retry_policy import VERIFY_SHARE
from app.domain.server_answers import as_rows
from app.domain.settlement import Decision
from app.store import leases, open_floor
from app.store.leases import Lease
from app.store.literals import in_text
from app.store.models import (
    QUEUED,
    SCHEDULED_FROM,
    SEES_ALL,
    SEQ_STEP,
    SINCE_FLOOR,
    SINCE_FLOOR_OF_REQUEST,
    Request,
)

_TRANSITIONS_OF_SETTLING = ", ".join(
    f"('{before}', '{after}')"
    for before in (Status.RUNNING, Status.VERIFYING)
    for after in sorted(TRANSITIONS[before] - {Status.CANCELLED})
)

# Lost runs, which count, that ended alike are in the log up to this try, then the 16th, the 32nd, …
_ATTEMPTS_TOLD = 8

# One table and no join: the planner can only look each request up, or go through the table once.
_CLAIM = open_floor.statement(
    f"""
    WITH claimed AS (
        UPDATE dns_requests AS request
           SET status = '{Status.RUNNING}', attempts = attempts + 1, run_id = :run_id, lease_token = :token,
               check_at = NULL,
               started_at = coalesce(started_at, clock_timestamp())
         WHERE request.id = ANY(CAST(:ids AS uuid[])) AND {SINCE_FLOOR_OF_REQUEST}
           AND request.status IN ({words(predecessors(Status.RUNNING))})
        RETURNING request.id, request.seq, request.attempts
    ), logged AS (
        INSERT INTO dns_request_events (request_id, run_id, status, message, told)
        SELECT id, CAST(:run_id AS uuid), '{Status.RUNNING}',
               CAST(:message AS text) || attempt, CAST(:told AS text) || attempt
          FROM (SELECT id, CASE WHEN attempts > 1 THEN ', attempt ' || attempts ELSE '' END AS attempt
                  FROM claimed) AS line
    )
    SELECT id, seq FROM claimed
    """  # noqa: S608
)

# The decisions are an object with a field for each request. One table and no join, as above.
_DECISION = "(CAST(:decisions AS jsonb) -> CAST(request.id AS text))"
_SETTLE = open_floor.statement(
    f"""
    WITH written AS (
        UPDATE dns_requests AS request
           SET (status, error_code, error_message, before, after, answers, lost_runs, verify_by, check_at,
                verified_at, finished_at) = (
               SELECT decision.status, decision.code,
                      CASE WHEN decision.status <> '{Status.SUCCEEDED}' THEN decision.message END,
                      coalesce(decision.was, request.before), coalesce(decision.became, request.after),
                      coalesce(decision.answers, request.answers),
                      request.lost_runs + decision.run_lost::int,
                      CASE WHEN decision.status = '{Status.VERIFYING}'
                          THEN coalesce(CASE WHEN decision.unreached IS NOT TRUE THEN request.verify_by END,
                                        clock_timestamp() + make_interval(secs => :verify_deadline)) END,
                      CASE
                          -- the longer it waits, the longer the pause; the last check is at the deadline
                          WHEN decision.status = '{Status.VERIFYING}'
                          THEN clock_timestamp() + greatest(make_interval(secs => :verify_pause), least(
                              make_interval(secs => :longest_pause),
                              {VERIFY_SHARE} * (clock_timestamp() - request.started_at),
                              CASE WHEN decision.unreached IS NOT TRUE
                                  THEN request.verify_by - clock_timestamp() END))
                          -- doubles with each lost run
                          WHEN decision.pauses
                          THEN clock_timestamp() + least(make_interval(secs => :longest_pause),
                              make_interval(secs => :retry_pause) * 2 ^ least(request.lost_runs, 16)) END,
                      CASE WHEN decision.status = '{Status.SUCCEEDED}' THEN clock_timestamp() END,
                      CASE WHEN decision.status IN ({words(FINAL)}) THEN clock_timestamp() END
                 FROM jsonb_to_record({_DECISION}) AS decision (
                      status text, message text, code text, run_lost boolean, pauses boolean,
                      unreached boolean, was jsonb, became jsonb, answers jsonb))
         WHERE request.id = ANY(CAST(:ids AS uuid[])) AND {SINCE_FLOOR_OF_REQUEST}
           AND (request.status, {_DECISION} ->> 'status') IN ({_TRANSITIONS_OF_SETTLING})
        RETURNING request.id, request.run_id, request.status, {_DECISION} AS decision,
                  old.error_message AS said, old.status <> request.status AS changed,
                  old.status = request.status
                  OR request.status = '{Status.PENDING}'
                     AND (request.lost_runs = old.lost_runs
                          OR old.attempts > {_ATTEMPTS_TOLD}
                             -- no power of two
                             AND old.attempts & (old.attempts - 1) <> 0) AS may_repeat
    ), settled AS (
        SELECT id, run_id, status, changed, decision ->> 'message' AS message, decision ->> 'told' AS told,
               may_repeat AND coalesce(said = decision ->> 'message', false) AS repeated
          FROM written
    ), told AS (
        INSERT INTO dns_request_events (request_id, run_id, status, message, told, changes_status)
        SELECT id, run_id, status, message, told, changed FROM settled WHERE changed OR NOT repeated
    )
    SELECT id, run_id, status, repeated FROM settled
    """  # noqa: S608
)

# A try that has ended as the one before leaves no trace in the log: `claim` wrote that it began, and only by
# that line are the run's own lines found. Both lines were written for those who listen to changes.
_FORGET_TRY = open_floor.statement(
    f"""
    DELETE FROM dns_request_events AS event
     WHERE event.request_id = ANY(:ids) AND event.status IN ('{Status.RUNNING}', '{Status.PENDING}')
       AND event.run_id = (SELECT run_id FROM dns_requests
                            WHERE id = event.request_id AND {SINCE_FLOOR})
    """  # noqa: S608
)

# Nor do the lines of its run, where all of its requests ended so.
_FORGET_RUN = text(
    """
    DELETE FROM ansible_run_events WHERE run_id = ANY(:run_ids)
    """
)

MAX_RUN_OCTETS = 16 * 1024 * 1024  # of values in one run; the last requests to be read may exceed it
READ_AT_ONCE = 500  # requests that are read at once, each of 64 KB at most


@dataclass(frozen=True, slots=True)
class Item:
    """An open request as a worker sees it: the change, and what its past means for the next step."""

    change: Change
    seq: int
    account_id: str
    lost_runs: int
    run_id: UUID | None  # its last run
    waits_until: datetime | None  # its next try, when that is not now
    overdue: bool  # the deadline of its verification has passed
    primary_overdue: bool  # the primary has had its time to answer what it has taken
    undoes: UUID | None = None  # the request that it takes back
    ptr_of: UUID | None = None  # the request that has the address of which it keeps the PTR
    manages_ptr: bool = False  # the PTRs of its addresses are kept, too
    traceparent: str | None = None  # the span in which it was accepted
    # On the monotonic clock; None where it had to wait for its time, or for an approval
    accepted_at: float | None = None

    @property
    def id(self) -> UUID:
        """The request's id."""
        return self.change.request_id

    @property
    def octets(self) -> int:
        """The size of its values, roughly."""
        return sum(map(len, self.change.rdata))


# As text: for one request, SQLAlchemy takes longer to compose a statement than PostgreSQL to execute it.
_ITEMS = """
    SELECT id, seq, action, zone, name, record_type, ttl, rdata, account_id, lost_runs, run_id,
           expect, atomic_id, undoes, ptr_of, traceparent, resource ->> 'comment' AS comment,
           nullif(resource #> '{config,extra_config}', '{}') AS extra_config,
           coalesce(resource #> '{config,manage_ptr}' = 'true', false) AS manages_ptr,
           CASE WHEN not_before IS NULL AND review_id IS NULL
               THEN extract(epoch FROM clock_timestamp() - created_at)::float8 END AS age,
           CASE WHEN check_at > clock_timestamp() THEN check_at END AS waits_until,
           coalesce(verify_by <= clock_timestamp(), false) AS overdue,
           verify_by IS NOT NULL
               AND started_at + make_interval(secs => :primary_deadline) <= clock_timestamp()
               AS primary_overdue
      FROM dns_requests
"""
_OPEN_ITEMS = f"{_ITEMS} WHERE zone = :zone AND {QUEUED} AND seq >= :floor AND {SINCE_FLOOR}"
_PENDING = open_floor.statement(
    f"{_OPEN_ITEMS} AND seq < :end AND {SEES_ALL} AND status = '{Status.PENDING}' ORDER BY seq LIMIT :limit"
)
_BY_ID = open_floor.statement(
    f"{_ITEMS} WHERE id = ANY(CAST(:ids AS uuid[])) AND {SINCE_FLOOR} AND status = '{Status.PENDING}'"
)
_ORPHANED = open_floor.statement(
    f"{_OPEN_ITEMS} AND seq BETWEEN :first AND :last AND status = '{Status.RUNNING}' ORDER BY seq"
)
# Only a request that is verified has a deadline for that, and so is in ix_dns_requests_verifying: the others
# that are open are not looked at.
_IS_VERIFYING = f"zone = :zone AND {SINCE_FLOOR} AND verify_by IS NOT NULL AND status = '{Status.VERIFYING}'"
_VERIFYING = open_floor.statement(
    f"""
    {_ITEMS} WHERE {_IS_VERIFYING}
       AND (name IN (SELECT unnest(CAST(:names AS text[])))  -- hashed, however many they are
            OR name IN (SELECT name FROM dns_requests
                         WHERE {_IS_VERIFYING} AND check_at <= clock_timestamp()))
     ORDER BY lease_token, run_id, seq
    """  # noqa: S608
)


class States(NamedTuple):
    """The RRset before and after a request; None where that is not known."""

    before: RRsetState | None
    after: RRsetState | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields of a row."""
        before, after = self
        return {"was": before and before._asdict(), "became": after and after._asdict()}


_NONE: Mapping[UUID, States] = {}


class Line(NamedTuple):
    """A line of the logs of requests: for operators, and what requesters are told instead."""

    message: str
    told: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a request waits, and how long its verification may take; all in seconds."""

    verify_deadline: float  # from applied to answered by every server that answers at all
    verify_pause: float  # the first pause until the servers are asked again; grows
    retry_pause: float  # the first pause of a request that must be tried again alone; doubles
    longest_pause: float


class Window(NamedTuple):
    """The requests at the front of a zone's queue, and whether there may be more behind them."""

    items: list[Item]
    is_cut: bool


def list_pending(
    session: Session, zone: str, limit: int, floor: int = 0, end: int = SCHEDULED_FROM
) -> Window:
    """Return the zone's pending requests in the order of their acceptance, also those that must wait.

    The first statement sees all that was committed. The further ones leave out places from `end` on, which
    were not given out when the claim began: there may be what was accepted after a request that was committed
    only since the first statement, with an earlier place than what that has found. Both are for later.

    They are at most `limit`, and fewer where their values are large: a run holds them all in memory. A group
    that is all or none comes whole: more than `limit` if it is the first.
    """
    items: list[Item] = []
    octets, is_cut, below = 0, True, SCHEDULED_FROM
    while octets < MAX_RUN_OCTETS and len(items) < limit:
        number = min(READ_AT_ONCE, limit - len(items))
        found = _items(session, _PENDING, zone=zone, floor=floor, end=below, limit=number)
        if len(found) == number and found[-1].change.group is not None:
            found += _rest_of_group(session, zone, found[-1])
        items += found
        if len(found) < number:
            is_cut = False
            break
        octets += sum(item.octets for item in found)
        floor, below = found[-1].seq + 1, end
    if len(items) > limit:
        items, is_cut = _without_last_group(items), True
    return Window(items, is_cut)


def list_items(session: Session, ids: Sequence[UUID]) -> list[Item]:
    """Return those of these requests that are pending."""
    return _items(session, _BY_ID, ids=list(ids))


def _rest_of_group(session: Session, zone: str, last: Item) -> Iterator[Item]:
    """Yield the pending requests of the group that come after this one."""
    behind = _items(session, _PENDING, zone=zone, floor=last.seq + 1, end=last.seq + SEQ_STEP, limit=SEQ_STEP)
    return takewhile(lambda item: item.change.group == last.change.group, behind)


def _without_last_group(items: list[Item]) -> list[Item]:
    """Return the requests without those of the last one's group, unless there are no others."""
    group = items[-1].change.group
    return [item for item in items if item.change.group != group] or items


def claim(session: Session, lease: Lease, ids: Sequence[UUID], run_id: UUID | None, line: Line) -> set[UUID]:
    """Mark the requests as running in this run, if there is one; return those that were still pending."""
    parameters = {"ids": list(ids), "run_id": run_id, "token": lease.token, **line._asdict()}
    parameters["open_from"] = open_floor.read(session)
    claimed = {row.id: row.seq for row in session.execute(_CLAIM, parameters)}
    if claimed:
        leases.note_claim(session, lease, claimed.values())
    return set(claimed)


def let_wait(session: Session, waiting: Mapping[UUID, datetime]) -> None:
    """Let each of these pending requests wait until the given time."""
    for request_id, until in waiting.items():
        of_id = update(Request).where(Request.id == in_text(request_id))
        session.execute(of_id.values(check_at=until))


def list_orphaned(session: Session, lease: Lease) -> list[Item]:
    """Return the requests that the last holder of the lease left running: applied or not is unknown.

    Ask before the first claim of a hold: what runs then is nobody's any more.
    """
    if lease.left_over is None:
        return []
    first, last = lease.left_over
    return _items(session, _ORPHANED, zone=lease.zone, floor=lease.floor, first=first, last=last)


def list_verifying(session: Session, zone: str, names: Iterable[str], primary_deadline: float) -> list[Item]:
    """Return the verifying requests at these names, and at every name where one is due to be checked again.

    An RRset is judged by everything that was asked of it, so its requests are judged together, in the order
    in which they were applied. That is not always the order of `seq`: a long batch may be committed after a
    later one.
    """
    return _items(session, _VERIFYING, primary_deadline, zone=zone, names=list(names))


def settle(
    session: Session,
    decisions: Mapping[UUID, Decision],
    timing: Timing,
    states: Mapping[UUID, States] = _NONE,
) -> dict[UUID, bool]:
    """Write what was decided on every request, and an event for each that says something new.

    `states` are the RRsets before and after those requests of which they are known.

    Returns the requests that were settled, each with whether its status or words have changed. What repeats
    itself is written once: another round of questions with the same answers, another try of a backend that is
    unavailable as before.

    A change of status that `TRANSITIONS` does not know is not made: then somebody has changed the request
    meanwhile.
    """
    rows = {
        str(request_id): {
            "status": decision.status,
            "message": decision.message,
            "told": decision.told,
            "code": decision.code,
            "run_lost": decision.run_lost,
            "pauses": decision.pauses,
            "unreached": decision.unreached,
            "answers": as_rows(decision.answers) or None,
            **(states[request_id].as_json() if request_id in states else {}),
        }
        for request_id, decision in decisions.items()
    }
    parameters = {"ids": list(decisions), "decisions": json.dumps(rows), **asdict(timing)}
    parameters["open_from"] = open_floor.read(session)
    settled = session.execute(_SETTLE, parameters).all()
    if tries := [row for row in settled if row.repeated and row.status == Status.PENDING]:
        ids = [row.id for row in tries]
        session.execute(_FORGET_TRY, {"ids": ids, "open_from": parameters["open_from"]})
        if len(tries) == len(decisions):
            session.execute(_FORGET_RUN, {"run_ids": list({row.run_id for row in tries if row.run_id})})
    return {row.id: not row.repeated for row in settled}


def _items(
    session: Session, statement: TextClause, primary_deadline: float = 0, **parameters: object
) -> list[Item]:
    bounds = {"primary_deadline": primary_deadline, "open_from": open_floor.read(session)}
    rows = session.execute(statement, {**parameters, **bounds}).all()
    now = time.monotonic()
    return [
        Item(
            change=Change(
                request_id=row.id,
                action=Action(row.action),
                zone=row.zone,
                name=row.name,
                type=row.record_type,
                ttl=row.ttl,
                rdata=tuple(row.rdata),
                comment=row.comment,
                extra_config=row.extra_config or {},
                expect=RRsetState.from_json(row.expect) if row.expect else None,
                group=row.atomic_id,
            ),
            seq=row.seq,
            account_id=row.account_id,
            lost_runs=row.lost_runs,
            run_id=row.run_id,
            waits_until=row.waits_until,
            overdue=row.overdue,
            primary_overdue=row.primary_overdue,
            undoes=row.undoes,
            ptr_of=row.ptr_of,
            manages_ptr=row.manages_ptr,
            traceparent=row.traceparent,
            accepted_at=None if row.age is None else now - row.age,
        )
        for row in rows
    ]
