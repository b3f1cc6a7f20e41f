"""The quotas of accounts: those of the settings, and those that single accounts have of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.errors import QuotaNotFound
from app.domain.permissions import Caller
from app.domain.quotas import QUOTA_NAMES, Quota, Quotas
from app.services.access import audit
from app.store import grants
from app.store import quotas as store
from app.store.models import AccountQuota


@dataclass(frozen=True, slots=True)
class QuotaState:
    """An account's quota: what it has of its own (None: the default), and what is in effect."""

    account_id: str
    own: Mapping[str, int | None]
    in_effect: Quota
    comment: str | None = None
    updated_at: datetime | None = None  # None, as the next one: it has none of its own
    updated_by: str | None = None


def default_quota() -> Quota:
    """Return the quota of accounts that have none of their own."""
    return Quota(
        open_requests=settings().backlog_limit_per_account,
        records=settings().quota_records,
        requests_per_minute=settings().quota_requests_per_minute,
    )


def quotas_of(rows: Iterable[Any]) -> Quotas:
    """Return the quotas of all accounts, by the stored rows."""
    own = {row.account_id: _said(row) for row in rows}
    return Quotas(default_quota(), own)


def list_quotas(session: Session) -> list[QuotaState]:
    """Return the accounts that have quotas of their own, by name."""
    return list(map(_state, store.list_known(session)))


def get_quota(session: Session, account: str) -> QuotaState:
    """Return the account's quota, its own or the default."""
    row = store.get(session, account)
    nothing = dict.fromkeys(QUOTA_NAMES)
    return _state(row) if row else QuotaState(account, nothing, default_quota())


def set_quota(
    session: Session, caller: Caller, account: str, wanted: Mapping[str, int | None], comment: str | None
) -> QuotaState:
    """Give the account a quota of its own, in the place of an earlier one."""
    earlier = store.get(session, account)
    before = _as_json(earlier) if earlier else None
    values = {name: wanted.get(name) for name in QUOTA_NAMES}
    written = {**values, "comment": comment, "updated_at": datetime.now(UTC)}
    row = store.put(session, account, written | {"updated_by": caller.principal.name})
    grants.change_version(session)
    audit.note(session, caller, "quota_set", account, before, _as_json(row))
    return _state(row)


def remove_quota(session: Session, caller: Caller, account: str) -> None:
    """Let the defaults count for the account again. Raises QuotaNotFound."""
    row = store.get(session, account)
    if row is None:
        raise QuotaNotFound
    before = _as_json(row)
    store.remove(session, row)
    grants.change_version(session)
    audit.note(session, caller, "quota_removed", account, before)


def _said(row: Any) -> dict[str, int]:
    found = ((name, getattr(row, name)) for name in QUOTA_NAMES)
    return {name: value for name, value in found if value is not None}


def _state(row: Any) -> QuotaState:
    in_effect = quotas_of([row]).of(row.account_id)
    own = {name: getattr(row, name) for name in QUOTA_NAMES}
    return QuotaState(row.account_id, own, in_effect, row.comment, row.updated_at, row.updated_by)


def _as_json(row: AccountQuota) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*QUOTA_NAMES, "comment")}
