"""A database that was restored from a backup: what was open in it is put aside, the rest is compared.

DNS servers, Kafka and clients are further than it is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.drift import DriftPolicy
from app.domain.lifecycle import OPEN, Status, words
from app.store import open_floor
from app.store.models import OPEN_ONLY, SINCE_FLOOR_OF_REQUEST

# What the processes of a worker hold: zones that they drain, backends that they watch, listeners that they
# publish to, webhooks that they deliver to.
_HELD = text(
    """
    SELECT holds FROM (
        SELECT 'the zone ' || zone AS holds, expires_at FROM dns_zone_leases
        UNION ALL SELECT 'the watch of ' || backend, expires_at FROM dns_watch_leases
        UNION ALL SELECT 'the events for ' || listener, expires_at FROM dns_publisher_leases
        UNION ALL SELECT 'the webhook ' || id, served_until FROM webhooks
    ) AS lease
     WHERE expires_at > clock_timestamp() ORDER BY holds LIMIT 1
    """
)
# No worker can settle what it held: its token and nonce are gone. There is nothing of which the outcome has
# to be asked for.
_RELEASE_ZONES = text(
    """
    UPDATE dns_zone_leases
       SET token = token + 1, nonce = gen_random_uuid(), holder = '', expires_at = clock_timestamp(),
           claimed_from = NULL, claimed_to = NULL, kicked_at = NULL, kicks = 0
    """
)
_PUT_ASIDE = open_floor.statement(
    f"""
    WITH opened AS MATERIALIZED (
        SELECT id, status FROM dns_requests WHERE {OPEN_ONLY} AND status IN ({words(OPEN)})
         ORDER BY id FOR UPDATE
    ), changed AS (
        UPDATE dns_requests AS request
           SET status = '{Status.FAILED}', error_code = :code,
               error_message = replace(:message, '{{status}}', opened.status),
               verify_by = NULL, check_at = NULL, finished_at = clock_timestamp()
          FROM opened WHERE request.id = opened.id AND {SINCE_FLOOR_OF_REQUEST}
        RETURNING request.id, opened.status AS was, request.error_message
    ), logged AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, '{Status.FAILED}', error_message, :told FROM changed ORDER BY id
    )
    SELECT was, count(*) AS number FROM changed GROUP BY was ORDER BY was
    """  # noqa: S608
)
# A request's events are ordered by these numbers, and those since the backup have been given out already.
_SKIP_NUMBERS = text(
    """
    SELECT setval(events, nextval(events) + :step)
      FROM (SELECT CAST(pg_get_serial_sequence('dns_request_events', 'id') AS regclass) AS events) AS sequence
    """
)
_COMPARE_ZONES = text(
    """
    UPDATE dns_zone_states
       SET known_serial = NULL, servers = NULL, watch_error = NULL, compare_wanted_at = clock_timestamp()
     WHERE imported_at IS NOT NULL
    RETURNING zone
    """
)
# Else the watcher would take every change since the backup for drift, and take it back.
_REPORT_ONLY = text(
    f"""
    UPDATE dns_zones SET settings = settings || '{{"drift": "{DriftPolicy.REPORT}"}}', updated_at = now()
     WHERE settings ->> 'drift' = '{DriftPolicy.RESTORE}'
    RETURNING name
    """  # noqa: S608
)
_DROP_PLANS = text("DELETE FROM dns_plans RETURNING id")
_END_SESSIONS = text("DELETE FROM console_sessions RETURNING digest")

_STEP = 10**12  # events in the time since a backup: more than any database can take


class PutAside(NamedTuple):
    """What was done with a restored database."""

    requests: Mapping[str, int]  # how many were put aside, by the status that they had in the backup
    compared: int  # zones that the watcher compares as a whole
    report_only: list[str]  # zones whose drift was restored by itself, and is only reported now
    plans: int  # that were dropped
    sessions: int  # of the console, that were ended


def what_is_held(session: Session) -> str | None:
    """Return something that a worker holds now; None: no worker holds anything."""
    held: str | None = session.scalar(_HELD)
    return held


def put_aside(session: Session, code: str, message: str, told: str) -> PutAside:
    """Let every open request fail with the code, and have whole zones compared with what is recorded.

    In the message `{status}` stands for the status that a request had.
    """
    session.execute(_RELEASE_ZONES)  # first: whoever wants to claim something waits from here on
    session.execute(_SKIP_NUMBERS, {"step": _STEP})
    open_floor.mend(session)
    parameters = {"code": code, "message": message, "told": told, "open_from": open_floor.exact(session)}
    found = session.execute(_PUT_ASIDE, parameters)
    return PutAside(
        requests={row.was: row.number for row in found},
        compared=len(session.scalars(_COMPARE_ZONES).all()),
        report_only=sorted(session.scalars(_REPORT_ONLY)),
        plans=len(session.scalars(_DROP_PLANS).all()),
        sessions=len(session.scalars(_END_SESSIONS).all()),
    )
