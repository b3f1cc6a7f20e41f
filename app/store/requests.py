"""Requests: stored in one statement, looked up by id or page by page."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple, cast, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer, to_json
from pydantic_core.core_schema import typed_dict_field, typed_dict_schema
from sqlalchemy import Boolean, Column, Table, TextClause, TextualSelect, Uuid, column, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, undefer

from app.core.database import AnySession
from app.core.partitioning import shifted
from app.domain.change import Action, Via
from app.domain.lifecycle import CANCELLABLE, INITIAL, RETRYABLE, Status, words
from app.domain.rdata import RecordType
from app.store import open_floor, partitions
from app.store.literals import in_text, with_literals
from app.store.models import (
    OPEN_ONLY,
    QUEUED,
    SCHEDULED_FROM,
    SEQ_STEP,
    SINCE_FLOOR,
    SINCE_FLOOR_OF_REQUEST,
    UNAPPROVED,
    UNAPPROVED_FROM,
    Request,
)
from app.store.partitions import CLOCKS
from app.store.reviews import NewReview, as_rows
from app.store.turns import take_turn


@dataclass(slots=True)
class NewRequest:
    """A validated request that is not stored yet; its fields are the columns that are written."""

    id: UUID
    action: Action
    account_id: str
    source: str
    via: Via
    resource: dict[str, Any]
    zone: str
    name: str
    record_type: RecordType
    ttl: int
    rdata: list[str]
    idempotency_key: str | None
    expect: dict[str, Any] | None = None
    not_before: datetime | None = None
    undoes: UUID | None = None
    ptr_of: UUID | None = None
    atomic_id: UUID | None = None
    review_id: UUID | None = None
    reason: str | None = None
    ticket: str | None = None
    traceparent: str | None = None


@dataclass(slots=True)
class EarlierRequest:
    """The request that an idempotency key stands for; its fields are columns, but for `same`."""

    id: UUID
    action: Action
    account_id: str
    source: str
    via: Via
    resource: dict[str, Any]
    zone: str
    ttl: int
    not_before: datetime | None
    review_id: UUID | None
    reason: str | None
    ticket: str | None
    created_at: datetime
    batch_id: UUID | None
    same: bool  # whether it asks for the same change


class LogPosition(NamedTuple):
    """The place of a line in a request's log."""

    at: datetime
    origin: int  # 0: the request's own events; 1: those of its runs
    id: int


class LogLine(NamedTuple):
    """A line of a request's log."""

    at: datetime
    origin: int
    id: int
    status: Status
    message: str | None  # None: nothing but the status is for the reader
    is_shown: bool = True  # to the reader


class NewLine(NamedTuple):
    """A line of a request's log that is not stored yet."""

    request_id: UUID
    message: str  # for operators
    told: str  # to requesters


class NewBatch(NamedTuple):
    """A batch that is not stored yet."""

    id: UUID
    digest: bytes | None = None  # of its body, where it has an idempotency key


class Stored(NamedTuple):
    """When new requests were stored, and which were not: their key was used before, or their zone is gone."""

    at: datetime
    transaction: int  # its number, as snapshots name it
    key_used: frozenset[UUID]
    zone_gone: frozenset[UUID]


def _columns(of: type[NewRequest | EarlierRequest], *, without: Collection[str]) -> list[Column[Any]]:
    table = cast(Table, Request.__table__)
    return [table.c[field.name] for field in fields(of) if field.name not in without]


def _elements(column: Column[Any]) -> str:
    """Return the SQL for all elements of the column's list, each in a row."""
    elements = f"(sent.columns -> '{column.name}')"
    if isinstance(column.type, postgresql.JSONB):
        element = f"jsonb_array_elements({elements})"
        if column.nullable:
            element = f"NULLIF({element}, 'null')"
        return f"{element} AS {column.name}"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    definition = column.type.compile(dialect)
    return f"CAST(jsonb_array_elements_text({elements}) AS {definition}) AS {column.name}"


