"""What a DNS server has: a zone by AXFR (RFC 5936), and each of its changes by IXFR (RFC 1995)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.tsig

from stack.nameserver import KEY_NAME, create_key
from stack.ports import HOST
from tests.support.zone_model import NOTHING, Key, RRset, ZoneModel, rrset

_TIMEOUT = 20  # seconds
_FIRST_SERIAL = 1  # of a zone that is made for a row


class Step(NamedTuple):
    """One update of a zone: its serial afterwards, and the RRsets that it has changed as they are then."""

    serial: int
    changed: Mapping[Key, RRset]


def whole_zone(zone: str, port: int, key_file: Path) -> dict[Key, RRset]:
    """Return the RRsets of a zone but its SOA."""
    model = ZoneModel({})
    for record in list(_records(zone, port, key_file, "AXFR"))[1:-1]:
        _put(model, zone, record)
    return model.rrsets


def steps_of(zone: str, port: int, key_file: Path) -> list[Step]:
    """Return all updates since the zone was made."""
    first, *records = _records(zone, port, key_file, "IXFR")
    if not records:
        return []
    last = first[0].serial
    if records[0].rdtype != dns.rdatatype.SOA:
        raise ValueError(f"{zone}: the server has not kept all changes, and has answered with the whole zone")
    model, steps = ZoneModel({}), list[Step]()
    changed: dict[Key, RRset] = {}
    serial, adding = _FIRST_SERIAL, True  # an SOA begins the other half: deletions, then additions
    for record in records:
        if record.rdtype == dns.rdatatype.SOA:
            adding = not adding
            if not adding and changed:  # the first SOA of the next step, or of the end
                steps.append(Step(serial, {key: model.at(key) for key in changed}))
                changed = {}
            serial = record[0].serial
        else:
            changed |= {_put(model, zone, record, adding=adding): NOTHING}
    if steps and steps[-1].serial != last:
        raise ValueError(f"{zone}: the transfer ends with {steps[-1].serial} instead of {last}")
    return steps


def _records(zone: str, port: int, key_file: Path, kind: str) -> Iterator[dns.rrset.RRset]:
    key = dns.tsig.Key(KEY_NAME, create_key(key_file), dns.tsig.HMAC_SHA256)
    messages = dns.query.xfr(
        HOST,
        zone,
        kind,
        port=port,
        serial=_FIRST_SERIAL,
        keyring={key.name: key},
        keyalgorithm=key.algorithm,
        relativize=False,
        lifetime=_TIMEOUT,
    )
    for message in messages:
        yield from message.answer


def _put(model: ZoneModel, zone: str, record: dns.rrset.RRset, *, adding: bool = True) -> Key:
    """Add a record to the model, or take it away."""
    key = Key(owner_of(record.name, zone), dns.rdatatype.to_text(record.rdtype))
    there = model.at(key).values
    value = rrset(record.ttl, [record[0].to_text()]).values
    left = there | value if adding else there - value
    model.put(key, RRset(record.ttl, left) if left else NOTHING)
    return key


def is_served(zone: str, port: int) -> bool:
    """Whether a server answers for a zone."""
    query = dns.message.make_query(zone, "SOA", flags=0)
    with suppress(dns.exception.Timeout):
        return bool(dns.query.udp(query, HOST, port=port, timeout=5).answer)
    return False


def owner_of(name: dns.name.Name | str, zone: str) -> str:
    """Return a name relative to its zone."""
    full = str(name).removesuffix(".")
    return full.removesuffix(zone).removesuffix(".") or "@"


def states(steps: Sequence[Step]) -> dict[Key, list[RRset]]:
    """Return what each RRset was, one state after the other."""
    found: dict[Key, list[RRset]] = {}
    for step in steps:
        for key, state in step.changed.items():
            found.setdefault(key, []).append(state)
    return found
