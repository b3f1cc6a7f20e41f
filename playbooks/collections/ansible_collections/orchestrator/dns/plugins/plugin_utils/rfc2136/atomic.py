"""Changes that are all or none: one update message, which the server carries out whole or not at all.

It is never taken apart. So where the server refuses it, nobody knows which of the changes is to blame.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason, all_or_none
from dns.rcode import Rcode

from .dependencies import Group
from .group_planner import ATTEMPTS, GroupPlanner
from .group_tree import State, split_hidden
from .refusal import PREREQUISITE_FAILED, update_refused
from .sender import Sender
from .update_message import MAX_STEPS_SIZE, Step

_TOO_LARGE = Reason("too_large", "all changes of the group together do not fit in one message")


class AtomicGroup:
    """The changes of a group, and how to apply them."""

    def __init__(
        self, changes: Sequence[Change], planner: GroupPlanner, sender: Sender, outcomes: Outcomes
    ) -> None:
        self._changes = changes
        self._planner = planner
        self._sender = sender
        self._outcomes = outcomes
        by_name: dict[dns.name.Name, list[Change]] = {}
        for change in changes:
            by_name.setdefault(change.name, []).append(change)
        self._at_names = [tuple(own) for own in by_name.values()]
        self._seen: dict[Group, list[State]] = defaultdict(list)
        self._failed: dict[Group, Rcode] = {}  # whose prerequisites did not hold in the last attempt
        self._corrections: dict[Group, Rcode] = {}  # those of them whose state the server shows

    def apply(self) -> None:
        """Apply all changes, or none of them, and record what became of each. Raises BatchFault."""
        self._planner.forget_hidden()
        for _ in range(ATTEMPTS):
            steps = self._plan()
            if not steps or self._send(steps):
                return
        group, rcode = next(iter(self._failed.items()), (next(iter(self._seen)), Rcode.NXRRSET))
        self._refuse(group, self._planner.why_failed(group, rcode, self._seen[group]))

    def _plan(self) -> Sequence[Step]:
        """Return the steps for each owner name; none if the group can't be carried out, which is recorded."""
        states = self._planner.look(self._at_names, is_guess=False)
        for group in self._at_names:
            if group not in states:
                code = self._outcomes.results[group[0].request_id].code or "refused"
                self._refuse(group, Reason(code, "the server does not answer queries for its records"))
                return ()
        steps: list[Step] = []
        tree = self._planner.tree(self._changes)
        for group, shown in states.items():
            for part, state in split_hidden(group, tree.correct(group, shown)):
                self._seen[part].append(state)
                step = self._planner.plan(part, state, self._corrections.get(part))
                if isinstance(step, Reason):
                    self._refuse(part, step)
                    return ()
                steps.append(tree.relieve(step))
                tree.note(step, state)
        if sum(step.size for step in steps) <= MAX_STEPS_SIZE and all(step.fits for step in steps):
            return steps
        self._refuse(self._changes, _TOO_LARGE)
        return ()

    def _send(self, steps: Sequence[Step]) -> bool:
        """Send the steps; return whether that settles it. If not, some prerequisite does not hold."""
        rcode = self._sender.send_whole(self._all_or_none(steps))
        if rcode in PREREQUISITE_FAILED:
            asked = {step.group: self._sender.ask_prerequisites(step) for step in steps if len(steps) > 1}
            found = {group: each for group, each in asked.items() if each in PREREQUISITE_FAILED}
            self._failed = found if len(steps) > 1 else {steps[0].group: rcode}
            self._corrections = self._planner.without_hidden(self._failed)
            if (
                not self._corrections and rcode == Rcode.YXRRSET
            ):  # of the whole message: a DNAME above some name
                self._planner.without_hidden(dict.fromkeys(self._at_names, rcode))
            return False
        if rcode != Rcode.NOERROR:
            zone = self._planner.zone
            reasons = [update_refused(rcode, step, zone) for step in steps]
            self._refuse(self._changes, max(reasons, key=lambda why: len(why.text)))
        return True

    def _all_or_none(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Return the steps; where a change must fail, only what has the server confirm that."""
        planned = {
            change.request_id: result
            for step in steps
            for change, result in zip(step.group, step.results, strict=True)
        }
        results = [planned[change.request_id] for change in self._changes]
        if all(result.outcome != "failed" for result in results):
            return steps
        final = {
            change.request_id: result
            for change, result in zip(self._changes, all_or_none(self._changes, results), strict=True)
        }
        return [
            replace(step, updates=(), results=tuple(final[change.request_id] for change in step.group))
            for step in steps
        ]

    def _refuse(self, culprits: Sequence[Change], why: Reason) -> None:
        self._outcomes.record_group_refusal(self._changes, culprits, why)
