"""Read what was changed in a zone since its last known serial, and note which RRsets may have drifted.

Our own changes come in the same way. They are no candidates once they are recorded: what is recorded agrees
with the transfer. What is not recorded yet becomes a candidate, and `confirm.py` finds that the two agree.
"""

from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.drift import NetChanges, after, agrees
from app.domain.server import Server
from app.domain.zone_key import dns_name
from app.domain.zone_record import Soa
from app.nameservers.transfer import Delta, Kind, Limits, Transfer, TransferFailed, transfer
from app.services.zones.compare import compare
from app.store import drift, leases, records, watch
from app.store.watch import WatchedZone

__all__ = ["TransferFailed", "read_changes"]

log = get_logger(__name__)

_IDLE = 10.0  # seconds without an octet
MAX_OCTETS = 64 * 1024 * 1024  # of changes; what is more is read as a whole


def read_changes(zone: WatchedZone, server: Server, *, whole: bool = False) -> None:
    """Read what has changed since the known serial, or else compare the whole zone with what is recorded.

    With `whole` it is compared in any case. Raises TransferFailed.
    """
    since = None if whole else zone.known_serial
    limits = Limits(
        min(_IDLE, settings().transfer_timeout), settings().transfer_timeout, settings().transfer_bytes
    )
    with transfer(server, dns_name(zone.name), limits, since) as incoming:
        if incoming.kind is Kind.WHOLE:
            return compare(zone, incoming)
        if incoming.kind is Kind.CHANGES and (net := _add_up(incoming)) is not None:
            return _store(zone, incoming.soa, net)
        if incoming.kind is Kind.UNCHANGED and incoming.soa.serial == since:
            return None
    with transfer(
        server, dns_name(zone.name), limits
    ) as incoming:  # the serial went back, or too much is new
        return compare(zone, incoming)


def _add_up(incoming: Transfer) -> NetChanges | None:
    """Return what the changes add up to; None where they are too many to be held."""
    net = NetChanges()
    for delta in incoming.deltas():
        _apply(delta, net)
        if net.octets > MAX_OCTETS:
            return None
    return net


def _apply(delta: Delta, net: NetChanges) -> None:
    name, record_type, ttl, rdata = delta.record
    if delta.added:
        net.add(name, record_type, rdata, ttl)
    else:
        net.delete(name, record_type, rdata)


def _store(zone: WatchedZone, soa: Soa, net: NetChanges) -> None:
    """Store the candidates with the serial, so that a crash loses none of them."""
    with transaction() as session:
        leases.keep_still(session, zone.name)
        candidates = _candidates(session, zone.name, net)
        drift.add_candidates(session, zone.name, candidates, soa.serial)
        if not watch.advance(session, zone.name, zone.known_serial, soa.serial, soa.rdata, soa.ttl):
            session.rollback()  # another worker was first
            return
    log.debug(
        "changes read",
        zone=zone.name,
        since=zone.known_serial,
        serial=soa.serial,
        rrsets=len(net.by_rrset),
        candidates=len(candidates),
    )


def _candidates(session: Session, zone: str, net: NetChanges) -> dict[RRsetKey, RRsetState]:
    """Return the changed RRsets that are not recorded as they are now, or that had drifted before."""
    names = {key.name for key in net.by_rrset}
    recorded = records.states(session, zone, names)
    drifted = drift.drifted_at(session, zone, names)
    found = {}
    for key, change in net.by_rrset.items():
        known = recorded.get(key, NOTHING)
        if key in drifted or not agrees(key.type, known, change):
            found[key] = after(key.type, known, change)
    return found
