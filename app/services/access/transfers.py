"""Transfers: an account offers RRsets, or a zone, to another one, which accepts or declines them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.domain.errors import (
    DomainError,
    InvalidInput,
    NotAllowed,
    NothingToTransfer,
    Reason,
    RecordsExceeded,
    TooManyOffers,
    TransferClosed,
    TransferNotFound,
    TransferStale,
    TransferTooLarge,
    ZoneNotFound,
)
from app.domain.name_patterns import read_pattern, why_not_relative
from app.domain.permissions import Caller, Right, Role
from app.domain.read_zone import read_zone_key
from app.domain.transfer import EXPIRED, TransferStatus
from app.services.access import audit, quotas
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.services.rows import values_for
from app.store import quotas as quota_store
from app.store import transfers as store
from app.store import zones
from app.store.models import AccessTransfer, Zone
from app.store.turns import take_turn

MAX_RRSETS = 100_000  # of one owner in the zone that are looked at
MAX_OFFERS = 100  # of one account at a time
LIFETIME = timedelta(days=7)  # of an offer, unless it says how long
LONGEST_LIFETIME = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered: RRsets of a zone by a pattern of names and by types, and maybe the zone itself.

    `from_account` None stands for the only one of the caller, or with `of_nobody` for what nobody owns; no
    types for all.
    """

    zone: str
    names: str
    types: Sequence[str]
    whole_zone: bool
    from_account: str | None
    to_account: str
    of_nobody: bool = False
    expires_at: datetime | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class TransferState:
    """A transfer as it is stored. `rrsets` is how many were offered or, once it is accepted, transferred."""

    id: UUID
    status: str
    zone: str
    names: str
    types: Sequence[str]
    whole_zone: bool
    from_account: str | None
    to_account: str
    comment: str | None
    rrsets: int
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None


def offer(session: Session, caller: Caller, wanted: Offer) -> TransferState:
    """Store an offer.

    Raises InvalidInput, NotAllowed, NothingToTransfer, TransferTooLarge, TooManyOffers.
    """
    now = datetime.now(UTC)
    if wanted.from_account is None and not wanted.of_nobody:
        wanted = replace(wanted, from_account=caller.principal.only_account)
    zone = _zone_to_offer(session, wanted, now)
    offered_for = wanted.from_account or _owner_of(zone)
    _require_account(caller, offered_for, wanted)
    if wanted.whole_zone and _owner_of(zone) != wanted.from_account:
        raise NothingToTransfer("the zone is not this account's: `owner` of its settings names another one")
    row = AccessTransfer(
        id=uuid7(),
        status=TransferStatus.OFFERED,
        zone=zone.name,
        names=read_pattern(wanted.names),
        types=sorted(wanted.types),
        whole_zone=wanted.whole_zone,
        from_account=wanted.from_account,
        to_account=wanted.to_account,
        offered_for=offered_for,
        comment=wanted.comment,
        expires_at=wanted.expires_at or now + LIFETIME,
    )
    row.rrsets = len(_rrsets(session, row))
    if not row.rrsets and not row.whole_zone:
        raise NothingToTransfer(_nothing_there(row))
    if offered_for is not None and store.count_offered(session, offered_for) >= MAX_OFFERS:
        raise TooManyOffers(MAX_OFFERS)
    added = store.add(session, row)
    audit.note(session, caller, "transfer_offered", str(added.id), after=_as_json(added))
    return _state(added)


def accept(session: Session, caller: Caller, transfer_id: UUID) -> TransferState:
    """Give what is offered, as far as it is still the offerer's, to the account to which it is offered.

    Raises TransferNotFound, NotAllowed, TransferClosed, TransferStale, TransferTooLarge, RecordsExceeded.
    """
    row = _lock(session, caller, transfer_id, lambda row: row.to_account)
    if row.whole_zone:
        _give_zone(session, row)
    store.lock_records(session, row.zone)
    found = _rrsets(session, row)
    _require_quota(session, row.to_account, len(found))
    row.rrsets = store.change_owner(session, row, found)
    if not row.rrsets and not row.whole_zone:
        raise TransferStale
    return _close(session, caller, row, TransferStatus.ACCEPTED)


def decline(session: Session, caller: Caller, transfer_id: UUID) -> TransferState:
    """Leave what is offered whose it is. Raises TransferNotFound, NotAllowed, TransferClosed."""
    row = _lock(session, caller, transfer_id, lambda row: row.to_account)
    return _close(session, caller, row, TransferStatus.DECLINED)


def withdraw(session: Session, caller: Caller, transfer_id: UUID) -> TransferState:
    """Take an offer back. Raises TransferNotFound, NotAllowed, TransferClosed."""
    row = _lock(session, caller, transfer_id, lambda row: row.offered_for)
    return _close(session, caller, row, TransferStatus.WITHDRAWN)


def list_transfers(session: Session, caller: Caller, limit: int, cursor: str | None) -> Page[TransferState]:
    """Return transfers from and to the caller's accounts, the newest first; to who reads all, all.

    Raises InvalidFilter for a cursor that was not given out.
    """
    accounts = None if caller.principal.has(Right.READ_ALL) else caller.principal.accounts
    found = store.page(
        session, accounts, limit + 1, None if cursor is None else _read_cursor(session, cursor)
    )
    items = list(map(_state, found[:limit]))
    return Page(items, encode_cursor(session, str(items[-1].id)) if len(found) > limit else None)


