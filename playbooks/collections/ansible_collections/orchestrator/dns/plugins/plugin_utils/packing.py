"""Packing: as many steps into one message as fit."""

from collections.abc import Iterable, Iterator, Sequence

import dns.name
import dns.update

from .packet import Load, packets
from .step import Step

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
