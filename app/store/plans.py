"""Plans that are kept until they expire."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.turns import take_turn

_LEAST = 16 * 1024  # bytes that a plan counts for at least, so that there are not too many to be counted

# One statement: the account's oldest plans make room for the new one. Where the plans of all take the room,
# it is not kept. Who removes the same ones at this moment is not waited for.
_INSERT = text(
    """
    WITH own AS (
        SELECT id, row_number() OVER newest_first AS place,
               sum(greatest(octet_length(content), :least)) OVER newest_first AS octets
          FROM dns_plans WHERE account_id IS NOT DISTINCT FROM CAST(:account_id AS text)
        WINDOW newest_first AS (ORDER BY id DESC)
    ), oldest AS MATERIALIZED (
        SELECT id FROM dns_plans
         WHERE id IN (SELECT id FROM own WHERE place >= :most OR octets > :octets_left)
           FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM dns_plans WHERE id IN (SELECT id FROM oldest)
    )
    INSERT INTO dns_plans (id, account_id, content, expires_at)
    SELECT :id, :account_id, :content, now() + make_interval(secs => :lifetime)
     WHERE (SELECT coalesce(sum(greatest(octet_length(content), :least)), 0)
              FROM dns_plans WHERE id NOT IN (SELECT id FROM oldest)) <= :room
    RETURNING expires_at
    """
)
_GET = text(
    "SELECT expires_at, batch_id, account_id, content FROM dns_plans WHERE id = :id AND expires_at > now()"
)
_BATCH_OF = text("SELECT batch_id FROM dns_plans WHERE id = :id")
_MARK_APPLIED = text("UPDATE dns_plans SET batch_id = :batch_id WHERE id = :id AND batch_id IS NULL")


class PlanRow(NamedTuple):
    """A plan as it is stored, and the batch that it has become; None: it was not applied."""

    expires_at: datetime
    batch_id: UUID | None
    account_id: str | None  # of all its items; None where they have several
    content: bytes


class Room(NamedTuple):
    """How many plans of one account are kept, of how many bytes, and the bytes of all plans."""

    most: int
    most_octets: int
    octets_of_all: int


def insert(
    session: Session, plan_id: UUID, account_id: str | None, content: bytes, *, lifetime: float, room: Room
) -> datetime | None:
    """Keep a plan for `lifetime` seconds, and the account's oldest no longer where there are too many.

    Returns until when. None: the plans of all have no room, and it was not stored. Nobody else keeps one
    until the transaction ends.
    """
    take_turn(session, "the room for plans")
    parameters = {
        "id": plan_id,
        "account_id": account_id,
        "content": content,
        "lifetime": lifetime,
        "least": _LEAST,
        "most": room.most,
        "octets_left": room.most_octets - max(len(content), _LEAST),
        "room": room.octets_of_all,
    }
    found: datetime | None = session.execute(_INSERT, parameters).scalar()
    return found


def get(session: Session, plan_id: UUID) -> PlanRow | None:
    """Return the plan, unless it has expired."""
    row = session.execute(_GET, {"id": plan_id}).first()
    return PlanRow(*row) if row else None


def batch_of(session: Session, plan_id: UUID) -> UUID | None:
    """Return the batch that the plan has become, if any."""
    found: UUID | None = session.execute(_BATCH_OF, {"id": plan_id}).scalar()
    return found


def mark_applied(session: Session, plan_id: UUID, batch_id: UUID) -> None:
    """Note the batch that the plan has become, unless there is one already."""
    session.execute(_MARK_APPLIED, {"id": plan_id, "batch_id": batch_id})
