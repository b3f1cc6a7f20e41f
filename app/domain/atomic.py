"""What can be all or none on a server: changes of one zone that go in one update message."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from app.domain.change import RRsetState
from app.domain.errors import Reason
from app.domain.rdata import RecordType, octets
from app.domain.zone_key import dns_name

MAX_CHANGES = 1_000
MAX_OCTETS = 60_000  # of 65,535 in a message: what is there already is in it, too, as prerequisites
_PLACE = ("requests",)
_RECORD = 12  # octets: a pointer to the zone's name, type, class, TTL, length (RFC 1035 4.1.3)
_PREREQUISITES = 3  # records without data, for a change of a usual type
_TYPES_EXCLUDED = 24  # by a CNAME: a prerequisite for each


class Member(Protocol):
    """What is asked of each change."""

    zone: str
    name: str
    record_type: RecordType
    rdata: list[str]
    expect: RRsetState | None
    not_before: datetime | None


def why_not_atomic(changes: Sequence[Member], now: datetime) -> Iterator[Reason]:
    """Yield the reasons why these changes can't be applied together or not at all.

    A `not_before` that has passed means now.
    """
    if len({change.zone for change in changes}) > 1:
        message = "the changes are in several zones: only those of one are applied all or none"
        yield Reason(_PLACE, "atomic_zones", message)
    if len({max(change.not_before or now, now) for change in changes}) > 1:
        yield Reason(_PLACE, "atomic_times", "what is applied all or none has the same not_before")
    size = sum(map(_octets, changes))
    if len(changes) > MAX_CHANGES or size > MAX_OCTETS:
        message = (
            f"{len(changes)} changes that take some {size} octets of an update message; one message may have"
            f" {MAX_CHANGES} and {MAX_OCTETS}"
        )
        yield Reason(_PLACE, "atomic_too_large", message)


def _octets(change: Member) -> int:
    """Return how many octets a change takes in an update message, roughly, besides what is there already."""
    expected = change.expect.rdata if change.expect else ()
    records = _PREREQUISITES + (_TYPES_EXCLUDED if change.record_type is RecordType.CNAME else 0)
    owner = len(change.name.removesuffix(dns_name(change.zone))) + _RECORD
    return records * owner + sum(_of_values(change, owner, values) for values in (change.rdata, expected))


def _of_values(change: Member, owner: int, values: Collection[str]) -> int:
    plain = [value for value in values if not value.startswith("* ")]  # not the patterns of a deletion
    return len(values) * owner + octets(change.record_type, plain)
