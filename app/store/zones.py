"""The zones that are served."""

from collections.abc import Iterable

from sqlalchemy import ARRAY, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.store.models import Zone

# One array, so that the statement is the same whatever the number of names.
_EXISTING = select(Zone.name).where(Zone.name == func.any(bindparam("names", type_=ARRAY(Text))))


def get(session: Session, name: str, *, lock: bool = False) -> Zone | None:
    """The zone of that name; locked, nobody else changes or removes it until the transaction ends."""
    return session.get(Zone, name, with_for_update=lock)


def all_of_them(session: Session) -> list[Zone]:
    """Every zone, by name."""
    return list(session.scalars(select(Zone).order_by(Zone.name)))


def add(session: Session, name: str, backend: str) -> Zone | None:
    """Store a new zone; None when there is one of that name already."""
    statement = insert(Zone).values(name=name, backend=backend).on_conflict_do_nothing().returning(Zone)
    return session.scalars(statement).one_or_none()


def remove(session: Session, name: str) -> bool:
    """Stop serving a zone; False when there is none of that name."""
    return session.scalars(delete(Zone).where(Zone.name == name).returning(Zone.name)).first() is not None


def existing(session: Session, names: Iterable[str]) -> set[str]:
    """Those of the names that are zones."""
    return set(session.scalars(_EXISTING, {"names": list(names)}))
