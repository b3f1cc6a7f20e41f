"""The zones that are served."""

import json
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic_core import to_json
from sqlalchemy import ColumnClause, TextualSelect, and_, column, delete, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.checks import Checks
from app.domain.lifecycle import Status
from app.domain.origin import Origin
from app.domain.zone_settings import ZoneSettings, effective
from app.store import open_floor
from app.store.models import SINCE_FLOOR_OF_REQUEST, Backend, Drift, PostedZone, Record, Zone, ZoneState
from app.store.turns import take_turn

# One parameter, so that the statement is the same whatever the number of names; and its columns are known, so
# that SQLAlchemy prepares the reading of rows but once.
_READ = "SELECT name, checks, CAST(settings AS text) AS settings FROM dns_zones"
_COLUMNS: tuple[ColumnClause[Any], ...] = (column("name"), column("checks"), column("settings"))
_EXISTING = text(f"{_READ} WHERE name IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))").columns(
    *_COLUMNS
)
# The planner does not know how many names there are: it looks few up in the index, and hashes many.
_SERVING_FEW = text(
    f"{_READ} WHERE split_part(name, '@', 1) = ANY(ARRAY("
    "SELECT jsonb_array_elements_text(CAST(:names AS jsonb))))"
).columns(*_COLUMNS)
_SERVING_MANY = text(
    f"{_READ} WHERE split_part(name, '@', 1) IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))"
).columns(*_COLUMNS)
_FEW = 300  # names

_APPROVED_BY = text("SELECT name FROM dns_zones WHERE settings -> 'approvers' ?| CAST(:accounts AS text[])")

SIMULATED_BACKEND = "simulation"  # serves the zones that the simulation has made up

# Those that a simulating worker has left running, too: nothing was sent to any server.
_CANCEL_SIMULATED = open_floor.statement(
    f"""
    WITH chosen AS MATERIALIZED (
        SELECT request.id
          FROM dns_requests AS request JOIN dns_zones AS zone ON zone.name = request.zone
         WHERE zone.backend = :backend AND request.finished_at IS NULL AND {SINCE_FLOOR_OF_REQUEST}
           AND (request.status <> '{Status.RUNNING}' OR NOT EXISTS (
                SELECT FROM dns_zone_leases AS lease
                 WHERE lease.zone = request.zone AND lease.expires_at > clock_timestamp()))
         ORDER BY request.seq FOR UPDATE OF request SKIP LOCKED
    ), changed AS (
        UPDATE dns_requests AS request
           SET status = '{Status.CANCELLED}', error_message = NULL, verify_by = NULL, check_at = NULL,
               finished_at = clock_timestamp()
          FROM chosen WHERE request.id = chosen.id AND {SINCE_FLOOR_OF_REQUEST}
        RETURNING request.id
    )
    INSERT INTO dns_request_events (request_id, status, message, told)
    SELECT id, '{Status.CANCELLED}', words, words
      FROM changed, (
        SELECT 'cancelled: its zone was made up by the simulation, and there are real servers now; once the'
               ' zone is registered, it can be retried' AS words
      ) AS line
    RETURNING request_id
    """  # noqa: S608
)
_REMOVE_SIMULATED = open_floor.statement(
    f"""
    DELETE FROM dns_zones AS zone
     WHERE backend = :backend AND NOT EXISTS (
         SELECT FROM dns_requests AS request
          WHERE request.zone = zone.name AND request.finished_at IS NULL AND {SINCE_FLOOR_OF_REQUEST})
    RETURNING name
    """  # noqa: S608
)
# In zones that were registered, those whose request the simulation has answered.
_REMOVE_RECORDS = text(
    """
    DELETE FROM dns_records AS record
     WHERE zone = ANY(:zones) OR EXISTS (
         SELECT FROM dns_request_events AS event
          WHERE event.request_id = record.request_id AND event.message = 'answered by the simulation')
    RETURNING zone
    """
)
_SIMULATED_HERE = text(
    """
    SELECT EXISTS (SELECT FROM dns_backends WHERE name = :backend)
        OR EXISTS (SELECT FROM dns_zones WHERE backend = :backend)
    """
)


class Removed(NamedTuple):
    """How much of the simulation was removed."""

    zones: int
    records: int
    cancelled: int  # open requests in those zones