def _read_cursor(session: Session, cursor: str) -> UUID:
    try:
        return UUID(str(decode_cursor(session, cursor)))
    except ValueError as error:
        raise invalid_cursor() from error


def _zone_to_offer(session: Session, wanted: Offer, now: datetime) -> Zone:
    """Return the zone. Raises InvalidInput with all that is wrong with what is offered."""
    reasons: list[Reason] = []
    zone = None
    try:
        zone = zones.get(session, read_zone_key(wanted.zone))
        if zone is None:
            reasons.append(Reason(("zone",), "zone_unknown", str(ZoneNotFound(wanted.zone))))
        elif wrong := why_not_relative(read_pattern(wanted.names), zone.name):
            reasons.append(wrong.reason("names"))
    except DomainError as error:
        reasons.append(error.reason("names" if error.code == "pattern_invalid" else "zone"))
    reasons += _reasons_against(wanted, now)
    if reasons or zone is None:
        raise InvalidInput(reasons)
    return zone


def _reasons_against(wanted: Offer, now: datetime) -> Iterator[Reason]:
    if wanted.of_nobody is (wanted.from_account is not None):
        words = "say whose it is: from_account or, for what nobody owns, of_nobody"
        yield Reason(("from_account",), "missing", words)
    if wanted.to_account == wanted.from_account:
        yield Reason(("to_account",), "transfer_to_owner", "it is this account's already")
    if wanted.expires_at is not None and wanted.expires_at <= now:
        yield Reason(("expires_at",), "time_past", "this time has passed")
    elif wanted.expires_at is not None and wanted.expires_at > now + LONGEST_LIFETIME:
        words = f"an offer stands for {LONGEST_LIFETIME.days} days at most"
        yield Reason(("expires_at",), "time_out_of_range", words)


def _nothing_there(row: AccessTransfer) -> str:
    what = f"{', '.join(row.types)} RRset" if row.types else "RRset"
    whose = (
        f"{row.from_account} owns no {what}" if row.from_account else f"there is no {what} that nobody owns"
    )
    return f"{whose} at {row.names} in {row.zone}: GET /api/v1/dns/records shows the owners"


def _require_account(caller: Caller, account: str | None, wanted: Offer) -> None:
    """Raise NotAllowed unless the caller may give away what is this account's."""
    if Role.ADMIN in caller.principal.roles or account in caller.principal.accounts:
        return
    whose = wanted.from_account or "the account that owns the zone"
    raise NotAllowed(Reason(("from_account",), "not_allowed", f"you may not speak for {whose}"))


def _lock(session: Session, caller: Caller, transfer_id: UUID, whose: Any) -> AccessTransfer:
    """Return a transfer that is offered, and that is the caller's to decide about."""
    row = store.lock(session, transfer_id)
    own, is_admin = caller.principal.accounts, Role.ADMIN in caller.principal.roles
    if row is None or not (is_admin or row.to_account in own or row.offered_for in own):
        raise TransferNotFound
    if not is_admin and whose(row) not in own:
        raise NotAllowed(Reason((), "not_allowed", f"only {whose(row) or 'an admin'} may do this"))
    if (status := _status(row)) != TransferStatus.OFFERED:
        raise TransferClosed(status)
    return row


def _give_zone(session: Session, row: AccessTransfer) -> None:
    """Let the zone be owned by who is offered it. Raises TransferStale."""
    zone = zones.get(session, row.zone, to="change")
    if zone is None or _owner_of(zone) != row.from_account:
        raise TransferStale
    zone.settings = {**(zone.settings or {}), "owner": row.to_account}


def _rrsets(session: Session, row: AccessTransfer) -> Sequence[Any]:
    """Return what the transfer is about now. Raises TransferTooLarge."""
    found = store.rrsets(session, row, MAX_RRSETS)
    if found is None:
        raise TransferTooLarge(MAX_RRSETS)
    return found


def _require_quota(session: Session, account: str, number: int) -> None:
    """Raise RecordsExceeded where the account may not own so many RRsets more."""
    most = quotas.get_quota(session, account).in_effect.records
    if not most:
        return
    take_turn(session, f"the RRsets given to {account}")
    if (owned := quota_store.count_owned(session, {account: most})[account]) + number > most:
        raise RecordsExceeded(account, owned, 0, most, given=number)


def _close(session: Session, caller: Caller, row: AccessTransfer, status: TransferStatus) -> TransferState:
    before = _as_json(row) | {"status": TransferStatus.OFFERED.value}
    row.status, row.decided_at = status, datetime.now(UTC)
    session.flush()
    audit.note(session, caller, f"transfer_{status}", str(row.id), before, _as_json(row))
    return _state(row)


def _owner_of(zone: Zone) -> str | None:
    owner: str | None = (zone.settings or {}).get("owner")
    return owner


def _status(row: AccessTransfer) -> str:
    if row.status == TransferStatus.OFFERED and row.expires_at <= datetime.now(UTC):
        return EXPIRED
    return row.status


def _state(row: AccessTransfer) -> TransferState:
    return TransferState(**values_for(TransferState, row) | {"status": _status(row)})


def _as_json(row: AccessTransfer) -> dict[str, Any]:
    """Return what the audit keeps: whose it is once that is so."""
    kept = ("zone", "names", "types", "whole_zone", "from_account", "to_account", "comment", "rrsets")
    owner = row.to_account if row.status == TransferStatus.ACCEPTED else row.from_account
    return {"status": str(row.status), "owner": owner} | {name: getattr(row, name) for name in kept}
