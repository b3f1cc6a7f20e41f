"""The audit: rows that are only added."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from app.store.models import AuditEntry
from app.store.pages import Found, Position, Walk
from app.store.turns import take_turn

_AT_ONCE = 1_000  # rows


def lock_last(session: Session) -> Row[int, bytes] | None:
    """Return number and hash of the last entry. Nobody else adds one until the transaction ends."""
    take_turn(session, "the audit")
    last = select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    return session.execute(last).one_or_none()


def last_of(session: Session, act: str) -> AuditEntry | None:
    """Return the last entry about such an act."""
    of_act = select(AuditEntry).where(AuditEntry.act == act).order_by(AuditEntry.seq.desc()).limit(1)
    return session.scalars(of_act).one_or_none()


def add(session: Session, entry: AuditEntry) -> None:
    """Add an entry."""
    session.add(entry)
    session.flush()


def read_all(session: Session) -> Generator[AuditEntry]:
    """Yield every entry, the oldest first. Whoever does not read to the end closes the generator."""
    statement = select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=_AT_ONCE)
    with session.execute(statement) as rows:
        for row in rows:
            yield row[0]


def list_newest(session: Session, before: int | None, limit: int) -> list[AuditEntry]:
    """Return the newest entries, those before the one of that number if there is one."""
    statement = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEntry.seq < before)
    return list(session.scalars(statement))


def page(
    session: Session,
    principal: str | None,
    act: str | None,
    subject: str | None,
    limit: int,
    after: Position | None,
) -> Found[AuditEntry]:
    """Return the newest entries after that position of this principal, act, and part of a subject."""

    def wanted(row: Any) -> list[ColumnElement[bool]]:
        return [
            *(() if principal is None else (row.principal == principal,)),
            *(() if act is None else (row.act == act,)),
            *(() if subject is None else (row.subject.icontains(subject, autoescape=True),)),
        ]

    walk = Walk(table=AuditEntry, order=("seq",), wanted=wanted, descending=True)
    return walk.page(session, limit, after)
