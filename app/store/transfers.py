"""Transfers, and the RRsets that they are about."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from app.domain.name_patterns import APEX, ONE, NamePatterns
from app.domain.transfer import TransferStatus
from app.domain.zone_key import dns_name
from app.store.models import AccessTransfer, Record
from app.store.turns import take_turn

_LOCK_ZONE = text("SELECT FROM dns_zone_leases WHERE zone = :zone FOR UPDATE")
_NEW_OWNER = text(
    """
    UPDATE dns_records AS record SET owner = :to
      FROM jsonb_to_recordset(CAST(:keys AS jsonb)) AS offered (name text, record_type text)
     WHERE (record.zone, record.name, record.record_type) = (:zone, offered.name, offered.record_type)
       AND record.owner IS NOT DISTINCT FROM :owner
    RETURNING record.name
    """
)


def add(session: Session, transfer: AccessTransfer) -> AccessTransfer:
    """Store a new transfer, and return it."""
    session.add(transfer)
    session.flush()
    session.refresh(transfer)
    return transfer


def lock(session: Session, transfer_id: UUID) -> AccessTransfer | None:
    """Return the transfer of that id. Nobody else changes it until the transaction ends."""
    return session.get(AccessTransfer, transfer_id, with_for_update=True)


def count_offered(session: Session, account: str) -> int:
    """Count the offers for that account that can be accepted. Nobody else does until the transaction ends."""
    take_turn(session, f"the number of offers of {account}")
    offered = (
        select(func.count())
        .select_from(AccessTransfer)
        .where(
            AccessTransfer.offered_for == account,
            AccessTransfer.status == TransferStatus.OFFERED,
            AccessTransfer.expires_at > func.now(),
        )
    )
    return session.scalars(offered).one()


def page(
    session: Session, accounts: Collection[str] | None, limit: int, before: UUID | None
) -> Sequence[AccessTransfer]:
    """Return transfers from or to these accounts (None: all), the newest first, from the given one on."""
    statement = select(AccessTransfer).order_by(AccessTransfer.id.desc()).limit(limit)
    if accounts is not None:
        concerned = AccessTransfer.offered_for.in_(accounts), AccessTransfer.to_account.in_(accounts)
        statement = statement.where(or_(*concerned))
    if before is not None:
        statement = statement.where(AccessTransfer.id < before)
    return session.scalars(statement).all()


def rrsets(session: Session, transfer: AccessTransfer, most: int) -> Sequence[Any] | None:
    """Return the names and types of what the transfer is about: RRsets that are still its offerer's.

    None: he has more than so many in the zone, among which they would have to be looked for.
    """
    owner: ColumnElement[bool] = Record.owner == transfer.from_account
    if transfer.from_account is None:
        owner = Record.owner.is_(None)
    statement = select(Record.name, Record.record_type).where(Record.zone == transfer.zone, owner)
    if transfer.types:
        statement = statement.where(Record.record_type.in_(transfer.types))
    if ONE not in transfer.names:
        apex = dns_name(transfer.zone)
        exact = apex if transfer.names == APEX else f"{transfer.names}.{apex}"
        statement = statement.where(Record.name == exact)
    rows = session.execute(statement.limit(most + 1)).all()
    if len(rows) > most:
        return None
    patterns = NamePatterns([transfer.names])
    return [row for row in rows if patterns.pattern_of(row.name, transfer.zone)]


def lock_records(session: Session, zone: str) -> None:
    """Keep workers from settling requests of the zone until the transaction ends."""
    session.execute(_LOCK_ZONE, {"zone": zone})


def change_owner(session: Session, transfer: AccessTransfer, found: Sequence[Any]) -> int:
    """Give those of the RRsets that are still the offerer's to who is offered them; return how many."""
    keys = to_json([{"name": row.name, "record_type": row.record_type} for row in found]).decode()
    accounts = {"owner": transfer.from_account, "to": transfer.to_account}
    return len(session.execute(_NEW_OWNER, {"zone": transfer.zone, "keys": keys, **accounts}).all())
