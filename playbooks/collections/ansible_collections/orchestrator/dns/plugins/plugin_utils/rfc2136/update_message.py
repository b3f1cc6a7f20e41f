"""Update messages (RFC 2136): instructions, steps made of them, and messages of as many steps as fit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import Load, split_by_load
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import names_above
from dns import rdataclass, rdatatype
from dns.rdata import Rdata
from dns.rdataclass import RdataClass
from dns.rdatatype import DNAME, RdataType
from dns.update import UpdateMessage

from .dependencies import Group
from .node import RRset
from .update_record import UpdateRecord

MAX_STEPS_SIZE = 65_000  # bytes; the rest of a TCP message's 65,535 is for the header, the zone and the TSIG
_RR_HEADER = 10  # bytes: type, class, TTL, length of the data
_SOA_SIZE = 2 * 255 + 20 + 12  # bytes: that of two names and five numbers, at most, with its header
_POINTER = 2  # bytes: to a name that the message already holds (RFC 1035 section 4.1.4)


class Kind(Enum):
    """What an instruction says about the step's owner name, with its section of RFC 2136."""

    # prerequisites; where one does not hold, the server answers with the code and changes nothing
    RRSET_EXISTS = auto()  # there is an RRset of the type; 2.4.1, else NXRRSET
    RRSET_EQUALS = auto()  # the RRset has these values and no others; 2.4.2, else NXRRSET
    RRSET_ABSENT = auto()  # there is no RRset of the type; 2.4.3, else YXRRSET
    NAME_IN_USE = auto()  # there is a record of any type; 2.4.4, else NXDOMAIN
    NAME_NOT_IN_USE = auto()  # there is no record of any type; 2.4.5, else YXDOMAIN
    # updates
    ADD_VALUES = auto()  # add the values to their RRset; 2.5.1
    DELETE_RRSET = auto()  # delete all values of the type; 2.5.2
    DELETE_VALUES = auto()  # delete the values from their RRset; 2.5.4


@dataclass(frozen=True, slots=True)
class Instruction:
    """A prerequisite or an update of one owner name, with the type, values and TTL that its kind needs."""

    kind: Kind
    type: RdataType | None = None
    values: Sequence[Rdata] = ()
    ttl: int = 0


