"""A batch over PowerDNS's API: read what is there, plan what shall be, write it, bisect what is refused.

The API replaces whole RRsets and has no prerequisites: if somebody else changes an RRset between our reading
and our writing, that change is lost. So as little time as possible lies between the two.
"""

import random
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import halves, split_by_group
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import ABSENT, BatchFault, all_absent
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason, all_or_none
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import names_above

from .api import Api, Refused
from .node import Node
from .planner import Planner
from .refusal import explain, is_server_failure
from .step import MAX_BODY, Step, pack
from .tree import Tree, hiding_names, split_into_segments
from .zone import Zone

RETRY_PAUSES = (0.05, 0.2, 0.5)  # seconds before a call that the server failed to carry out is made again
MAX_FAILURES = 8  # of single steps; if nothing gets through, no more are tried

_TOO_LARGE = Reason("too_large", "all changes of the group together do not fit in one call")

Group = Sequence[Change]  # the changes of one owner name, in their order


def apply_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, apis: Sequence[Api], *, dry_run: bool = False
) -> Outcomes:
    """Apply the items of a changes file to a zone, and return what became of them.

    They go to the first of the servers that shows the zone. A dry run only reads, and returns the results
    that the changes would have.
    """
    outcomes = Outcomes()
    changes = list(outcomes.parse(items, zone))
    if not changes:
        return outcomes
    names, hiding = {change.name for change in changes}, hiding_names(changes)
    above = {dns.name.Name(labels) for name in names for labels in names_above(name, zone)}
    try:
        served, nodes = _read_first(apis, zone, names | above, hiding, outcomes)
        batch = _Batch(served, nodes, hiding, outcomes)
        batch.record_dry_run(changes) if dry_run else batch.apply_and_notify(changes)
    except BatchFault as fault:
        outcomes.record_fault(changes, fault)
    return outcomes


def _read_first(
    apis: Sequence[Api],
    zone: dns.name.Name,
    names: Collection[dns.name.Name],
    hiding: Collection[dns.name.Name],
    outcomes: Outcomes,
) -> tuple[Zone, dict[dns.name.Name, Node]]:
    """Return the zone and its nodes from the first server that shows them, and note which one that is.

    What is absent has only been asked, so that nothing is ever applied twice. Raises BatchFault, the first
    one where all are absent.
    """
    faults: list[BatchFault] = []
    for api in apis:
        try:
            served = Zone(api, zone)
            nodes = served.read(names, hiding)
        except ABSENT as fault:
            faults.append(fault)
            continue
        if len(apis) > 1:
            outcomes.note_server(api.dns_server or str(api), faults)
        return served, nodes
    raise all_absent(faults)


def _by_name(changes: Iterable[Change]) -> Iterable[Group]:
    groups: dict[dns.name.Name, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.name, []).append(change)
    return groups.values()


class _Batch:
    def __init__(
        self,
        zone: Zone,
        nodes: dict[dns.name.Name, Node],
        hiding: Collection[dns.name.Name],
        outcomes: Outcomes,
    ) -> None:
        self._zone = zone
        self._nodes = nodes
        self._outcomes = outcomes
        self._hiding = hiding
        self._has_dnames = bool(hiding) or any("DNAME" in node for node in nodes.values())
        self._planner = Planner(zone.name)
        self._has_changed = False  # whether the server has carried out a call

    def apply_and_notify(self, changes: Sequence[Change]) -> None:
        """Apply changes in their order, and tell the secondaries."""
        try:
            for is_atomic, part in split_by_group(changes):
                if is_atomic:
                    self._apply_atomically(part)
                    continue
                for groups in split_into_segments(part):
                    self.apply(groups.values())
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

    def _apply_atomically(self, changes: Sequence[Change]) -> None:
        """Apply the changes of a group in one call, or none of them."""
        steps = self._steps(_by_name(changes))
        planned = {
            change.request_id: result
            for step in steps
            for change, result in zip(step.changes, step.results, strict=True)
        }
        results = [planned[change.request_id] for change in changes]
        if any(result.outcome == "failed" for result in results):
            self._outcomes.record(changes, all_or_none(changes, results))
        elif sum(step.size for step in steps) > MAX_BODY:
            self._outcomes.record_group_refusal(changes, changes, _TOO_LARGE)
        elif not any(step.entries for step in steps):
            self._outcomes.record(changes, results)
        elif error := self._send(steps, RETRY_PAUSES):
            self._check_zone()
            named = [change for change in changes if change.name.to_text() in str(error)]
            self._outcomes.record_group_refusal(changes, named or changes, explain(error))

    def record_dry_run(self, changes: Sequence[Change]) -> None:
        """Record the results of changes as if the server accepted everything."""
        for groups in split_into_segments(changes):
            for step in self._plan(groups.values()):
                self._nodes[step.name] = step.after
                self._outcomes.record(step.changes, step.results)
        self._outcomes.fail_groups(changes)

    def _plan(self, groups: Iterable[Group]) -> Iterator[Step]:
        """Yield the steps to send, and record the results of changes of which nothing has to be sent."""
        for step in self._steps(groups):
            if not step.entries:
                self._outcomes.record(step.changes, step.results)
            else:
                yield step

    def _steps(self, groups: Iterable[Group]) -> list[Step]:
        """Return a step for each owner name."""
        steps = self._plan_all(groups)
        doubtful = {step.name: self._nodes[step.name] for step in steps if step.may_hide_ttls}
        if doubtful:
            self._nodes |= self._zone.read_ttls(doubtful)
            steps = self._plan_all(step.changes for step in steps)
        return steps

    def _plan_all(self, groups: Iterable[Group]) -> list[Step]:
        tree = Tree(self._zone.name, self._nodes if self._has_dnames else {}, self._hiding)
        steps = []
        for group in groups:
            steps.append(self._planner.plan(group, self._nodes.get(group[0].name, {}), tree))
            if self._has_dnames:
                tree.note(steps[-1].name, steps[-1].after)
        return steps

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
