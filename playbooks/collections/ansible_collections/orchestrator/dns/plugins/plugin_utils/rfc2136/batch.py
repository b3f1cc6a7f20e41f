"""A batch of dynamic updates, in stages: each queries what is there, plans the steps and sends them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    KeyRefused,
    NoAnswer,
    Unreachable,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import failed, too_large
from dns.rcode import Rcode

from .connection import Connection, Target
from .dependencies import Group, split_into_stages
from .dry_run import record_dry_run
from .node import NONEXISTENT, InUse, Node
from .planner import Planner
from .query import query_nodes
from .refusal import PREREQUISITE_FAILED, changed_meanwhile, query_refused, update_refused
from .sender import RefusedStep, Sender
from .update_message import MAX_STEPS_SIZE, Step

ATTEMPTS = 4  # to plan and send a change whose prerequisites do not hold


def apply_batch(
    items: Iterable[Mapping[str, Any]],
    zone: dns.name.Name,
    target: Target,
    key: dns.tsig.Key | None,
    *,
    dry_run: bool = False,
) -> Outcomes:
    """Apply the items of a changes file to a zone, and return what became of them.

    A dry run sends nothing but queries, and returns the results that the changes would have.
    """
    outcomes = Outcomes()
    changes = list(outcomes.parse(items, zone))
    if not changes:
        return outcomes
    try:
        with Connection(target, key) as connection:
            if dry_run:
                record_dry_run(changes, Planner(zone), connection, outcomes)
            else:
                _Batch(zone, connection, outcomes).apply(changes)
    except KeyRefused as error:
        outcomes.record_rest(changes, failed("tsig_refused", str(error)))
        outcomes.problem = str(error)
    except (Unreachable, NoAnswer) as error:
        outcomes.record_rest(changes, failed("server_unreachable", f"not sent: {error}"))
        outcomes.problem = str(error)
    return outcomes


class _Batch:
    def __init__(self, zone: dns.name.Name, connection: Connection, outcomes: Outcomes) -> None:
        self._connection = connection
        self._outcomes = outcomes
        self._planner = Planner(zone)
        self._sender = Sender(zone, connection, outcomes)

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply at least one change."""
        first, *others = split_into_stages(changes)
        self._apply_stage(self._create_optimistically(first))
        for stage in others:
            self._apply_stage(stage)

    def _create_optimistically(self, groups: Sequence[Group]) -> list[Group]:
        """Apply the creates without a query, as if their names were unused; return the groups that are left.

        Most creates are of new names. The prerequisites say so: where that is wrong, nothing is changed.
        """
        creates = [group for group in groups if group[0].action == "create"]
        steps = [self._planner.plan(group, NONEXISTENT) for group in creates]
        refused = list(self._sender.send_optimistically(self._sendable(steps)))
        not_new = {refusal.step.group for refusal in refused if refusal.rcode in PREREQUISITE_FAILED}
        for refusal in refused:
            if refusal.step.group not in not_new:
                self._apply_one_by_one(refusal)
        return [group for group in groups if group[0].action != "create" or group in not_new]

    def _apply_stage(self, groups: Sequence[Group]) -> None:
        """Apply groups that do not depend on each other."""
        failed_prerequisites: dict[Group, Rcode] = {}
        refusals: list[RefusedStep] = []
        for _ in range(ATTEMPTS):
            steps = self._query_and_plan(groups, failed_prerequisites)
            refused = list(self._sender.send(list(self._sendable(steps))))
            failed_prerequisites = {
                refusal.step.group: refusal.rcode
                for refusal in refused
                if refusal.rcode in PREREQUISITE_FAILED
            }
            refusals += [refusal for refusal in refused if refusal.rcode not in PREREQUISITE_FAILED]
            groups = list(failed_prerequisites)
            if not groups:
                break
        for group, rcode in failed_prerequisites.items():
            self._outcomes.record_refusal(group, changed_meanwhile(rcode))
        for refusal in refusals:
            self._apply_one_by_one(refusal)

    def _query_and_plan(
        self, groups: Sequence[Group], failed_prerequisites: Mapping[Group, Rcode]
    ) -> list[Step]:
        """Return the steps of the groups; record the groups whose query is refused."""
        steps = []
        nodes = query_nodes(self._connection, [(group[0].name, group[0].type) for group in groups])
        for group, node in zip(groups, nodes, strict=True):
            if isinstance(node, Rcode):
                self._outcomes.record_refusal(group, query_refused(node))
            else:
                corrected = _correct(node, failed_prerequisites.get(group))
                steps.append(self._planner.plan(group, corrected))
        return steps

    def _sendable(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield the steps that have to be sent and fit in a message; record the results of the others."""
        for step in steps:
            if not step.prerequisites and not step.updates:
                self._outcomes.record(step.group, step.results)
            elif step.size > MAX_STEPS_SIZE:
                self._outcomes.record(step.group, map(too_large, step.group))
            else:
                yield step

    def _apply_one_by_one(self, refusal: RefusedStep) -> None:
        """Apply a refused step's changes one by one, so that a good one does not fail with a bad one."""
        group = refusal.step.group
        if len(group) == 1:
            self._outcomes.record_refusal(group, update_refused(refusal.rcode))
            return
        for change in group:
            self._apply_stage([(change,)])


def _correct(node: Node, failed_prerequisite: Rcode | None) -> Node:
    """Return the node, corrected by what the code of a failed prerequisite says about the name.

    The server checks prerequisites against the zone itself; an answer may come from a wildcard or a referral.
    """
    if failed_prerequisite == Rcode.NXDOMAIN:
        return NONEXISTENT
    if failed_prerequisite == Rcode.NXRRSET and node.occluded:
        return Node(InUse.YES)
    if failed_prerequisite == Rcode.YXDOMAIN and node.in_use is InUse.UNKNOWN:
        return replace(node, in_use=InUse.YES)
    return node