# The class of its records, and what stands for it in the message of a deletion (RFC 2136 sections 2.4, 2.5).
_CLASSES: dict[Kind, tuple[RdataClass, RdataClass | None]] = {
    Kind.RRSET_EXISTS: (rdataclass.ANY, None),
    Kind.RRSET_EQUALS: (rdataclass.IN, None),
    Kind.RRSET_ABSENT: (rdataclass.NONE, None),
    Kind.NAME_IN_USE: (rdataclass.ANY, None),
    Kind.NAME_NOT_IN_USE: (rdataclass.NONE, None),
    Kind.ADD_VALUES: (rdataclass.IN, None),
    Kind.DELETE_RRSET: (rdataclass.IN, rdataclass.ANY),
    Kind.DELETE_VALUES: (rdataclass.IN, rdataclass.NONE),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to send for a group of changes, which the server carries out whole or not at all.

    `results` are those of the changes once it has. `size` is the most bytes that the step takes in a
    message, and `rrsets` are those that it makes or enlarges, as they are then. `soa` is the zone's, where
    the step is to be carried out only if nothing in the zone has changed since.
    """

    group: Group
    results: tuple[Result, ...]
    prerequisites: tuple[Instruction, ...]
    updates: tuple[Instruction, ...]
    size: int
    rrsets: tuple[RRset, ...] = ()
    soa: Rdata | None = None

    @property
    def fits(self) -> bool:
        """Whether the step fits in a message, and each RRset in an answer."""
        return self.size <= MAX_STEPS_SIZE and all(
            len(rrset.values) == 1 or _size_in_answer(rrset) <= MAX_STEPS_SIZE for rrset in self.rrsets
        )

    @property
    def records(self) -> int:
        """How many records the largest of its RRsets has."""
        return max((len(rrset.values) for rrset in self.rrsets), default=0)


def _size_in_answer(rrset: RRset) -> int:
    return sum(_POINTER + _RR_HEADER + len(value.to_wire() or b"") for value in rrset.values)


def size_in_message(name: dns.name.Name, zone: dns.name.Name, instructions: Iterable[Instruction]) -> int:
    """Return how many bytes instructions about an owner name take at most in a message about the zone.

    An instruction is one record for each of its values, or one without data. The zone's name, which is the
    end of every owner name, is a pointer. The names between may have to be free of DNAME, each a record.
    """
    owner = sum(len(label) + 1 for label in name.labels[: -len(zone.labels)]) + _POINTER
    records = data = 0
    for instruction in instructions:
        records += len(instruction.values) or 1
        for value in instruction.values:
            data += len(value.to_wire() or b"")
    between = sum(
        sum(len(label) + 1 for label in labels[: -len(zone.labels)]) + _POINTER + _RR_HEADER
        for labels in names_above(name, zone)
        if len(labels) > len(zone.labels)
    )
    return records * (owner + _RR_HEADER) + data + between


def without_values(step: Step, zone: dns.name.Name) -> Step:
    """Return a step whose prerequisites say which RRsets are there, and not which values they have."""
    prerequisites = tuple(
        Instruction(Kind.RRSET_EXISTS, line.values[0].rdtype) if line.kind is Kind.RRSET_EQUALS else line
        for line in step.prerequisites
    )
    size = size_in_message(step.group[0].name, zone, (*prerequisites, *step.updates)) + _SOA_SIZE
    return replace(step, prerequisites=prerequisites, size=size)


def pack(
    steps: Iterable[Step], limit: int = MAX_STEPS_SIZE, max_changes: int | None = None
) -> Iterator[list[Step]]:
    """Yield the steps in order, in lists that fit in one message; a step that exceeds the limit is alone.

    `limit` is in bytes, `max_changes` is any number if it is None.
    """
    most = Load(limit, max_changes or limit)
    return split_by_load(steps, lambda step: Load(step.size, len(step.group)), most)


def make_message(zone: dns.name.Name, steps: Sequence[Step]) -> UpdateMessage:
    """Return the update message that carries out all of the steps, or none.

    Nothing that the steps add lies below a DNAME: that is a prerequisite of the message, once for each name,
    but for those whose DNAME is removed by it.
    """
    message = UpdateMessage(zone)
    for labels in _names_above_additions(zone, steps):
        message.absent(dns.name.Name(labels), DNAME)
    for soa in dict.fromkeys(step.soa for step in steps if step.soa is not None):
        message.present(zone, soa)
    for step in steps:
        name = step.group[0].name
        message.prerequisite.extend(_records(zone, name, step.prerequisites))
        message.update.extend(_records(zone, name, step.updates))
    return message


def _records(
    zone: dns.name.Name, name: dns.name.Name, instructions: Iterable[Instruction]
) -> Iterator[UpdateRecord]:
    for line in instructions:
        classes = _CLASSES[line.kind]
        if line.values:
            for value in line.values:
                yield UpdateRecord(zone, name, classes, value.rdtype, value, line.ttl)
        else:
            yield UpdateRecord(zone, name, classes, line.type or rdatatype.ANY)


def _names_above_additions(zone: dns.name.Name, steps: Sequence[Step]) -> Iterable[tuple[bytes, ...]]:
    found: dict[tuple[bytes, ...], None] = {}
    for step in steps:
        if any(line.kind is Kind.ADD_VALUES for line in step.updates):
            found |= dict.fromkeys(names_above(step.group[0].name, zone))
    for step in steps if found else ():
        if step.group[0].name.labels in found and any(map(_removes_dname, step.updates)):
            del found[step.group[0].name.labels]
    return found


def _removes_dname(line: Instruction) -> bool:
    if line.kind is Kind.DELETE_RRSET:
        return line.type == DNAME
    return line.kind is Kind.DELETE_VALUES and line.values[0].rdtype == DNAME
