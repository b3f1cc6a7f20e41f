"""What has drifted in a zone: listed, adopted, restored, looked at again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.change import RRsetKey
from app.domain.drift import DriftPolicy
from app.domain.errors import NothingDrifted, ZoneNotImported
from app.domain.inverse import Inverse, inverse
from app.domain.permissions import SERVICE, Caller
from app.domain.rollback_order import in_order
from app.domain.zone_key import dns_name
from app.services import kicks
from app.services.access import audit
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.services.requests.draft import Draft
from app.services.requests.restoring import restoring_change
from app.services.requests.submission import Accepted, Submitted, reasons_of
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.services.zones.registry import ServedZone
from app.store import drift, leases, watch
from app.store.drift import DriftedRRset
from app.store.requests import NewBatch
from app.store.watch import Watched

log = get_logger(__name__)

MAX_COUNTED = 100_000  # RRsets
_MAX_NOTED = 100  # RRsets that an entry of the audit names
_MAX_LOGGED = 10  # RRsets that a line of the log names
SOURCE = "drift"  # of requests that restore
OF_NOBODY = "dns-orchestrator"  # in whose name is restored what belongs to no account


@dataclass(frozen=True, slots=True)
class ZoneDrift:
    """A page of what has drifted in a zone, how much that is, and up to when all of it was looked at."""

    watched: Watched
    page: Page[DriftedRRset]
    drifted: int  # at most MAX_COUNTED, like the next one
    candidates: int


class Restored(NamedTuple):
    """RRsets that are to be restored, each with its request or the reasons against one; and their batch."""

    batch_id: UUID | None
    items: Sequence[tuple[DriftedRRset, Submitted]]


@dataclass(frozen=True, slots=True)
class Why:
    """Why something is restored, in the words of who has it restored."""

    comment: str | None = None
    reason: str | None = None
    ticket: str | None = None


BY_ITSELF = Why(reason="the zone's setting has drift restored")


def list_drift(session: Session, zone: ServedZone, limit: int, cursor: str | None) -> ZoneDrift:
    """Return a page of at most `limit` RRsets that have drifted, by name and type. Raises InvalidFilter."""
    behind = _position(session, cursor) if cursor is not None else None
    found = drift.list_drifted(session, zone.name, limit + 1, behind)
    items = found[:limit]
    following = encode_cursor(session, items[-1].key) if len(found) > limit else None
    counts = drift.count(session, zone.name, MAX_COUNTED)
    return ZoneDrift(watched(session, zone.name), Page(items, following), *counts)


def adopt(caller: Caller, zone: ServedZone, keys: Collection[RRsetKey] | None) -> Sequence[DriftedRRset]:
    """Record what was found of these RRsets, or of all that have drifted; return them.

    Raises NothingDrifted, ZoneNotImported.
    """
    with transaction() as session:
        adopted = _adopt(session, zone.name, keys)
        if not adopted:
            raise _nothing_drifted(session, zone.name)
        audit.note(session, caller, "drift_adopted", zone.name, *_sides(adopted))
    _log_adopted(zone.name, adopted)
    return adopted


def restore(caller: Caller, zone: ServedZone, keys: Collection[RRsetKey] | None, why: Why) -> Restored:
    """Submit requests that restore what is recorded of these RRsets, or of all that have drifted.

    They are at most so many as a batch may have. Each expects what was found: what has changed since then
    stays. What an open request is to restore already is left out. Raises NothingDrifted, ZoneNotImported.
    """
    with transaction() as session:
        drifted = drift.list_drifted(session, zone.name, settings().max_batch_items, keys=keys, idle=True)
        if not drifted:
            raise _nothing_drifted(session, zone.name)
        restored = _restore(session, zone, drifted, why)
        audit.note(session, caller, "drift_restored", zone.name, *_sides(drifted))
    kicks.kick_zones([zone.name])
    return restored


def look_again(caller: Caller, zone: ServedZone, keys: Collection[RRsetKey] | None) -> None:
    """Have the watcher ask for these RRsets, or compare the whole zone. Raises ZoneNotImported."""
    with transaction() as session:
        if watched(session, zone.name).imported_at is None:
            raise ZoneNotImported(zone.name)
        if keys is None:
            watch.want_comparison(session, zone.name)
        else:
            drift.ask_again(session, zone.name, keys)
        looked_at = {"rrsets": None if keys is None else len(keys)}
        audit.note(session, caller, "drift_check_wanted", zone.name, after=looked_at)


def keep_policy(zone: ServedZone) -> None:
    """Adopt or restore what has drifted in the zone, as its setting says.

    That is in the log, and in that of the requests; in the audit is who has set it so.
    """
    if zone.settings.drift is DriftPolicy.ADOPT:
        with transaction() as session:
            adopted = _adopt(session, zone.name, None)
        _log_adopted(zone.name, adopted)
    elif zone.settings.drift is DriftPolicy.RESTORE:
        with transaction() as session:
            drifted = drift.list_drifted(session, zone.name, settings().max_batch_items, new=True)
            restored = _restore(session, zone, drifted, BY_ITSELF)
        kicks.kick_zones([zone.name])
        _log_restored(zone.name, restored)


def _adopt(session: Session, zone: str, keys: Collection[RRsetKey] | None) -> Sequence[DriftedRRset]:
    leases.keep_still(session, zone)  # what a settlement has recorded since then is no drift any more
    return drift.adopt(session, zone, keys)


def _restore(session: Session, zone: ServedZone, drifted: Sequence[DriftedRRset], why: Why) -> Restored:
    """Submit what restores these, as the service's own act: it is allowed to whoever may manage zones."""
    inverses = {
        each.key: found
        for each in drifted
        if isinstance(found := inverse(each.record_type, each.recorded, each.found), Inverse)
    }
    by_key = {each.key: each for each in drifted}
    ordered = [by_key[key] for key in in_order(dns_name(zone.name), inverses)]
    drafts = [_draft(zone, each, inverses[each.key], why) for each in ordered]
    batch = NewBatch(uuid7())
    results = submit(session, drafts, batch=batch)
    requests = {
        each.key: result.request.id if isinstance(result, Accepted) else drift.NO_REQUEST
        for each, result in zip(ordered, results, strict=True)
    }
    drift.note_restoring(session, zone.name, requests)
    is_stored = any(isinstance(result, Accepted) for result in results)
    return Restored(batch.id if is_stored else None, list(zip(ordered, results, strict=True)))


