"""What a zone's settings say against a change."""

from collections.abc import Iterator, Sequence

from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.places import DOMAIN, RECORD_TYPE, TARGET, TTL
from app.domain.rdata import RecordType
from app.domain.rdata.addresses import special_uses
from app.domain.zone_settings import PrivateAddresses, ZoneSettings


def allows_type(settings: ZoneSettings, record_type: RecordType) -> bool:
    """Whether the zone takes changes of records of this type."""
    allowed = settings.allowed_types
    if record_type.is_unknown:
        return settings.unknown_types or (allowed is not None and record_type in allowed)
    return allowed is None or record_type in allowed


def why_restricted(
    settings: ZoneSettings,
    action: Action,
    zone: str,
    name: str,
    record_type: RecordType,
    rdata: Sequence[str],
    ttl: int | None,
) -> Iterator[Reason]:
    """Yield the reasons against the change, but for those against types that are known by their number alone.

    `ttl` is what the request says; a deletion has none that counts.
    """
    if not record_type.is_unknown and not allows_type(settings, record_type):
        allowed = ", ".join(sorted(settings.allowed_types or ()))
        message = f"the zone {zone} allows no {record_type} records; its allowed_types are {allowed}"
        yield Reason(RECORD_TYPE, "type_not_allowed", message)
    if pattern := settings.protected_names.pattern_of(name, zone):
        message = f"{name} is protected in the zone {zone}, by {pattern}: an operator can change that"
        yield Reason(DOMAIN, "name_protected", message)
    if action is Action.DELETE:
        return
    if ttl is not None and not settings.min_ttl <= ttl <= settings.max_ttl:
        message = f"the zone {zone} allows TTLs from {settings.min_ttl} to {settings.max_ttl} seconds"
        yield Reason(TTL, "ttl_not_allowed", message)
    if settings.private_addresses is PrivateAddresses.REFUSE:
        yield from not_public(record_type, rdata)


def warnings_of_zone(
    settings: ZoneSettings, action: Action, record_type: RecordType, rdata: Sequence[str]
) -> tuple[Reason, ...]:
    """Return what the zone wants to be warned of."""
    if settings.private_addresses is not PrivateAddresses.WARN or action is Action.DELETE:
        return ()
    return tuple(not_public(record_type, rdata))


def not_public(record_type: RecordType, rdata: Sequence[str]) -> Iterator[Reason]:
    """Yield a reason for each address that is not one of the public Internet."""
    for value in rdata:
        for address, use in special_uses(record_type, value):
            message = f"{address} is no address of the public Internet, but {use}"
            yield Reason(TARGET, "address_not_public", message)
