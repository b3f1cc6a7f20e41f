"""Backends that were unavailable: they rest, and one of their zones probes them. Other backends go on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.errors import UnknownBackend
from app.domain.settlement import Fault
from app.store import open_floor
from app.store.models import QUEUED, SINCE_FLOOR_OF_REQUEST, Backend, Zone, ZoneLease
from app.store.turns import take_turn
from app.store.zones import SIMULATED_BACKEND

_REAL_API = "(real API)"  # no backend: its row says what `note_api` notes; no host can be called that
_WORKER = "(worker)"  # no backend either: its `paused_until` is when a worker was last there
MAX_OPEN = 10_000  # open requests of a backend that are counted

_WELL = {
    "failures": 0,
    "failing_since": None,
    "fault_code": None,
    "fault": None,
    "paused_until": None,
    "probed_by": None,
}
_FAILURES = text("SELECT failures FROM dns_backends WHERE name = :name")
_STATE = text("SELECT failures, max_runs FROM dns_backends WHERE name = :name")
_PROBE = text(
    """
    UPDATE dns_backends SET probed_by = :zone
     WHERE name = :name AND paused_until <= clock_timestamp()
       -- no other zone of the backend is probing it
       AND NOT EXISTS (
           SELECT FROM dns_zone_leases AS lease JOIN dns_zones AS probing ON probing.name = lease.zone
            WHERE lease.zone = probed_by AND lease.zone <> :zone AND lease.expires_at > clock_timestamp()
              AND probing.backend = :name)
    RETURNING name
    """
)

# Of several workers, one writes now and then; each does where the clock was set back.
_NOTE_WORKER = text(
    """
    INSERT INTO dns_backends AS sign (name, paused_until) VALUES (:name, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET paused_until = excluded.paused_until
     WHERE (sign.paused_until BETWEEN clock_timestamp() - make_interval(secs => :seconds)
                                  AND clock_timestamp()) IS NOT TRUE
    """
)
_WORKER_SIGN = text(
    """
    SELECT paused_until, greatest(0, extract(epoch FROM clock_timestamp() - paused_until))::float8
      FROM dns_backends WHERE name = :name AND paused_until IS NOT NULL
    """
)

# Zones are served by backends that no inventory has: those are listed, too.
_STATES = open_floor.statement(
    f"""
    WITH named AS (
        SELECT name FROM dns_backends WHERE seen_at >= clock_timestamp() - make_interval(secs => :lately)
         UNION SELECT backend FROM dns_zones)
    SELECT named.name, backend.seen_at, backend.honours,
           backend.seen_at < clock_timestamp() - make_interval(secs => :lately) AS is_gone,
           backend.failing_since, backend.fault_code, backend.fault,
           CASE WHEN backend.paused_until > clock_timestamp() THEN backend.paused_until END AS next_try,
           (SELECT count(*) FROM dns_zones WHERE dns_zones.backend = named.name) AS zones,
           (SELECT count(*) FROM (
                SELECT FROM dns_zones AS zone JOIN dns_requests AS request ON request.zone = zone.name
                 WHERE zone.backend = named.name AND {QUEUED} AND {SINCE_FLOOR_OF_REQUEST}
                 LIMIT {MAX_OPEN}) AS open
           ) AS open_requests
      FROM named LEFT JOIN dns_backends AS backend ON backend.name = named.name
     ORDER BY named.name
    """  # noqa: S608
)
_RESTING_ZONES = text(
    """
    SELECT zone.backend, zone.name AS zone, lease.failing_since, lease.fault_code, lease.fault,
           CASE WHEN lease.paused_until > clock_timestamp() THEN lease.paused_until END AS next_try
      FROM dns_zone_leases AS lease JOIN dns_zones AS zone ON zone.name = lease.zone
     WHERE lease.failures > 0
     ORDER BY lease.failing_since, zone.name LIMIT :limit
    """
)

_FAULT_OF = text(
    """
    SELECT coalesce(backend.fault_code, lease.fault_code) AS code,
           coalesce(backend.failing_since, lease.failing_since) AS since
      FROM (VALUES (:zone)) AS asked (zone)
      LEFT JOIN dns_zone_leases AS lease ON lease.zone = asked.zone
      LEFT JOIN dns_zones AS served ON served.name = asked.zone
      LEFT JOIN dns_backends AS backend ON backend.name = served.backend
     WHERE coalesce(backend.failing_since, lease.failing_since) IS NOT NULL
    """
)


class WorkerSign(NamedTuple):
    """When a worker was last there, and how many seconds ago that is, by the database's clock."""

    at: datetime
    age: float


class Admission(Enum):
    """Whether a zone of the backend may be drained now."""

    FREELY = auto()  # the backend is well
    PROBE = auto()  # it was unavailable: this zone tries it with one request
    NOT_NOW = auto()  # it rests, another zone probes it, or it has as many runs as it may have


def admit(session: Session, name: str, zone: str, max_runs: int | None) -> Admission:
    """Decide whether `zone` may have a run on the backend. A zone that probes it keeps the others out.

    Acquire the zone's lease first: it counts as a run, and settling locks the two rows in this order, too.
    """
    if max_runs is not None and _count_runs(session, name) > max_runs:
        return Admission.NOT_NOW
    state = session.execute(_STATE, {"name": name}).one_or_none()
    if max_runs != (state.max_runs if state else None):
        _publish_limit(session, name, max_runs)
    if state is None or not state.failures:
        return Admission.FREELY
    # Locked in a statement of its own, so that the next statement sees the lease of the previous lock holder.
    session.execute(select(Backend.name).where(Backend.name == name).with_for_update())
    return Admission.PROBE if session.scalar(_PROBE, {"name": name, "zone": zone}) else Admission.NOT_NOW


def failures(session: Session, name: str) -> int:
    """Return how often in a row the backend was unavailable."""
    return session.scalar(_FAILURES, {"name": name}) or 0


def rest(session: Session, name: str, seconds: float, fault: Fault) -> None:
    """Let all zones of an unavailable backend rest for `seconds`.

    Zones that were being drained find out one by one; while the backend rests, that is no further failure.
    """
    now = func.clock_timestamp()
    values = {"paused_until": now + timedelta(seconds=seconds), "fault_code": fault.code, "fault": fault.why}
    statement = insert(Backend).values(name=name, failures=1, failing_since=now, **values)
    changed = {
        "failures": Backend.failures + 1,
        "failing_since": func.coalesce(Backend.failing_since, now),
        **values,
    }
    awake = Backend.paused_until.is_(None) | (Backend.paused_until <= now)
    session.execute(statement.on_conflict_do_update(index_elements=[Backend.name], set_=changed, where=awake))


def forget_failures(session: Session, name: str) -> None:
    """Forget the failures: the backend has answered, and all its zones may be drained."""
    session.execute(update(Backend).where(Backend.name == name, Backend.failures > 0).values(**_WELL))


def publish(session: Session, honours: Mapping[str, Collection[str] | None]) -> None:
    """Note that a worker's inventory has these backends; one that was missing there is tried again.

    Each comes with the conditions of changes that its playbook honours; None where nobody can say.
    """
    now = func.clock_timestamp()
    for name in sorted(honours):  # in order, so that two workers do not wait for each other
        conditions = honours[name]
        seen = {"seen_at": now, "honours": None if conditions is None else sorted(conditions)}
        statement = insert(Backend).values(name=name, **seen)
        session.execute(statement.on_conflict_do_update(index_elements=[Backend.name], set_=seen))
    mended = (Backend.fault_code == UnknownBackend.code) & Backend.name.in_(list(honours))
    session.execute(update(Backend).where(mended).values(paused_until=now))


def honours_of_zones(session: AnySession, zones: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the conditions that the backend of each of these zones honours, where that is known."""
    found = select(Zone.name, Backend.honours).join(Backend, Backend.name == Zone.backend)
    rows = session.execute(found.where(Zone.name.in_(zones), Backend.honours.is_not(None)))
    return {zone: frozenset(honours or ()) for zone, honours in rows}


def note_api(session: Session, *, simulated: bool) -> None:
    """Note whether the API, when it last started, was told that there are real servers."""
    if simulated:
        session.execute(delete(Backend).where(Backend.name == _REAL_API))
    else:
        session.execute(insert(Backend).values(name=_REAL_API).on_conflict_do_nothing())


def are_real(session: AnySession) -> bool:
    """Return whether there are real servers: a worker has published some, or the API was told so."""
    real = Backend.seen_at.is_not(None) | (Backend.name == _REAL_API)
    return session.scalar(select(Backend.name).where(real).limit(1)) is not None


def note_worker(session: Session, seconds: float) -> None:
    """Note that a worker is there, where none has noted it for so many seconds."""
    session.execute(_NOTE_WORKER, {"name": _WORKER, "seconds": seconds})


def worker_sign(session: Session) -> WorkerSign | None:
    """Return the last sign of a worker; None where there has been none."""
    row = session.execute(_WORKER_SIGN, {"name": _WORKER}).one_or_none()
    return WorkerSign(*row) if row else None


def note_simulation(session: Session) -> None:
    """Note that there may be records of the simulation, until `zones.remove_simulated` has removed them."""
    session.execute(insert(Backend).values(name=SIMULATED_BACKEND).on_conflict_do_nothing())


def forget_unseen(session: Session, seconds: float) -> None:
    """Forget the backends that no inventory has had for `seconds` and that no zone is served by."""
    unseen = Backend.seen_at < func.clock_timestamp() - timedelta(seconds=seconds)
    serving = select(Zone.name).where(Zone.backend == Backend.name).exists()
    session.execute(delete(Backend).where(unseen, ~serving))


def list_faults(session: Session) -> dict[str, str]:
    """Return the code of the fault of each backend that is unavailable, by its name."""
    faults = select(Backend.name, Backend.fault_code).where(Backend.failures > 0).order_by(Backend.name)
    return {name: code or "" for name, code in session.execute(faults).all()}


def list_states(session: Session, lately: float) -> Sequence[Row[Any]]:
    """Return each backend that an inventory has or a zone names: its fault if any, its zones, its work.

    An inventory has it when a worker has published it within the last `lately` seconds.
    """
    return session.execute(_STATES, {"lately": lately, "open_from": open_floor.read(session)}).all()


def list_resting_zones(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Return the zones that have a fault of their own, those that have had it longest first."""
    return session.execute(_RESTING_ZONES, {"limit": limit}).all()


def fault_of(session: Session, zone: str) -> Row[Any] | None:
    """Return the code and the beginning of what keeps the zone, or its backend, from being worked on."""
    return session.execute(_FAULT_OF, {"zone": zone}).one_or_none()


def list_names(session: AnySession, within: float | None = None) -> list[str]:
    """Return the names of the backends that workers have found in their inventories, ever or lately.

    `within` is in seconds.
    """
    names = select(Backend.name).where(Backend.seen_at.is_not(None)).order_by("name")
    if within is not None:
        names = names.where(Backend.seen_at >= func.clock_timestamp() - timedelta(seconds=within))
    return list(session.scalars(names))


def _publish_limit(session: Session, name: str, max_runs: int | None) -> None:
    """Store the limit of the backend's runs, by which it is told which zones are due."""
    statement = insert(Backend).values(name=name, max_runs=max_runs)
    session.execute(
        statement.on_conflict_do_update(index_elements=[Backend.name], set_={"max_runs": max_runs})
    )


def _count_runs(session: Session, name: str) -> int:
    """Return how many zones are being drained; under a lock, so that two can't take the last place."""
    take_turn(session, name)
    statement = select(func.count()).select_from(ZoneLease).join(Zone, Zone.name == ZoneLease.zone)
    running = statement.where(Zone.backend == name, ZoneLease.expires_at > func.clock_timestamp())
    return session.scalar(running) or 0
