"""A step: what to send for the changes of one owner name, in their order; done whole or not at all."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import Load, packets
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result

from .node import Node, entries
from .planner import carry_out

MAX_BODY = 1_000_000  # bytes of a call; the server takes twice that unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Step:
    """The entries of a PATCH call as JSON, and what has become of changes and node once it is done."""

    changes: Sequence[Change]
    results: Sequence[Result]
    entries: tuple[str, ...]
    after: Node

    @property
    def name(self) -> dns.name.Name:
        """The owner name."""
        return self.changes[0].name

    @property
    def size(self) -> int:
        """How many bytes it takes in a call."""
        return sum(len(entry) + 1 for entry in self.entries)


def plan(changes: Sequence[Change], before: Node, zone: dns.name.Name) -> Step:
    """Return the step for changes of one owner name, which carries out what can be carried out of them."""
    after, results = before, []
    for change in changes:
        result, after = carry_out(change, after, zone)
        results.append(result)
    to_send = tuple(map(json.dumps, entries(changes[0].name, before, after)))
    return Step(changes, results, to_send, after)


def pack(
    steps: Iterable[Step], limit: int = MAX_BODY, max_changes: int | None = None
) -> Iterator[list[Step]]:
    """Yield the steps in order, in packets of so many bytes and changes; what is larger comes alone."""
    return packets(steps, lambda step: Load(step.size, len(step.changes)), Load(limit, max_changes or limit))


def make_body(packet: Iterable[Step]) -> str:
    """Return the body of the PATCH call that carries out every step of a packet, or none."""
    return '{"rrsets": [' + ",".join(entry for step in packet for entry in step.entries) + "]}"
