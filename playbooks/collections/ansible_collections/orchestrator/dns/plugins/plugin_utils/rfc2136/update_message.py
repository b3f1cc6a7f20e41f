"""The lines of an update message: its prerequisites and its updates (RFC 2136 sections 2.4 and 2.5)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dns.name
import dns.rdata
import dns.rdatatype
import dns.update
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import Load, packets
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result

from .node import RRset

_RR_HEADER = 10  # bytes: type, class, TTL, length of the data
_POINTER = 2  # bytes: to a name that the message already holds (RFC 1035 section 4.1.4)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line about one owner name. It knows how to enter a message, and how many bytes it takes at most."""

    name: dns.name.Name

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return _owner_size(self.name, zone) + _RR_HEADER

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        raise NotImplementedError


class NameInUse(Instruction):
    """Some record is at the name (else NXDOMAIN)."""

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.present(self.name)


class NameNotInUse(Instruction):
    """No record is at the name (else YXDOMAIN)."""

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.absent(self.name)


@dataclass(frozen=True, slots=True)
class RRsetExists(Instruction):
    """There are records of the type at the name (else NXRRSET)."""

    type: dns.rdatatype.RdataType

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.present(self.name, self.type)


@dataclass(frozen=True, slots=True)
class RRsetAbsent(Instruction):
    """There is no record of the type at the name (else YXRRSET)."""

    type: dns.rdatatype.RdataType

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.absent(self.name, self.type)


@dataclass(frozen=True, slots=True)
class RRsetIs(Instruction):
    """The RRset holds these values and no other (else NXRRSET)."""

    rrset: RRset

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return sum(_rr_size(self.name, value, zone) for value in self.rrset.values)

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        for value in self.rrset.values:
            message.present(self.name, value)


@dataclass(frozen=True, slots=True)
class Add(Instruction):
    """Add a value."""

    ttl: int
    value: dns.rdata.Rdata

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return _rr_size(self.name, self.value, zone)

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.add(self.name, self.ttl, self.value)


@dataclass(frozen=True, slots=True)
class RemoveValue(Instruction):
    """Remove a value."""

    value: dns.rdata.Rdata

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return _rr_size(self.name, self.value, zone)

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.delete(self.name, self.value)


@dataclass(frozen=True, slots=True)
class RemoveRRset(Instruction):
    """Remove every value of the type."""

    type: dns.rdatatype.RdataType

    def put_into(self, message: dns.update.UpdateMessage) -> None:
        """Add the line to a message."""
        message.delete(self.name, self.type)


def _owner_size(name: dns.name.Name, zone: dns.name.Name) -> int:
    """Return the size of an owner name whose end is a pointer to the zone's name."""
    return sum(len(label) + 1 for label in name.labels[: -len(zone.labels)]) + _POINTER


def _rr_size(name: dns.name.Name, value: dns.rdata.Rdata, zone: dns.name.Name) -> int:
    return _owner_size(name, zone) + _RR_HEADER + len(value.to_wire() or b"")


Group = tuple[Change, ...]  # changes of one RRset that may go together: one change, or several creates


@dataclass(frozen=True, slots=True)
class Step:
    """The lines to send, and what has become of the changes once the server has taken them."""

    group: Group
    results: tuple[Result, ...]
    prerequisites: tuple[Instruction, ...] = ()
    updates: tuple[Instruction, ...] = ()

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return sum(line.size(zone) for line in (*self.prerequisites, *self.updates))


MAX_STEPS_SIZE = 65_000  # bytes; the rest of a TCP message's 65,535 is for the header, the zone and the TSIG


def pack(
    zone: dns.name.Name, steps: Iterable[Step], limit: int = MAX_STEPS_SIZE, max_changes: int | None = None
) -> Iterator[list[Step]]:
    """Yield the steps in order, in packets of so many bytes and changes; what is larger comes alone."""
    return packets(
        steps, lambda step: Load(step.size(zone), len(step.group)), Load(limit, max_changes or limit)
    )


def make_message(zone: dns.name.Name, packet: Sequence[Step]) -> dns.update.UpdateMessage:
    """Return the update message that carries out every step of a packet, or none."""
    message = dns.update.UpdateMessage(zone)
    for step in packet:
        for line in (*step.prerequisites, *step.updates):
            line.put_into(message)
    return message