# Columns that few requests have: they are not written where none of a call has them.
_SELDOM = (
    "expect",
    "not_before",
    "undoes",
    "ptr_of",
    "atomic_id",
    "review_id",
    "reason",
    "ticket",
    "traceparent",
)
_SELDOM_VALUES = attrgetter(*_SELDOM)


def _new_rows(columns: Sequence[Column[Any]], *beside: str) -> str:
    """Return the SQL for the rows of a parameter, which has a list for each column, with what is `beside` it.

    That is half as long, and as long to read, as an object for each row. "OFFSET 0" has it read but once.
    """
    return f"""(
    SELECT {", ".join([*map(_elements, columns), *beside])}
      FROM (SELECT CAST(:rows AS jsonb) AS columns OFFSET 0) AS sent
    ) AS new"""  # noqa: S608


_FIELDS = get_type_hints(NewRequest) | {"rdata": str}
# One serializer for the lists of all columns: one for each column takes twice as long for a few rows.
_LISTS = SchemaSerializer(
    typed_dict_schema(
        {
            name: typed_dict_field(TypeAdapter(list[kind]).core_schema, required=False)  # type: ignore[valid-type]
            for name, kind in _FIELDS.items()
        }
    )
)
_OFTEN = [name for name in _FIELDS if name not in _SELDOM]
_IN_ARRAY = str.maketrans({'"': r"\"", "\\": r"\\"})

# One statement and one parameter for any number of rows; the lists' order is the order of acceptance.
# The lock lets nobody remove a zone until its new requests can be seen, and waits for who is removing one.
_INSERT = """
    WITH new AS MATERIALIZED (
        SELECT * FROM {rows}
    ), served AS MATERIALIZED (
        SELECT name FROM dns_zones WHERE name IN (SELECT zone FROM new) FOR KEY SHARE
    ), {keys}{places}stored AS (
        INSERT INTO dns_requests ({columns}, batch_id)
        SELECT {values}, CAST(:batch_id AS uuid) FROM new
         WHERE (zone IN (SELECT name FROM served)) IS TRUE{unused}  -- a filter; a join may change the order
        RETURNING id, created_at{returned}
    ), logged AS (
        INSERT INTO dns_request_events (request_id, at, status, message, told)
        SELECT id, created_at, status, words, words FROM (SELECT id, created_at, {event} FROM stored) AS line
    ), {reviews}batch AS (
        INSERT INTO dns_batches (id, first_request_id, last_request_id, digest)
        SELECT CAST(:batch_id AS uuid), :first, :last, CAST(:digest AS bytea)
         WHERE CAST(:batch_id AS uuid) IS NOT NULL AND EXISTS (SELECT FROM stored)
    )
    SELECT now() AS at, CAST(CAST(pg_current_xact_id() AS text) AS bigint) AS transaction,
           {key_used} AS key_used, ARRAY(
        SELECT id FROM new WHERE zone NOT IN (SELECT name FROM served)
    ) AS zone_gone
"""
# The keys first: an older release finds them taken before it waits for the row.
_KEYS = """taken AS MATERIALIZED (
        INSERT INTO dns_idempotency_keys (account_id, idempotency_key, request_id)
        SELECT account_id, idempotency_key, id FROM new
         WHERE idempotency_key IS NOT NULL AND (zone IN (SELECT name FROM served)) IS TRUE
        ON CONFLICT DO NOTHING
        RETURNING request_id
    ), """
_UNUSED = " AND (idempotency_key IS NULL OR id IN (SELECT request_id FROM taken))"
_KEY_USED = """ARRAY(
        SELECT id FROM new WHERE idempotency_key IS NOT NULL AND (zone IN (SELECT name FROM served)) IS TRUE
        EXCEPT SELECT id FROM stored)"""
