"""A batch of dynamic updates, in stages: each queries what is there, plans the steps and sends them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import split_by_group
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import BatchFault
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason
from dns.rcode import Rcode

from .atomic import AtomicGroup
from .connection import Connection
from .dependencies import Group, points_to_names, split_into_stages
from .dry_run import record_dry_run
from .group_planner import ATTEMPTS, GroupPlanner
from .group_tree import State
from .planner import Planner
from .primaries import Primary, open_first
from .refusal import PREREQUISITE_FAILED, TOO_LARGE, update_refused
from .sender import Sender
from .update_message import Step


def apply_batch(
    items: Iterable[Mapping[str, Any]],
    zone: dns.name.Name,
    primaries: Sequence[Primary],
    *,
    dry_run: bool = False,
) -> Outcomes:
    """Apply the items of a changes file to a zone, and return what became of them.

    They go to the first of the primaries that is there. A dry run sends nothing but queries, and
    returns the results that the changes would have.
    """
    outcomes = Outcomes()
    changes = list(outcomes.parse(items, zone))
    if not changes:
        return outcomes
    try:
        with open_first(primaries, zone, outcomes) as connection:
            if dry_run:
                record_dry_run(changes, Planner(zone), connection, outcomes)
                outcomes.fail_groups(changes)
            else:
                _Batch(zone, connection, outcomes).apply(changes)
    except BatchFault as fault:
        outcomes.record_fault(changes, fault)
    return outcomes


class _Batch:
    def __init__(self, zone: dns.name.Name, connection: Connection, outcomes: Outcomes) -> None:
        self._zone = zone
        self._outcomes = outcomes
        self._planner = GroupPlanner(zone, connection, outcomes)
        self._sender = Sender(zone, connection, outcomes)

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes in their order; those that are all or none go in messages of their own."""
        for number, (is_atomic, part) in enumerate(split_by_group(changes)):
            if is_atomic:
                AtomicGroup(part, self._planner, self._sender, self._outcomes).apply()
                continue
            for stage, groups in enumerate(split_into_stages(part)):
                self._apply_stage(groups, optimistic=number == stage == 0)

    def _apply_stage(self, groups: Sequence[Group], *, optimistic: bool = False) -> None:
        """Apply groups of different owner names, in their order.

        If optimistic, creates are first sent without a query, as if their names were unused: most creates
        are of new names. The prerequisites say so. Where that is wrong, nothing is changed, and they are
        planned again.
        """
        self._planner.forget_hidden()
        todo, refused = groups, dict[Group, Reason]()
        failed, corrections = dict[Group, Rcode](), dict[Group, Rcode]()
        seen: dict[Group, list[State]] = defaultdict(list)
        for attempt in range(ATTEMPTS):
            is_guess = optimistic and attempt == 0
            states = self._planner.look(todo, is_guess=is_guess)
            for group, state in states.items():
                seen[group].append(state)
            failed = self._send(self._plan(states, corrections, refused), refused, optimistic=is_guess)
            if not failed:
                break
            todo = [
                group for group in groups if group in failed or (group in refused and points_to_names(group))
            ]
            refused = {group: reason for group, reason in refused.items() if group not in todo}
            corrections = {} if is_guess else self._planner.without_hidden(failed)
        for group, rcode in failed.items():
            refused[group] = self._planner.why_failed(group, rcode, seen[group])
        self._settle([group for group in groups if group in refused], refused)

    def _settle(self, groups: Sequence[Group], reasons: Mapping[Group, Reason]) -> None:
        """Record why single changes could not be applied; take groups apart, so that each change is judged.

        What points to a name is tried again with them, since it may have been refused for want of them.
        """
        is_apart = any(len(group) > 1 for group in groups)
        again = [group for group in groups if len(group) > 1 or (is_apart and points_to_names(group))]
        for group in groups:
            if group not in again:
                self._outcomes.record_refusal(group, reasons[group])
        first_halves = [group[: len(group) // 2] for group in again if len(group) > 1]
        second_halves = [group[len(group) // 2 :] for group in again]
        for halves in filter(None, (first_halves, second_halves)):
            self._apply_stage(halves)

    # --- steps

    def _plan(
        self, states: Mapping[Group, State], corrections: Mapping[Group, Rcode], refused: dict[Group, Reason]
    ) -> Iterator[Step]:
        """Yield the steps to send, record the results of the others; add those that no message carries."""
        for group, state in states.items():
            step = self._planner.plan(group, state, corrections.get(group))
            if isinstance(step, Reason):
                refused[group] = step
                continue
            if not step.prerequisites and not step.updates:
                self._outcomes.record(group, step.results)
            elif not step.fits:
                refused[group] = TOO_LARGE
            else:
                yield step

    def _send(
        self, steps: Iterable[Step], refused: dict[Group, Reason], *, optimistic: bool
    ) -> dict[Group, Rcode]:
        """Send steps; return those whose prerequisites do not hold, and add those refused otherwise."""
        failed = {}
        for step, rcode in self._sender.send(list(steps), optimistic=optimistic):
            if rcode in PREREQUISITE_FAILED:
                failed[step.group] = rcode
            else:
                refused[step.group] = update_refused(rcode, step, self._zone)
        return failed
