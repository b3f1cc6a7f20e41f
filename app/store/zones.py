"""The zones that are served."""

from collections.abc import Iterable
from typing import Literal

from pydantic_core import to_json
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.checks import Checks
from app.store.models import Zone

# One parameter, so that the statement is the same whatever the number of names.
_EXISTING = text(
    "SELECT name, checks FROM dns_zones"
    " WHERE name IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))"
)

_REMOVE_SIMULATED = text(
    """
    WITH removed AS (
        DELETE FROM dns_zones AS zone
         WHERE backend = :backend AND NOT EXISTS (
             SELECT FROM dns_requests AS request
              WHERE request.zone = zone.name AND request.finished_at IS NULL)
        RETURNING name
    )
    DELETE FROM dns_records USING removed WHERE dns_records.zone = removed.name
    """
)

SIMULATED_BACKEND = "simulation"  # serves the zones that the simulation has made up


def get(session: Session, name: str, *, to: Literal["read", "change", "remove"] = "read") -> Zone | None:
    """Return the zone of that name. Nobody else changes one that is to be changed until the transaction ends.

    One that is to be removed gets no new requests, either.
    """
    lock = {"read": False, "change": {"key_share": True}, "remove": True}[to]
    return session.get(Zone, name, with_for_update=lock)  # type: ignore[arg-type]


def list_all(session: Session) -> list[Zone]:
    """Return every zone, by name."""
    return list(session.scalars(select(Zone).order_by(Zone.name)))


def add(session: Session, name: str, backend: str, checks: Checks = Checks.WARN) -> Zone | None:
    """Store a new zone; None when there is one of that name."""
    statement = insert(Zone).values(name=name, backend=backend, checks=checks).on_conflict_do_nothing()
    return session.scalars(statement.returning(Zone)).one_or_none()


def add_simulated(session: AnySession, names: Iterable[str]) -> None:
    """Store those of the names that are not zones yet as zones of the simulation."""
    rows = [{"name": name, "backend": SIMULATED_BACKEND} for name in sorted(names)]
    if rows:
        session.execute(insert(Zone).values(rows).on_conflict_do_nothing())


def remove_simulated(session: Session) -> None:
    """Remove the zones of the simulation and their records, but for those that have open requests."""
    session.execute(_REMOVE_SIMULATED, {"backend": SIMULATED_BACKEND})


def remove(session: Session, name: str) -> None:
    """Remove the zone of that name."""
    session.execute(delete(Zone).where(Zone.name == name))


def existing(session: AnySession, names: Iterable[str]) -> dict[str, Checks]:
    """Return those of the names that are zones, each with its checks."""
    rows = session.execute(_EXISTING, {"names": to_json(list(names)).decode()})
    return {row.name: Checks(row.checks) for row in rows}