_NEXT_SEQ = "nextval(pg_get_serial_sequence('dns_requests', 'seq'))"
_TIME = """to_char(not_before AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
_ACCEPTED = f"'{INITIAL}' AS status, 'accepted' AS words"
_ACCEPTED_OR_WAITS = f"""
    status, CASE WHEN status = '{Status.AWAITING_APPROVAL}' THEN 'accepted; somebody has to approve it'
                 WHEN status = '{Status.SCHEDULED}'
                 THEN 'accepted; scheduled for ' || {_TIME} ELSE 'accepted' END AS words
"""
# Those of a group have one place in the queue: what is accepted meanwhile comes before all of them, or after.
_PLACE_OF_GROUP = f"place_of_group AS MATERIALIZED (SELECT {_NEXT_SEQ} AS seq), "
_STATUS_AND_PLACE = {  # scheduled, if its time has not come
    "status": f"""CASE WHEN review_id IS NOT NULL THEN '{Status.AWAITING_APPROVAL}'
                       WHEN not_before > now() THEN '{Status.SCHEDULED}' ELSE '{INITIAL}' END""",
    "seq": f"""CASE WHEN review_id IS NOT NULL THEN {UNAPPROVED_FROM}
                    WHEN not_before > now() THEN {SCHEDULED_FROM} ELSE 0 END + CASE
                 WHEN atomic_id IS NULL THEN {_NEXT_SEQ}
                 ELSE (SELECT seq FROM place_of_group) + row_number() OVER () - 1 END""",  # noqa: S608
}


_REVIEWS = """reviews AS (
        INSERT INTO dns_reviews (id, zones, why, principal, roles, asks_as, expires_at)
        SELECT id, zones, why, principal, roles, asks_as, now() + make_interval(secs => seconds)
          FROM jsonb_to_recordset(CAST(:reviews AS jsonb)) AS review (
               id uuid, zones text[], why text, principal text, roles text[], asks_as text[], seconds float)
         WHERE id IN (SELECT review_id FROM stored)
    ), """


def _insert_of(seldom: Collection[str], *, keyed: bool, reviewed: bool = False) -> TextualSelect:
    """Return the statement that writes the usual columns, and those of the seldom ones that are named.

    With `keyed` it takes the idempotency keys, and leaves out the requests whose keys were taken before.
    With `reviewed` it takes new reviews, too, and stores those that have requests.
    """
    columns = _columns(NewRequest, without=[name for name in _SELDOM if name not in seldom])
    values = {column.name: column.name for column in columns} | (_STATUS_AND_PLACE if seldom else {})
    return text(
        _INSERT.format(
            rows=_new_rows(columns),
            keys=_KEYS if keyed else "",
            unused=_UNUSED if keyed else "",
            key_used=_KEY_USED if keyed else "CAST('{}' AS uuid[])",
            places=_PLACE_OF_GROUP if seldom else "",
            columns=", ".join(values),
            values=", ".join(values.values()),
            returned=", status, not_before, review_id" if seldom else "",
            event=_ACCEPTED_OR_WAITS if seldom else _ACCEPTED,
            reviews=_REVIEWS if reviewed else "",
        )
    ).columns(*map(column, Stored._fields))  # known, so that SQLAlchemy prepares the reading of rows but once


# By whether some have keys.
_INSERT_USUAL = {keyed: _insert_of((), keyed=keyed) for keyed in (False, True)}
_INSERT_SELDOM = {keyed: _insert_of(_SELDOM, keyed=keyed) for keyed in (False, True)}
_INSERT_REVIEWED = {keyed: _insert_of(_SELDOM, keyed=keyed, reviewed=True) for keyed in (False, True)}

# By their ids PostgreSQL knows in which partitions the requests are.
_KEYS_OF = text(
    """
    SELECT new.account_id, new.idempotency_key, taken.request_id
      FROM unnest(CAST(:accounts AS text[]), CAST(:keys AS text[])) AS new (account_id, idempotency_key)
     -- LIMIT keeps this one look-up for each key
     CROSS JOIN LATERAL (
        SELECT request_id FROM dns_idempotency_keys
         WHERE (account_id, idempotency_key) = (new.account_id, new.idempotency_key) LIMIT 1) AS taken
    """
)
_EARLIER_COLUMNS = _columns(EarlierRequest, without=("same",))
_EARLIER = text(
    f"""
    SELECT new.id AS new_id, {", ".join(f"earlier.{column.name}" for column in _EARLIER_COLUMNS)},
           (earlier.action, earlier.source) = (new.action, new.source)
           AND (earlier.not_before, earlier.reason, earlier.ticket)
               IS NOT DISTINCT FROM (new.not_before, new.reason, new.ticket)
           AND earlier.resource IN (
               new.resource,
               -- as releases before revision 0019 stored a request without a TTL
               new.resource || jsonb_build_object(
                   'config', CAST('{{"ttl": 300}}' AS jsonb) || (new.resource -> 'config'))) AS same
      FROM {_new_rows(_columns(NewRequest, without=()), "unnest(CAST(:ids AS uuid[])) AS earlier_id")}
     -- LIMIT keeps this one look-up for each: joined by keys, ten thousand took half a minute now and then
     CROSS JOIN LATERAL (SELECT * FROM dns_requests WHERE id = new.earlier_id LIMIT 1) AS earlier
    """  # noqa: S608
).columns(column("new_id", Uuid), *_EARLIER_COLUMNS, column("same", Boolean))


_KEY_OF_OTHER_BATCH = text(
    """
    SELECT EXISTS (
        SELECT FROM dns_requests AS earlier JOIN dns_batches AS batch ON batch.id = earlier.batch_id
         WHERE earlier.id = ANY(:ids) AND batch.digest <> :digest
    )
    """
)

MAX_RUNS = 20  # whose lines are part of a request's log: the last ones
# What is for operators only has nothing in `told`: of the request's own lines requesters see the status.
_LOG = with_literals(
    f"""
    WITH own AS MATERIALIZED (
        SELECT at, 0 AS origin, id, status, CASE WHEN :in_full THEN message ELSE told END AS message, run_id
          FROM dns_request_events WHERE request_id = :request_id
    ), lately AS (
        SELECT run_id FROM own WHERE run_id IS NOT NULL GROUP BY run_id ORDER BY max(id) DESC LIMIT :runs
    ), line AS (
        SELECT at, origin, id, status, message FROM own
        UNION ALL
        SELECT event.at, 1, event.id, '{Status.RUNNING}', CASE WHEN :in_full THEN message ELSE told END
          FROM lately JOIN ansible_run_events AS event USING (run_id)
         WHERE event.run_id BETWEEN :runs_from AND :runs_to
         -- what is said of another request of the run is that one's only
           AND (event.request_id IS NULL OR event.request_id = :request_id)
           AND (:in_full OR event.told IS NOT NULL)
    )
    SELECT at, origin, id, status, message FROM line
     WHERE (at, origin, id) < (:at, :origin, :id)
     ORDER BY at DESC, origin DESC, id DESC LIMIT :limit
    """,  # noqa: S608
    "request_id",
    "runs_from",
    "runs_to",
)

# The new place in the queue is taken in the order of the old ones. Nobody can remove the zone meanwhile. What
# nobody has approved before is not queued, nor is what needs a review by now: it waits for an approval again.
_RETRYABLE = f"""
    WITH chosen AS MATERIALIZED (
        SELECT request.id, coalesce(request.atomic_id, request.id) AS turn,
               coalesce('failed: ' || request.error_code, request.status) AS state,
               CASE WHEN request.{UNAPPROVED} OR request.id = ANY(:to_review)
                    THEN '{Status.AWAITING_APPROVAL}'
                    WHEN request.not_before > clock_timestamp() THEN '{Status.SCHEDULED}'
                    ELSE '{INITIAL}' END AS status
          FROM dns_requests AS request JOIN dns_zones AS served ON served.name = request.zone
         WHERE request.id = ANY(:ids) AND request.status IN ({words(RETRYABLE)})
         ORDER BY request.seq, request.id
           FOR KEY SHARE OF served FOR UPDATE OF request
"""  # noqa: S608
_RETRY_CHOSEN = f"""
    ), numbered AS MATERIALIZED (
        SELECT id, state, status, turn, {_NEXT_SEQ} AS seq FROM chosen
    ), queued AS (
        SELECT id, state, status,
               CASE status WHEN '{Status.SCHEDULED}' THEN {SCHEDULED_FROM}
                           WHEN '{Status.AWAITING_APPROVAL}' THEN {UNAPPROVED_FROM} ELSE 0 END
               + min(seq) OVER (PARTITION BY turn)
               + row_number() OVER (PARTITION BY turn ORDER BY id) - 1 AS seq
          FROM numbered
    ), changed AS (
        UPDATE dns_requests AS request
           SET status = queued.status, seq = queued.seq,
               review_id = CASE WHEN queued.status = '{Status.AWAITING_APPROVAL}'
                                THEN coalesce(request.review_id, request.id) ELSE request.review_id END,
               error_code = NULL, error_message = NULL, lost_runs = 0,
               before = NULL, after = NULL, answers = NULL,
               verify_by = NULL, check_at = NULL, verified_at = NULL, finished_at = NULL
          FROM queued WHERE request.id = queued.id AND request.id = ANY(:ids)
        RETURNING request.*, queued.state
    ), logged AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, status, words, words
          FROM (SELECT id, status, seq,
                       CASE WHEN status = '{Status.SCHEDULED}' THEN 'retried: scheduled for ' || {_TIME}
                            WHEN status = '{Status.AWAITING_APPROVAL}'
                            THEN 'retried: somebody has to approve it'
                            ELSE 'retried, behind what is waiting already' END
                       || '; it was ' || state AS words
                  FROM changed) AS line
         ORDER BY seq
    )
    SELECT * FROM changed
