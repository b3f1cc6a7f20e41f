"""A batch over PowerDNS's API: read what is there, plan what shall be, write it, bisect what is refused.

The API replaces whole RRsets and has no prerequisites: if somebody else changes an RRset between our reading
and our writing, that change is lost. So as little time as possible lies between the two.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import halves
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import BatchFault
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes

from .api import Api, Refused
from .node import Node
from .planner import Planner
from .refusal import explain, is_server_failure
from .step import Step, pack
from .zone import Zone

RETRY_PAUSES = (0.05, 0.2, 0.5)  # seconds before a call that the server failed to carry out is made again
MAX_FAILURES = 8  # of single steps; if nothing gets through, no more are tried

Group = Sequence[Change]  # the changes of one owner name, in their order


def apply_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, api: Api, *, dry_run: bool = False
) -> Outcomes:
    """Apply the items of a changes file to a zone, and return what became of them.

    A dry run only reads, and returns the results that the changes would have.
    """
    outcomes = Outcomes()
    changes = list(outcomes.parse(items, zone))
    if not changes:
        return outcomes
    groups: dict[dns.name.Name, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.name, []).append(change)
    try:
        served = Zone(api, zone)
        batch = _Batch(served, served.read(list(groups)), outcomes)
        batch.record_dry_run(groups.values()) if dry_run else batch.apply_and_notify(groups.values())
    except BatchFault as fault:
        outcomes.record_fault(changes, fault)
    return outcomes


class _Batch:
    def __init__(self, zone: Zone, nodes: dict[dns.name.Name, Node], outcomes: Outcomes) -> None:
        self._zone = zone
        self._nodes = nodes
        self._outcomes = outcomes
        self._planner = Planner(zone.name)
        self._has_changed = False  # whether the server has carried out a call

    def apply_and_notify(self, groups: Iterable[Group]) -> None:
        """Apply groups of changes, and tell the secondaries."""
        try:
            self.apply(groups)
        finally:
            if self._has_changed and (why := self._zone.notify()):
                self._outcomes.note_on_applied(why)

    def apply(self, groups: Iterable[Group]) -> None:
        """Apply groups of changes, each about another name."""
        for steps in pack(self._plan(groups), max_changes=self._zone.max_changes):
            error = self._send(steps, RETRY_PAUSES)
            if error is None:
                continue
            self._check_zone()
            for step, refusal in self._find_refused(steps, error):
                self._outcomes.record_refusal(step.changes, explain(refusal))

    def record_dry_run(self, groups: Iterable[Group]) -> None:
        """Record the results of groups of changes as if the server accepted everything."""
        for step in self._plan(groups):
            self._outcomes.record(step.changes, step.results)

    def _plan(self, groups: Iterable[Group]) -> Iterator[Step]:
        """Yield the steps to send, and record the results of changes of which nothing has to be sent."""
        steps = [self._planner.plan(group, self._nodes.get(group[0].name, {})) for group in groups]
        doubtful = {step.name: self._nodes[step.name] for step in steps if step.may_hide_ttls}
        if doubtful:
            self._nodes |= self._zone.read_ttls(doubtful)
            steps = [self._planner.plan(step.changes, self._nodes.get(step.name, {})) for step in steps]
        for step in steps:
            if not step.entries:
                self._outcomes.record(step.changes, step.results)
            else:
                yield step

    def _send(self, steps: Sequence[Step], pauses: Sequence[float] = ()) -> Refused | None:
        """Send steps in one call, again after the pauses while the server fails; return why it refuses.

        A failure may be over soon: two zones that change at once are enough to lock SQLite.
        """
        try:
            with self._outcomes.unknown_without_answer(change for step in steps for change in step.changes):
                self._zone.apply(steps)
        except Refused as error:
            self._outcomes.count_message(str(error.status))
            if not pauses or not is_server_failure(error):
                return error
            time.sleep(pauses[0] * random.uniform(0.5, 1.5))  # noqa: S311
            return self._send(steps, pauses[1:])
        self._outcomes.count_message("204")
        self._has_changed = True
        for step in steps:
            self._nodes[step.name] = step.after
            self._outcomes.record(step.changes, step.results)
        return None

    def _find_refused(self, steps: Sequence[Step], error: Refused) -> list[tuple[Step, Refused]]:
        """Return the steps that are refused while others are not. Raises BatchFault if none gets through."""
        refused, failures = [], 0
        for step, refusal in self._bisect(steps, error):
            refused.append((step, refusal))
            failures += is_server_failure(refusal)
            if failures >= MAX_FAILURES and not self._has_changed:
                break
        if failures > 1 and not self._has_changed:
            raise self._zone.fault(error, "change")
        return refused

    def _bisect(self, steps: Sequence[Step], error: Refused) -> Iterator[tuple[Step, Refused]]:
        if len(steps) > 1:
            for half in halves(steps):
                refusal = self._send(half)
                if refusal is not None:
                    yield from self._bisect(half, refusal)
        elif len(steps[0].changes) > 1:
            for changes in halves(steps[0].changes):  # so that a good one does not fail with a bad one
                self.apply([changes])
        else:
            yield steps[0], error

    def _check_zone(self) -> None:
        """Make a call that changes nothing: if it is refused, the zone is to blame. Raises BatchFault."""
        try:
            self._zone.apply([])
        except Refused as error:
            raise self._zone.fault(error, "change") from error
