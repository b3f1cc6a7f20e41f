"""An RRset as a resource: as it is recorded, and changes that expect it to be so."""

import json
from collections.abc import Collection
from hashlib import sha256

from sqlalchemy.orm import Session

from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.errors import DomainError, InvalidInput, PreconditionFailed, RRsetNotFound, ZoneNotFound
from app.domain.names import name_in_zone
from app.domain.permissions import Caller
from app.domain.read_zone import read_zone_key
from app.domain.zone_key import dns_name
from app.services.records import find_rrset
from app.store import zones

ANY = "*"


def etag_of(state: RRsetState) -> str:
    """Return what is another text for another RRset."""
    return sha256(json.dumps([state.ttl, sorted(state.rdata)]).encode()).hexdigest()[:32]


def read_key(session: Session, zone: str, owner: str, record_type: str) -> tuple[str, RRsetKey]:
    """Return the key of a zone that is served, and of an RRset in it. Raises ZoneNotFound, InvalidInput."""
    try:
        key = read_zone_key(zone)
    except DomainError as error:
        raise ZoneNotFound(zone) from error
    if zones.get(session, key) is None:
        raise ZoneNotFound(key)
    try:
        return key, RRsetKey(name_in_zone(owner, dns_name(key)), record_type)
    except DomainError as error:
        raise InvalidInput([error.reason("name")], "path") from error


def expected(
    session: Session,
    zone: str,
    key: RRsetKey,
    reader: Caller,
    if_match: Collection[str],
    *,
    must_be_new: bool,
) -> RRsetState | None:
    """Return the RRset that a change is to find (RFC 9110, section 13.1); None: whatever is there.

    `if_match` are ETags, or ANY. Raises PreconditionFailed where another RRset is recorded, as far as the
    reader may see it: nobody finds out values by guessing. The servers are asked when the change is applied.
    """
    if not if_match and not must_be_new:
        return None
    try:
        found = find_rrset(session, zone, key, reader)
    except RRsetNotFound:
        there = NOTHING
    else:
        there = RRsetState(found.ttl, tuple(found.rdata))
    is_as_read = bool(there.rdata) and not {ANY, etag_of(there)}.isdisjoint(if_match)
    if not (not there.rdata if must_be_new else is_as_read):
        raise PreconditionFailed(zone, key)
    return there