"""  # noqa: S608
_RETRY = text(f"{_RETRYABLE} {_RETRY_CHOSEN}")
_RETRY_FREE = text(f"{_RETRYABLE} SKIP LOCKED {_RETRY_CHOSEN}")
_CANCEL_CHOSEN = f"""
    ), changed AS (
        UPDATE dns_requests AS request
           SET status = '{Status.CANCELLED}', error_message = NULL, verify_by = NULL, check_at = NULL,
               finished_at = clock_timestamp()
          FROM chosen WHERE request.id = chosen.id AND {{among}}
        RETURNING request.*, chosen.status AS was
    ), logged AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, status, words, words
          FROM (SELECT id, status,
                       CASE WHEN was = '{Status.SCHEDULED}' THEN 'cancelled before it was due'
                            WHEN was = '{Status.AWAITING_APPROVAL}' THEN 'cancelled before it was approved'
                            WHEN was = '{Status.VERIFYING}'
                            THEN 'cancelled: it is applied, and no longer verified'
                            WHEN lost_runs > 0 THEN 'cancelled; an earlier run may have applied it'
                            ELSE 'cancelled before it was applied' END AS words
                  FROM changed) AS line
    )
    SELECT * FROM changed
"""  # noqa: S608
_CANCELLABLE = f"""
    WITH chosen AS MATERIALIZED (
        SELECT id, status FROM dns_requests WHERE status IN ({words(CANCELLABLE)})
"""  # noqa: S608
_AMONG = "request.id = ANY(:ids)"
_CANCEL = text(f"{_CANCELLABLE} AND id = ANY(:ids) FOR UPDATE {_CANCEL_CHOSEN.format(among=_AMONG)}")
# Never waits for a claim, which locks many requests in another order.
_CANCEL_FREE = text(
    f"{_CANCELLABLE} AND id = ANY(:ids) FOR UPDATE SKIP LOCKED {_CANCEL_CHOSEN.format(among=_AMONG)}"
)
# Of a group all, so some more than the limit.
_CANCEL_IN_ZONE = open_floor.statement(
    f"""
    {_CANCELLABLE} AND zone = :zone AND {OPEN_ONLY}
       AND seq < {SEQ_STEP} + coalesce((
            SELECT seq FROM dns_requests
             WHERE status IN ({words(CANCELLABLE)}) AND zone = :zone AND {OPEN_ONLY}
             ORDER BY seq OFFSET :limit - 1 LIMIT 1), {2**63 - 1 - SEQ_STEP})
     ORDER BY seq FOR UPDATE SKIP LOCKED {_CANCEL_CHOSEN.format(among=SINCE_FLOOR_OF_REQUEST)}
    """  # noqa: S608
)


_HAS_OPEN = open_floor.statement(
    f"SELECT EXISTS (SELECT FROM dns_requests WHERE zone = :zone AND {OPEN_ONLY})"  # noqa: S608
)
# Of each name the last requests only: the open ones are among them, but where very many wait for one name.
_FIRST_MAKERS = open_floor.statement(
    f"""
    SELECT DISTINCT ON (waiting.zone, waiting.name, waiting.record_type)
           waiting.zone, waiting.name, waiting.record_type, waiting.account_id
      FROM jsonb_array_elements_text(CAST(:names AS jsonb)) AS wanted (name)
     CROSS JOIN LATERAL (
        SELECT id, zone, name, record_type, account_id, action, finished_at, seq FROM dns_requests
         WHERE name = wanted.name AND {SINCE_FLOOR} ORDER BY id DESC LIMIT 100) AS waiting
     -- what waits for an approval, or for its time, may come to nothing
     WHERE {QUEUED}
       AND waiting.action IN ('{Action.CREATE}', '{Action.UPSERT}')
     ORDER BY waiting.zone, waiting.name, waiting.record_type, waiting.seq
    """  # noqa: S608
)

_GROUPS = with_literals(
    """
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT atomic_id FROM dns_requests WHERE id = ANY(:ids) AND atomic_id IS NOT NULL
    )
    SELECT member.atomic_id, member.id
      FROM asked CROSS JOIN LATERAL (
        -- those of a group come in one call
        SELECT atomic_id, id FROM dns_requests
         WHERE atomic_id = asked.atomic_id AND id BETWEEN :lowest AND :highest) AS member
     ORDER BY member.id
    """,
    "lowest",
    "highest",
)


_ADD_LOG_LINES = with_literals(
    """
    INSERT INTO dns_request_events (request_id, status, message, told, changes_status)
    SELECT line.id, (SELECT status FROM dns_requests WHERE id = line.id AND id BETWEEN :lowest AND :highest),
           line.message, line.told, false
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS line(id uuid, message text, told text)
    """,
    "lowest",
    "highest",
)


def insert(
    session: AnySession,
    new: Sequence[NewRequest],
    batch: NewBatch | None = None,
    reviews: Sequence[NewReview] = (),
) -> Stored:
    """Store the requests in order, but for those whose key was used before, or whose zone is gone.

    `reviews` are those that they wait for. The ids of the requests must grow from one to the next, as those
    of version 7 do that one process makes.
    """
    batch_id, digest = batch or (None, None)
    of_batch = {"batch_id": batch_id, "first": new[0].id, "last": new[-1].id, "digest": digest}
    has_seldom = any(any(values) for values in map(_SELDOM_VALUES, new))
    names, statements = ([*_FIELDS], _INSERT_SELDOM) if has_seldom else (_OFTEN, _INSERT_USUAL)
    parameters = {"rows": _rows(new, names), **of_batch}
    if reviews:
        statements, parameters["reviews"] = _INSERT_REVIEWED, as_rows(reviews)
    keyed = any(request.idempotency_key is not None for request in new)
    row = session.execute(statements[keyed], parameters).one()
    return Stored(row.at, row.transaction, frozenset(row.key_used), frozenset(row.zone_gone))


def belong_to_another_batch(session: AnySession, keys: Collection[tuple[str, str]], digest: bytes) -> bool:
    """Return whether one of the keys, each with its account, was made for a batch with another body."""
    ids = list(ids_of_keys(session, keys).values())
    return bool(ids) and bool(session.execute(_KEY_OF_OTHER_BATCH, {"ids": ids, "digest": digest}).scalar())


def ids_of_keys(session: AnySession, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """Return the ids of the requests that idempotency keys, each with its account, stand for."""
    accounts, names = [account for account, _ in keys], [name for _, name in keys]
    rows = session.execute(_KEYS_OF, {"accounts": accounts, "keys": names})
    return {(row.account_id, row.idempotency_key): row.request_id for row in rows}


def find_earlier(session: AnySession, new: Sequence[NewRequest]) -> dict[UUID, EarlierRequest | None]:
    """Return, by the id of each new request, the stored request that has its idempotency key.

    None where that request is no longer kept.
    """
    keys = {each.id: (each.account_id, each.idempotency_key) for each in new if each.idempotency_key}
    taken = ids_of_keys(session, list(keys.values()))
    if not taken:
        return {}
    again = [each for each in new if keys.get(each.id) in taken]
    parameters = {"rows": _rows(again, [*_FIELDS]), "ids": [taken[keys[each.id]] for each in again]}
    names = [field.name for field in fields(EarlierRequest)]
    found = {
        row["new_id"]: EarlierRequest(**{name: row[name] for name in names})
        for row in session.execute(_EARLIER, parameters).mappings()
    }
    return {new_id: found.get(new_id) for new_id, key in keys.items() if key in taken}


def first_makers(session: AnySession, names: Collection[str]) -> dict[tuple[str, str, str], str]:
    """Return who is the first in the queue to make RRsets at these names, by zone, name and type."""
    parameters = {"names": to_json(list(names)).decode(), "open_from": open_floor.read(session)}
    found = session.execute(_FIRST_MAKERS, parameters)
    return {(row.zone, row.name, row.record_type): row.account_id for row in found}


def get(session: Session, request_id: UUID, *, with_states: bool = False) -> Request | None:
    """Return the request of that id; its RRset's states and the servers' answers only where asked for."""
    columns = (Request.before, Request.after, Request.answers) if with_states else ()
    of_id = select(Request).where(Request.id == in_text(request_id))
    return session.scalars(of_id.options(*map(undefer, columns))).one_or_none()


def wait_for_turn_to_retry_many(session: Session) -> None:
    """Wait until no other transaction retries many: two that share them out would mix their order."""
    take_turn(session, "retries of many")


def retry(
    session: Session, ids: Sequence[UUID], *, wait: bool, to_review: Collection[UUID] = ()
) -> list[Request]:
    """Put those of the requests that have failed or were cancelled at the end of their zones' queues.

    Those whose time has not come are scheduled again; those that are `to_review`, and those that nobody has
    approved, wait for an approval, and need a new review (store/reviews.py). Those of zones that are not
    served any more stay as they are. `wait` as with `cancel`.
    """
    statement = _RETRY if wait else _RETRY_FREE
    open_floor.lower(session, ids)
    return _changed(session, statement, ids=list(ids), to_review=list(to_review))


def cancel(session: Session, ids: Sequence[UUID], *, wait: bool) -> list[Request]:
    """Cancel those of the requests that are waiting or being verified.

    With `wait` another transaction that works on a request, a claim say, ends first; do that with one request
    only. Without, the requests that others work on stay as they are.
    """
    return _changed(session, _CANCEL if wait else _CANCEL_FREE, ids=list(ids))


def groups_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the groups that these requests belong to: by the group's id, those of all of its requests."""
    groups: dict[UUID, list[UUID]] = {}
    if not ids:
        return groups
    lowest, highest = around(ids)
    parameters = {"ids": list(ids), "lowest": lowest, "highest": highest}
    for atomic_id, request_id in session.execute(_GROUPS, parameters):
        groups.setdefault(atomic_id, []).append(request_id)
    return groups


