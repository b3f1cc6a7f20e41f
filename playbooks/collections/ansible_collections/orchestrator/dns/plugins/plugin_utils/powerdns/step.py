"""A step: what to send for the changes of one owner name. A PATCH call carries out its steps, or none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import Load, split_by_load
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from dns import rdatatype

from .node import Node

MAX_BODY = 1_000_000  # bytes of a call; the server takes twice that unless it is configured otherwise


@dataclass(frozen=True, slots=True)
class Step:
    """The entries of a PATCH call as JSON; the results of the changes and the node once it is carried out."""

    changes: Sequence[Change]
    results: Sequence[Result]
    entries: tuple[str, ...]
    after: Node

    @property
    def name(self) -> dns.name.Name:
        """The owner name."""
        return self.changes[0].name

    @property
    def may_hide_ttls(self) -> bool:
        """Whether a change is said to be made already, of an RRset whose records may differ in their TTL."""
        return any(
            result.outcome == "unchanged" and change.action != "delete" and self._has_several_values(change)
            for change, result in zip(self.changes, self.results, strict=True)
        )

    def _has_several_values(self, change: Change) -> bool:
        rrset = self.after.get(rdatatype.to_text(change.type))
        return rrset is not None and len(rrset.values) > 1 and not rrset.ttls_differ

    @property
    def size(self) -> int:
        """How many bytes the step takes in a call."""
        return sum(len(entry) + 1 for entry in self.entries)


def pack(
    steps: Iterable[Step], limit: int = MAX_BODY, max_changes: int | None = None
) -> Iterator[list[Step]]:
    """Yield the steps in order, in lists that fit in one call; a step that exceeds the limit is alone.

    `limit` is in bytes, `max_changes` is any number if it is None.
    """
    most = Load(limit, max_changes or limit)
    return split_by_load(steps, lambda step: Load(step.size, len(step.changes)), most)


def make_body(steps: Iterable[Step]) -> str:
    """Return the body of the PATCH call that carries out all of the steps, or none."""
    return '{"rrsets": [' + ",".join(entry for step in steps for entry in step.entries) + "]}"