def get(session: Session, name: str, *, to: Literal["read", "change", "remove"] = "read") -> Zone | None:
    """Return the zone of that name. Nobody else changes one that is to be changed until the transaction ends.

    One that is to be removed gets no new requests, either.
    """
    lock = {"read": False, "change": {"key_share": True}, "remove": True}[to]
    return session.get(Zone, name, with_for_update=lock)  # type: ignore[arg-type]


def approved_by(session: Session, accounts: Collection[str]) -> list[str]:
    """Return the zones that have one of the accounts among their approvers."""
    return list(session.scalars(_APPROVED_BY, {"accounts": sorted(accounts)}))


def list_all(session: Session) -> list[Zone]:
    """Return every zone, by name."""
    return list(session.scalars(select(Zone).order_by(Zone.name)))


def add(
    session: Session,
    name: str,
    backend: str,
    checks: Checks = Checks.WARN,
    settings: Mapping[str, Any] | None = None,
) -> Zone | None:
    """Store a new zone; None when there is one of that name."""
    row = {"name": name, "backend": backend, "checks": checks, "settings": settings}
    statement = insert(Zone).values(row).on_conflict_do_nothing()
    return session.scalars(statement.returning(Zone)).one_or_none()


def add_simulated(session: AnySession, names: Iterable[str]) -> None:
    """Store those of the names that are not zones yet as zones of the simulation."""
    rows = [{"name": name, "backend": SIMULATED_BACKEND} for name in sorted(names)]
    if rows:
        session.execute(insert(Zone).values(rows).on_conflict_do_nothing())


def remove_simulated(session: Session) -> Removed:
    """Cancel what is open in the zones of the simulation, and remove them and all of its records.

    A zone in which a simulating worker is at work stays for now.
    """
    mine = {"backend": SIMULATED_BACKEND}
    if not session.scalar(_SIMULATED_HERE, mine):
        return Removed(0, 0, 0)
    take_turn(session, "the end of the simulation")
    open_ones = {**mine, "open_from": open_floor.exact(session)}
    cancelled = len(session.execute(_CANCEL_SIMULATED, open_ones).all())
    names = list(session.scalars(_REMOVE_SIMULATED, open_ones))
    records = len(session.execute(_REMOVE_RECORDS, {"zones": names}).all())
    session.execute(delete(Backend).where(Backend.name == SIMULATED_BACKEND))
    return Removed(len(names), records, cancelled)


def forget_records(session: Session, name: str) -> None:
    """Forget what is recorded of the zone: none of its servers has it."""
    session.execute(delete(Record).where(Record.zone == name))
    _forget_whole(session, name)


def remove(session: Session, name: str) -> None:
    """Remove the zone of that name, and what is known of it because it was imported or watched.

    What a request had made before it was adopted has an owner, and stays.
    """
    session.execute(delete(Zone).where(Zone.name == name))
    adopted = and_(Record.origin == Origin.ADOPTED, Record.owner.is_(None))
    of_nobody = or_(Record.origin == Origin.IMPORT, adopted)
    session.execute(delete(Record).where(Record.zone == name, of_nobody))
    _forget_whole(session, name)


def _forget_whole(session: Session, name: str) -> None:
    for table in (ZoneState, PostedZone, Drift):
        session.execute(delete(table).where(table.zone == name))


def existing(session: AnySession, keys: Iterable[str]) -> dict[str, ZoneSettings]:
    """Return those of the keys that are zones, each with its settings."""
    return _read(session, _EXISTING, keys)


def serving(session: AnySession, names: Iterable[str]) -> dict[str, ZoneSettings]:
    """Return the zones of these DNS names, in whichever view, by their keys, each with its settings."""
    wanted = list(names)
    return _read(session, _SERVING_FEW if len(wanted) <= _FEW else _SERVING_MANY, wanted)


def _read(session: AnySession, statement: TextualSelect, names: Iterable[str]) -> dict[str, ZoneSettings]:
    rows = session.execute(statement, {"names": to_json(list(names)).decode()})
    return {row.name: _settings(row.checks, row.settings) for row in rows}


@lru_cache(256)
def _settings(checks: str, settings: str | None) -> ZoneSettings:
    """Return the settings of a row. To read them anew for each request would take longer than to check it."""
    return effective(Checks(checks), json.loads(settings) if settings else {})
