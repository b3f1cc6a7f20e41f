"""Compare a whole zone, as it is transferred, with what is recorded of it."""

from app.core.database import transaction
from app.core.logging import get_logger
from app.nameservers.transfer import Transfer
from app.store import comparison, leases, watch
from app.store.upkeep import read_time
from app.store.watch import WatchedZone

log = get_logger(__name__)


def compare(zone: WatchedZone, incoming: Transfer) -> None:
    """Make candidates of drift of what differs, in the transaction that notes the serial.

    Raises TransferFailed; nothing is stored then.
    """
    with transaction() as session:
        began = read_time(session)
        comparison.stage(session, incoming.records())
        leases.keep_still(session, zone.name)
        candidates = comparison.add_differences(session, zone.name, incoming.soa.serial)
        soa = incoming.soa
        if not watch.advance(session, zone.name, zone.known_serial, soa.serial, soa.rdata, soa.ttl, began):
            session.rollback()  # another worker was first
            return
    say = log.info if candidates else log.debug
    say(
        "zone compared with its records",
        zone=zone.name,
        serial=incoming.soa.serial,
        octets=incoming.octets,
        candidates=candidates,
    )
