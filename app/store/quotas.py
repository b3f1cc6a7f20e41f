"""The quotas of accounts, and how much of them is used."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.store.backlog import Snapshot
from app.store.models import AccountQuota

# Not the requests that keep PTRs: nobody has asked for these. The snapshot is that of the statement.
_LATELY = text(
    """
    SELECT CAST(pg_current_snapshot() AS text) AS snapshot, wanted.key AS account_id,
           lately.number, lately.first
      FROM jsonb_each_text(CAST(:limits AS jsonb)) AS wanted
     CROSS JOIN LATERAL (
        SELECT count(*) AS number, min(CAST(id AS text)) AS first
          FROM (SELECT id FROM dns_requests
                 WHERE account_id = wanted.key AND id >= :since AND id < :until AND ptr_of IS NULL
                 ORDER BY id DESC LIMIT CAST(wanted.value AS bigint)) AS request) AS lately
    """
)
_OWNED = text(
    """
    SELECT wanted.key AS account_id, owned.number
      FROM jsonb_each_text(CAST(:limits AS jsonb)) AS wanted
     CROSS JOIN LATERAL (
        SELECT count(*) AS number
          FROM (SELECT FROM dns_records WHERE owner = wanted.key LIMIT CAST(wanted.value AS bigint)) AS record
     ) AS owned
    """
)


class Lately(NamedTuple):
    """How many requests of an account were accepted lately, and when the first of these."""

    number: int
    first: float  # seconds since 1970; now, where there is none
    seen: Snapshot


def count_between(
    session: AnySession, limits: Mapping[str, int], since: float, until: float
) -> dict[str, Lately]:
    """Count what was accepted of each account between these times, in seconds since 1970: up to its limit."""
    lowest, highest = (UUID(int=int(at * 1_000) << 80) for at in (since, until))
    parameters = {"limits": to_json(limits).decode(), "since": lowest, "until": highest}
    return {
        row.account_id: Lately(row.number, _time_of(row.first), Snapshot.parse(row.snapshot))
        for row in session.execute(_LATELY, parameters)
    }


def count_owned(session: AnySession, limits: Mapping[str, int]) -> dict[str, int]:
    """Count the RRsets that each account owns: up to its limit."""
    found = session.execute(_OWNED, {"limits": to_json(limits).decode()})
    return {row.account_id: row.number for row in found}


def _time_of(request_id: str | None) -> float:
    """Return when a request was made, by its id (RFC 9562 5.7)."""
    return (UUID(request_id).int >> 80) / 1_000 if request_id else datetime.now(UTC).timestamp()


def list_known(session: AnySession) -> Sequence[Any]:
    """Return the quotas that accounts have of their own, as `AccountQuota` has them."""
    return session.execute(select(AccountQuota.__table__).order_by(AccountQuota.account_id)).all()


def get(session: Session, account: str) -> AccountQuota | None:
    """Return the account's own quota."""
    return session.get(AccountQuota, account)


def put(session: Session, account: str, values: Mapping[str, Any]) -> AccountQuota:
    """Store the account's own quota, in the place of an earlier one."""
    row = {"account_id": account, **values}
    statement = insert(AccountQuota).values(row)
    changed = statement.on_conflict_do_update(index_elements=["account_id"], set_=dict(values))
    populated = {"populate_existing": True}
    return session.scalars(changed.returning(AccountQuota), execution_options=populated).one()


def remove(session: Session, row: AccountQuota) -> None:
    """Remove an account's own quota."""
    session.delete(row)
    session.flush()
