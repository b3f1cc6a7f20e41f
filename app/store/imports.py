"""Imports of zones: which are wanted, how far they are, and the master files that were posted for them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.origin import ImportState
from app.domain.zone_record import Soa
from app.store.models import PostedZone, ZoneState

_IMPORTED = text(
    "SELECT zone FROM dns_zone_states WHERE zone = ANY(CAST(:zones AS text[])) AND imported_at IS NOT NULL"
)

MAX_AT_ONCE = 100  # that are listed

_OPEN = f"import_state IN ('{ImportState.WANTED}', '{ImportState.RUNNING}')"

# Only while the zone is served: its row is locked against its removal.
_WANT = text(
    f"""
    INSERT INTO dns_zone_states AS state (zone, import_state, import_from, import_wanted_at)
    SELECT name, '{ImportState.WANTED}', :source, clock_timestamp() FROM dns_zones
     WHERE name = :zone FOR KEY SHARE
    ON CONFLICT (zone) DO UPDATE
       SET import_state = excluded.import_state, import_from = excluded.import_from,
           import_wanted_at = excluded.import_wanted_at, import_started_at = NULL,
           import_finished_at = NULL, import_rrsets = NULL, import_code = NULL, import_error = NULL,
           import_result = NULL
     WHERE state.import_state IS DISTINCT FROM '{ImportState.RUNNING}'
    RETURNING zone
    """  # noqa: S608
)
_LIST = text(
    f"""
    SELECT state.zone, zone.backend, state.import_from AS source
      FROM dns_zone_states AS state JOIN dns_zones AS zone ON zone.name = state.zone
     WHERE {_OPEN} AND import_result IS NULL ORDER BY import_wanted_at LIMIT {MAX_AT_ONCE}
    """  # noqa: S608
)
# Whoever imports holds the lock: one that is running without it has lost its worker.
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('import of ' || :zone, 0))")
_START = text(
    f"""
    UPDATE dns_zone_states
       SET import_state = '{ImportState.RUNNING}', import_started_at = clock_timestamp(), import_rrsets = 0
     WHERE zone = :zone AND {_OPEN}
    RETURNING import_from
    """  # noqa: S608
)
# As long as the transaction takes, nobody removes the zone then.
_HOLD = text(
    f"""
    SELECT zone.backend = :backend AND state.import_state = '{ImportState.RUNNING}'
      FROM dns_zones AS zone JOIN dns_zone_states AS state ON state.zone = zone.name
     WHERE zone.name = :zone FOR KEY SHARE OF zone
    """  # noqa: S608
)
_PROGRESS = text("UPDATE dns_zone_states SET import_rrsets = :rrsets WHERE zone = :zone")
_FAIL = text(
    f"""
    UPDATE dns_zone_states
       SET import_state = '{ImportState.FAILED}', import_finished_at = clock_timestamp(),
           import_code = :code, import_error = :words, import_result = CAST(:result AS jsonb)
     WHERE zone = :zone AND import_state = '{ImportState.RUNNING}'
    RETURNING zone
    """  # noqa: S608
)
_FINISH = text(
    f"""
    UPDATE dns_zone_states
       SET import_state = '{ImportState.DONE}', import_finished_at = clock_timestamp(),
           import_rrsets = :rrsets, import_result = CAST(:result AS jsonb)
     WHERE zone = :zone
    """  # noqa: S608
)
_KNOWN = text(
    """
    UPDATE dns_zone_states
       SET imported_at = clock_timestamp(), full_compare_at = clock_timestamp(), known_serial = :serial,
           soa_ttl = :ttl, soa = :rdata
     WHERE zone = :zone
    """
)


_NOTE_MEMBERS = text(
    """
    UPDATE dns_zone_states
       SET import_rrsets = jsonb_array_length(CAST(:members AS jsonb)),
           import_result = jsonb_build_object('members', CAST(:members AS jsonb))
     WHERE zone = :zone
    """
)
_LIST_READ = text(
    f"""
    SELECT state.zone, zone.backend, state.import_result -> 'members' AS members
      FROM dns_zone_states AS state JOIN dns_zones AS zone ON zone.name = state.zone
     WHERE {_OPEN} AND import_result IS NOT NULL FOR UPDATE OF state SKIP LOCKED
    """  # noqa: S608
)


class Catalog(NamedTuple):
    """A catalog zone whose members were read, and are to be registered."""

    zone: str
    backend: str
    members: Sequence[str]


class Wanted(NamedTuple):
    """A zone that is to be imported, and from what."""

    zone: str
    backend: str
    source: str


def want(session: Session, zone: str, source: str, content: bytes | None = None) -> bool:
    """Note that a zone is to be imported, with the posted file if it is read from one.

    Returns False while an import of it is running, or where it is not served.
    """
    if session.execute(_WANT, {"zone": zone, "source": source}).one_or_none() is None:
        return False
    session.execute(delete(PostedZone).where(PostedZone.zone == zone))
    if content is not None:
        session.execute(insert(PostedZone).values(zone=zone, content=content))
    return True


def get(session: Session, zone: str) -> ZoneState | None:
    """Return what is known of a zone as a whole; None: nothing."""
    return session.get(ZoneState, zone)


def list_wanted(session: AnySession) -> Sequence[Wanted]:
    """Return zones that are to be imported, and those whose import is running; the oldest first."""
    return [Wanted(*row) for row in session.execute(_LIST)]


def lock(session: Session, zone: str) -> bool:
    """Let nobody else import the zone until the transaction ends; return False where somebody does."""
    return bool(session.execute(_LOCK, {"zone": zone}).scalar_one())


def start(session: AnySession, zone: str) -> str | None:
    """Note that the import has begun, and return what it reads; None: it is not wanted any more."""
    found: str | None = session.execute(_START, {"zone": zone}).scalar()
    return found


def hold(session: Session, zone: str, backend: str) -> bool:
    """Keep the zone from being removed until the transaction ends.

    Returns False where that, or a move to another backend, has happened since its import was started.
    """
    return bool(session.execute(_HOLD, {"zone": zone, "backend": backend}).scalar())


def note_progress(session: AnySession, zone: str, rrsets: int) -> None:
    """Note how many RRsets were read so far."""
    session.execute(_PROGRESS, {"zone": zone, "rrsets": rrsets})


def fail(session: AnySession, zone: str, code: str, words: str, result: Mapping[str, Any] | None) -> bool:
    """Note why an import has failed; False where none is running any more."""
    found = None if result is None else to_json(result).decode()
    parameters = {"zone": zone, "code": code, "words": words, "result": found}
    return session.execute(_FAIL, parameters).scalar() is not None


def finish(session: Session, zone: str, rrsets: int, result: Mapping[str, Any]) -> None:
    """Note that an import is done."""
    session.execute(_FINISH, {"zone": zone, "rrsets": rrsets, "result": to_json(result).decode()})
    session.execute(delete(PostedZone).where(PostedZone.zone == zone))


def note_known(session: Session, zone: str, soa: Soa) -> None:
    """Note that the records of the zone are true up to that serial: it is known as a whole."""
    session.execute(_KNOWN, {"zone": zone, **soa._asdict()})


def note_members(session: AnySession, zone: str, members: Sequence[str]) -> None:
    """Note which zones a catalog lists: they are registered then."""
    session.execute(_NOTE_MEMBERS, {"zone": zone, "members": to_json(list(members)).decode()})


def list_catalogs(session: Session) -> Sequence[Catalog]:
    """Return catalogs that were read, whose members nobody else registers until the transaction ends."""
    return [Catalog(*row) for row in session.execute(_LIST_READ)]


def posted(session: Session, zone: str) -> bytes | None:
    """Return the file that was posted, compressed."""
    return session.scalar(select(PostedZone.content).where(PostedZone.zone == zone))


def forget(session: AnySession, zone: str) -> None:
    """Remove a posted file that nobody reads any more."""
    session.execute(delete(PostedZone).where(PostedZone.zone == zone))


def imported(session: AnySession, zones: Collection[str]) -> set[str]:
    """Return those of the zones that are known as a whole."""
    return set(session.scalars(_IMPORTED, {"zones": sorted(zones)})) if zones else set()
