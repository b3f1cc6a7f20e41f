"""Scheduled requests: when the next one is due, and those that are due at the end of their zones' queues.

Those fail by then that are about what others own, where the zone keeps others from it.
"""

from collections.abc import Collection
from typing import NamedTuple

from app.core.database import AnySession
from app.domain.lifecycle import Status
from app.domain.ownership import MAKING
from app.domain.permissions import Effect
from app.domain.told import of_failure
from app.store import open_floor
from app.store.models import QUEUED, SCHEDULED, SINCE_FLOOR, SINCE_FLOOR_OF_REQUEST

MAX_AT_ONCE = 1_000  # requests that one statement queues

_NEXT = open_floor.statement(
    f"""
    SELECT extract(epoch FROM min(not_before) - clock_timestamp()) FROM dns_requests
     WHERE {SCHEDULED} AND {SINCE_FLOOR}
    """  # noqa: S608
)

_DUE = ("zone", "name", "record_type", "account_id", "action", "review_id", "not_before", "seq")
_MAKES = " OR ".join(f"action = '{action}'" for action in sorted(MAKING))

# Who owns what is due in zones that keep others from it, as services/requests/owners.py has it: whoever is
# recorded, or is the first in the queue, or else of what is due, to make the RRset. What somebody has
# approved is not asked about. By which role the others were asked for, nothing says.
_NOT_OWNERS = f"""
    closed AS MATERIALIZED (
        SELECT name, settings ->> 'owner' AS owner, settings ->> 'others' AS others FROM dns_zones
         WHERE name = ANY(ARRAY(SELECT DISTINCT zone FROM due)) AND settings ->> 'others' <> '{Effect.ALLOW}'
    ), placed AS MATERIALIZED (
        SELECT due.*, closed.others, closed.owner AS owner_of_zone,
               row_number() OVER (ORDER BY not_before, seq) AS nth
          FROM due JOIN closed ON closed.name = due.zone
    ), led AS MATERIALIZED (
        SELECT *, min(nth) FILTER (WHERE {_MAKES}) OVER (
                     PARTITION BY zone, name, record_type ORDER BY nth
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS maker
          FROM placed
    ), owned AS MATERIALIZED (
        SELECT led.*, CASE WHEN recorded.zone IS NOT NULL THEN recorded.owner
                           ELSE coalesce(waiting.account_id, first.account_id) END AS owner
          FROM led
          LEFT JOIN placed AS first ON first.nth = led.maker
          LEFT JOIN LATERAL (
            SELECT zone, owner FROM dns_records
             WHERE (zone, name, record_type) = (led.zone, led.name, led.record_type) LIMIT 1
          ) AS recorded ON true
          LEFT JOIN LATERAL (
            SELECT account_id
              FROM (SELECT * FROM dns_requests
                     WHERE name = led.name AND {SINCE_FLOOR} ORDER BY id DESC LIMIT 100) AS latest
             WHERE (zone, record_type) = (led.zone, led.record_type) AND {QUEUED} AND ({_MAKES})
             ORDER BY seq LIMIT 1
          ) AS waiting ON true
    ), not_owners AS MATERIALIZED (
        SELECT id, turn, name || ' ' || record_type || ' belongs to ' || owner
               || ' by now, and the settings of the zone ' || zone || CASE others
                  WHEN '{Effect.REVIEW}' THEN ' let others change it with an approval only'
                  ELSE ' let no other change it' END AS words
          FROM owned
         WHERE review_id IS NULL AND owner <> account_id AND account_id IS DISTINCT FROM owner_of_zone
    )"""  # noqa: S608
# A group fails as a whole.
_FAIL_NOT_OWNERS = f"""
    failed AS (
        UPDATE dns_requests AS request
           SET status = '{Status.FAILED}', error_code = verdict.code, error_message = verdict.message,
               finished_at = clock_timestamp()
          FROM (SELECT due.partition, due.place,
                       CASE WHEN own.id IS NULL THEN 'atomic_failed' ELSE 'not_owner' END AS code,
                       coalesce(own.words, 'request ' || first.id || ' of its group failed: ' || first.words
                                ) AS message
                  FROM (SELECT DISTINCT ON (turn) turn, id, words FROM not_owners ORDER BY turn, id) AS first
                  JOIN due ON due.turn = first.turn
                  LEFT JOIN not_owners AS own ON own.id = due.id) AS verdict
         WHERE (request.tableoid, request.ctid) = (verdict.partition, verdict.place)
           AND {SINCE_FLOOR_OF_REQUEST}
        RETURNING request.id, request.error_code, request.error_message
    ), said AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, '{Status.FAILED}', error_message,
               CASE error_code WHEN 'not_owner' THEN CAST(:not_owner AS text) ELSE :atomic_failed END
          FROM failed ORDER BY id
    )"""  # noqa: S608

