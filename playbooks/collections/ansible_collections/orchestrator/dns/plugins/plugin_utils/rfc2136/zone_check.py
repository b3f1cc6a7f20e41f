"""Harmless questions that tell what is wrong with the server or the zone from what is wrong with a change."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    NoAnswer,
    Unreachable,
    ZoneFailed,
    ZoneNotLoaded,
    ZoneRefusesUpdates,
)
from dns.rcode import Rcode
from dns.rdatatype import SOA

from .connection import Connection

_NO_ANSWER_ABOUT_ZONE = (Rcode.SERVFAIL, Rcode.FORMERR, Rcode.NOTIMP)


def check_zone(connection: Connection, zone: dns.name.Name) -> None:
    """Ask for the zone's SOA: what takes no question takes no update. Raises BatchFault."""
    query = dns.message.make_query(zone, SOA, flags=0)
    try:
        answer = connection.exchange_first(query)
    except NoAnswer as error:
        raise Unreachable(f"no answer about the zone: {error}") from error
    code = dns.rcode.to_text(answer.rcode())
    if answer.rcode() in _NO_ANSWER_ABOUT_ZONE:
        raise ZoneFailed(f"{connection.target} fails to answer for the zone {zone} ({code})")
    if answer.rcode() != Rcode.NOERROR:
        raise ZoneNotLoaded(
            f"{connection.target} does not answer for the zone {zone} ({code}): it does not have it, or has "
            "not loaded it, or the key may not ask"
        )
    has_soa = any(rrset.name == zone and rrset.rdtype == SOA for rrset in answer.answer)
    if not has_soa or not answer.flags & dns.flags.AA:
        raise ZoneNotLoaded(f"{connection.target} is not authoritative for the zone {zone}")


def explain_empty_update(rcode: Rcode, server: object, zone: dns.name.Name) -> None:
    """Raise what is wrong with a zone where an update that changes nothing is answered with this code."""
    code = dns.rcode.to_text(rcode)
    if rcode == Rcode.SERVFAIL:
        raise ZoneFailed(f"{server} fails to update the zone {zone} at all ({code})")
    if rcode != Rcode.NOERROR:
        raise ZoneRefusesUpdates(
            f"{server} takes no update of the zone {zone} ({code}): it is frozen, or the key has no right "
            "in it, or the server is not its primary"
        )