def _draft(zone: ServedZone, drifted: DriftedRRset, found: Inverse, why: Why) -> Draft:
    change = restoring_change(
        zone.name,
        drifted.key,
        found,
        account_id=drifted.owner or drifted.account_id or zone.settings.rights.owner or OF_NOBODY,
        source=SOURCE,
        not_before=None,
        comment=why.comment or drifted.comment,
        reason=why.reason,
        ticket=why.ticket,
        extra_config={},
        keeps_ptrs=False,
    )
    return read_change(change._replace(expect=found.expect), SERVICE)


def watched(session: Session, zone: str) -> Watched:
    """Return what the watcher knows of a zone that is served."""
    found = watch.get(session, zone)
    assert found is not None  # it is served
    return found


def _nothing_drifted(session: Session, zone: str) -> NothingDrifted | ZoneNotImported:
    is_imported = watched(session, zone).imported_at is not None
    return NothingDrifted(zone) if is_imported else ZoneNotImported(zone)


def _position(session: Session, cursor: str) -> RRsetKey:
    match decode_cursor(session, cursor):
        case [str(name), str(record_type)] if (name + record_type).isprintable():
            return RRsetKey(name, record_type)
    raise invalid_cursor()


def _sides(drifted: Sequence[DriftedRRset]) -> tuple[dict[str, object], dict[str, object]]:
    """Return what was recorded and what was found, as the audit notes it; of very many the first ones."""
    named = drifted[:_MAX_NOTED]
    recorded = {str(each.key): each.recorded.as_json() for each in named if each.recorded.rdata}
    found = {str(each.key): each.found.as_json() for each in named if each.found.rdata}
    return {"recorded": recorded}, {"found": found, "rrsets": len(drifted)}


def _log_adopted(zone: str, adopted: Sequence[DriftedRRset]) -> None:
    if adopted:
        named = [str(each.key) for each in adopted[:_MAX_LOGGED]]
        log.info(
            "drift adopted: what was changed beside us is recorded",
            zone=zone,
            rrsets=len(adopted),
            first=named,
        )


def _log_restored(zone: str, restored: Restored) -> None:
    for each, result in restored.items:
        if not isinstance(result, Accepted):
            log.warning(
                "drift not restored: no request for it can be made; it stays until somebody sees to it",
                zone=zone,
                rrset=str(each.key),
                reasons=[reason.message for reason in reasons_of(result)],
            )
    log.info("drift is being restored", zone=zone, rrsets=len(restored.items), batch=str(restored.batch_id))