def list_of(session: Session, ids: Collection[UUID]) -> Sequence[Request]:
    """Return those of these requests that there are."""
    return session.scalars(select(Request).where(Request.id.in_(ids))).all()


def any_waits_or_runs(session: Session, ids: Sequence[UUID]) -> bool:
    """Return whether one of these requests is still waiting, or runs."""
    statuses = (Status.AWAITING_APPROVAL, Status.SCHEDULED, Status.PENDING, Status.RUNNING)
    found = select(Request.id).where(Request.id.in_(ids), Request.status.in_(statuses)).limit(1)
    return session.scalar(found) is not None


def cancel_in_zone(session: Session, zone: str, limit: int) -> int:
    """Cancel some `limit` of the zone's requests that are waiting or being verified; return how many."""
    parameters = {"zone": zone, "limit": limit, "open_from": open_floor.exact(session)}
    return len(_changed(session, _CANCEL_IN_ZONE, **parameters))


def has_open(session: Session, zone: str) -> bool:
    """Return whether some request for the zone is not settled yet."""
    return bool(session.scalar(_HAS_OPEN, {"zone": zone, "open_from": open_floor.exact(session)}))


def add_log_lines(session: Session, lines: Iterable[NewLine]) -> None:
    """Write lines into the logs of requests, which have the status that they have."""
    new = list(lines)
    rows = [{"id": str(line.request_id), "message": line.message, "told": line.told} for line in new]
    if rows:
        lowest, highest = around([line.request_id for line in new])
        bounds = {"lowest": lowest, "highest": highest}
        session.execute(_ADD_LOG_LINES, {"rows": json.dumps(rows), **bounds})


