"""Which RRsets are meant, where some of a zone's drift is named."""

from collections.abc import Iterable

from app.domain.change import RRsetKey
from app.domain.errors import DomainError, InvalidInput, Reason
from app.domain.names import name_in_zone
from app.domain.rdata import RecordType
from app.domain.reasons import MAX_REASONS, at_most
from app.domain.zone_key import dns_name
from app.domain.zone_record import KEPT_AT_APEX
from app.services.zones.registry import ServedZone


def read_keys(zone: ServedZone, named: Iterable[tuple[str, RecordType]]) -> list[RRsetKey]:
    """Return the RRsets of these names and types. Raises InvalidInput."""
    keys, reasons = list[RRsetKey](), list[Reason]()
    apex = dns_name(zone.name)
    for index, (domain, record_type) in enumerate(named):
        try:
            name = name_in_zone(domain, apex)
        except DomainError as error:
            reasons.append(error.reason("rrsets", index, "domain"))
            continue
        if name == apex and record_type.value in KEPT_AT_APEX:
            words = f"{record_type.value} at the apex is the signer's: it is never drift"
            reasons.append(Reason(("rrsets", index, "record_type"), "kept_by_server", words))
        keys.append(RRsetKey(name, record_type.value))
    if reasons:
        raise InvalidInput(at_most(MAX_REASONS, reasons))
    return keys
