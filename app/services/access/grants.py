"""Grants: who may do what to which names of which zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.domain.change import Action
from app.domain.errors import DomainError, GrantNotFound, InvalidInput, Reason
from app.domain.name_patterns import read_pattern, why_not_relative
from app.domain.permissions import Caller, Effect, Grant, Role, read_granted_zone
from app.services.access import audit
from app.services.rows import values_for
from app.store import grants as store
from app.store.models import AccessGrant


@dataclass(frozen=True, slots=True)
class GrantState:
    """A grant as it is stored. No types are every type, no actions every action."""

    id: UUID
    effect: Effect
    account_id: str | None
    role: str | None
    zone: str
    names: str
    types: Sequence[str]
    actions: Sequence[str]
    comment: str | None
    created_at: datetime
    created_by: str


def add_grant(session: Session, caller: Caller, wanted: Grant, comment: str | None = None) -> GrantState:
    """Store a grant; its id is made here. Raises InvalidInput.

    One that says the same, whatever its comment, is returned as it is. The zone need not be served: who may
    change it can be said before.
    """
    reasons: list[Reason] = []
    if (wanted.account is None) is (wanted.role is None):
        message = "a grant is to an account or to a role: name one of the two"
        reasons.append(Reason((), "grantee_invalid", message))
    zone = names = ""
    try:
        zone = read_granted_zone(wanted.zone)
    except DomainError as error:
        reasons.append(error.reason("zone"))
    try:
        names = read_pattern(wanted.names)
    except DomainError as error:
        reasons.append(error.reason("names"))
    if wrong := why_not_relative(names, zone):
        reasons.append(wrong.reason("names"))
    if reasons:
        raise InvalidInput(reasons)
    row = AccessGrant(
        id=uuid7(),
        effect=wanted.effect,
        account_id=wanted.account,
        role=wanted.role,
        zone=zone,
        names=names,
        types=sorted(wanted.types),
        actions=sorted(wanted.actions),
        comment=comment,
        created_by=caller.principal.name,
    )
    store.change_version(session)  # which others wait for: nobody adds the same meanwhile
    if there := store.find_same(session, row):
        return _state(there)
    added = store.add(session, row)
    audit.note(session, caller, "grant_added", str(added.id), after=_as_json(added))
    return _state(added)


def list_grants(session: Session) -> list[GrantState]:
    """Return every grant, the oldest first."""
    return list(map(_state, store.list_all(session)))


def remove_grant(session: Session, caller: Caller, grant_id: UUID) -> None:
    """Remove a grant. Raises GrantNotFound."""
    row = store.lock(session, grant_id)
    if row is None:
        raise GrantNotFound
    before = _as_json(row)
    store.remove(session, row)
    store.change_version(session)
    audit.note(session, caller, "grant_removed", str(grant_id), before)


def grant_of(row: Any) -> Grant | None:
    """Return the grant of a stored row; None where it is about what only a later release knows."""
    known = frozenset(Action)
    actions = frozenset(Action(action) for action in row.actions if action in known)
    if (row.role is not None and row.role not in frozenset(Role)) or (row.actions and not actions):
        return None
    return Grant(
        id=str(row.id),
        effect=row.effect,
        account=row.account_id,
        role=Role(row.role) if row.role else None,
        zone=row.zone,
        names=row.names,
        types=frozenset(row.types),
        actions=actions,
    )


def _state(row: AccessGrant) -> GrantState:
    return GrantState(**values_for(GrantState, row))


def _as_json(row: AccessGrant) -> dict[str, Any]:
    return {
        "effect": row.effect.value,
        "account": row.account_id,
        "role": row.role,
        "zone": row.zone,
        "names": row.names,
        "types": row.types,
        "actions": row.actions,
        "comment": row.comment,
    }