def log_lines(
    session: Session,
    request_id: UUID,
    limit: int,
    before: LogPosition | None,
    *,
    in_full: bool,
    finished_at: datetime | None = None,
) -> list[LogLine]:
    """Return lines of the request's log that come before that position, the newest first.

    They are its own events, and the lines of the last runs that those name; `in_full` as operators see them.
    """
    position = before or LogPosition(datetime.max.replace(tzinfo=UTC), 0, 0)
    runs_from, runs_to = partitions.lifetime(request_id, finished_at)
    which = {"request_id": request_id, "runs": MAX_RUNS, "runs_from": runs_from, "runs_to": runs_to}
    parameters = {**which, **position._asdict(), "limit": limit, "in_full": in_full}
    return [LogLine(*row) for row in session.execute(_LOG, parameters)]


def around(ids: Collection[UUID]) -> tuple[UUID, UUID]:
    """Return an id before all of these and one behind, by more than clocks differ: what belongs together.

    It tells PostgreSQL which partitions to look into.
    """
    return shifted(min(ids), -CLOCKS), shifted(max(ids), CLOCKS)


def _changed(session: Session, statement: TextClause, **parameters: object) -> list[Request]:
    return list(session.scalars(select(Request).from_statement(statement), parameters))


def _rows(new: Sequence[NewRequest], names: Sequence[str]) -> str:
    columns = dict(zip(names, map(list, zip(*map(attrgetter(*names), new), strict=True)), strict=True))
    columns["rdata"] = [*map(_array, columns["rdata"])]
    return _LISTS.to_json(columns).decode()


def _array(values: Sequence[str]) -> str:
    """Return an array in PostgreSQL's own notation, which JSON does not have."""
    escaped = [v.translate(_IN_ARRAY) if '"' in v or "\\" in v else v for v in values]
    return '{"' + '","'.join(escaped) + '"}' if escaped else "{}"