# One at a time, or of two requests for one RRset the later one could get the earlier place. The lock ends
# with the statement: a process that stands still does not keep it. What is being cancelled is passed over.
# The limit is no parameter: the planner then knows how few rows are looked up by their place. The time is the
# statement's: with clock_timestamp(), which changes meanwhile, the index would be read to its end.
_QUEUE_DUE = open_floor.statement(
    f"""
    WITH turn AS MATERIALIZED (
        SELECT pg_try_advisory_xact_lock(hashtextextended('scheduled requests that are due', 0)) AS mine
    ), chosen AS MATERIALIZED (
        SELECT tableoid AS partition, ctid AS place, id, atomic_id, {", ".join(_DUE)} FROM dns_requests
         WHERE {SCHEDULED} AND {SINCE_FLOOR} AND not_before <= statement_timestamp()
           AND (SELECT mine FROM turn)
         ORDER BY not_before, seq LIMIT {MAX_AT_ONCE} FOR UPDATE SKIP LOCKED
    ), rest_of_groups AS MATERIALIZED (  -- which the limit has cut
        SELECT tableoid AS partition, ctid AS place, id, atomic_id, {", ".join(_DUE)} FROM dns_requests
         WHERE atomic_id = ANY(ARRAY(SELECT DISTINCT atomic_id FROM chosen WHERE atomic_id IS NOT NULL))
           AND {SCHEDULED} AND {SINCE_FLOOR}
           AND NOT id = ANY(ARRAY(SELECT id FROM chosen WHERE atomic_id IS NOT NULL))
           FOR UPDATE
    ), due AS MATERIALIZED (
        SELECT *, coalesce(atomic_id, id) AS turn
          FROM (SELECT * FROM chosen UNION ALL SELECT * FROM rest_of_groups) AS each
    ), {_NOT_OWNERS.lstrip()}, {_FAIL_NOT_OWNERS.lstrip()}, numbered AS MATERIALIZED (
        SELECT partition, place, id, turn, nextval(pg_get_serial_sequence('dns_requests', 'seq')) AS seq
          FROM due WHERE turn NOT IN (SELECT turn FROM not_owners)
    ), queued AS MATERIALIZED (
        SELECT partition, place, min(seq) OVER (PARTITION BY turn)
                      + row_number() OVER (PARTITION BY turn ORDER BY id) - 1 AS seq
          FROM numbered
    ), changed AS (
        UPDATE dns_requests AS request SET status = '{Status.PENDING}', seq = queued.seq
          FROM queued WHERE (request.tableoid, request.ctid) = (queued.partition, queued.place)
           AND {SINCE_FLOOR_OF_REQUEST}
        RETURNING request.id, request.zone, request.seq
    ), logged AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, '{Status.PENDING}', words, words
          FROM changed, (SELECT 'due: behind what is waiting already' AS words) AS line ORDER BY seq
    )
    SELECT array_agg(DISTINCT zone) AS zones, count(*) AS number, (SELECT count(*) FROM failed) AS failed
      FROM changed
    """  # noqa: S608
)


class Queued(NamedTuple):
    """Which zones have requests that were due, how many have failed, and whether there may be more."""

    zones: Collection[str]
    failed: int
    more: bool


def seconds_until_next(session: AnySession) -> float | None:
    """Return when the next scheduled request is due, by the database's clock; None: there is none."""
    seconds = session.execute(_NEXT, {"open_from": open_floor.read(session)}).scalar()
    return None if seconds is None else float(seconds)


def queue_due(session: AnySession) -> Queued:
    """Put requests that are due at the end of their zones' queues: in the order of their times.

    Those of one time are put there in the order of their acceptance, those of a group together.
    What another account owns by then fails, with its group, where the zone's `others` is not "allow", unless
    somebody has approved it. Nothing happens while another process does it.
    """
    told = {code: of_failure(code) for code in ("not_owner", "atomic_failed")}
    row = session.execute(_QUEUE_DUE, {**told, "open_from": open_floor.read(session)}).one()
    return Queued(row.zones or (), row.failed, row.number + row.failed >= MAX_AT_ONCE)
