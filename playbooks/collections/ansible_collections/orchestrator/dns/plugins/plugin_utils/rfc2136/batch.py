"""A batch of dynamic updates, in stages: each queries what is there, plans the steps and sends them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import BatchFault
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason
from dns.rcode import Rcode
from dns.rdatatype import CNAME

from .connection import Connection, Target
from .dependencies import Group, points_to_names, split_into_stages
from .dry_run import record_dry_run
from .name_planner import NOTHING, NamePlanner, NameState, read_state
from .node import NONEXISTENT, InUse, Node
from .planner import Planner
from .query import query_aliases, query_nodes, query_types, query_zones
from .refusal import (
    PREREQUISITE_FAILED,
    STATE_CHANGED,
    TOO_LARGE,
    changed_meanwhile,
    query_refused,
    update_refused,
)
from .sender import Sender
from .update_message import Step
from .zone_check import check_zone

ATTEMPTS = 4  # to plan and send a change whose prerequisites do not hold

State = Node | NameState  # what is at the owner name of a group
_UNSEEN = Node(InUse.UNKNOWN, occluded=True)
_HIDDEN = Reason(
    "refused", "the server does not show what is below a delegation"
)  # of groups, never of a change


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
            check_zone(connection, zone)
            if dry_run:
                record_dry_run(changes, Planner(zone), connection, outcomes)
            else:
                _Batch(zone, connection, outcomes).apply(changes)
    except BatchFault as fault:
        outcomes.record_fault(changes, fault)
    return outcomes


class _Batch:
    def __init__(self, zone: dns.name.Name, connection: Connection, outcomes: Outcomes) -> None:
        self._zone = zone
        self._connection = connection
        self._outcomes = outcomes
        self._planner = Planner(zone)
        self._name_planner = NamePlanner(zone)
        self._sender = Sender(zone, connection, outcomes)
        self._hidden: set[dns.name.Name] = set()  # names for which the server answers from another zone

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply at least one change."""
        first, *others = split_into_stages(changes)
        self._apply_stage(first, optimistic=True)
        for stage in others:
            self._apply_stage(stage)

    def _apply_stage(self, groups: Sequence[Group], *, optimistic: bool = False) -> None:
        """Apply groups of different owner names, in their order.

        If optimistic, creates are first sent without a query, as if their names were unused: most creates
        are of new names. The prerequisites say so. Where that is wrong, nothing is changed, and they are
        planned again.
        """
        todo, refused = groups, dict[Group, Reason]()
        failed, corrections = dict[Group, Rcode](), dict[Group, Rcode]()
        seen: dict[Group, list[State]] = defaultdict(list)
        for attempt in range(ATTEMPTS):
            is_guess = optimistic and attempt == 0
            states = self._look(todo, is_guess=is_guess)
            for group, state in states.items():
                seen[group].append(state)
            failed = self._send(self._plan(states, corrections, refused), refused, optimistic=is_guess)
            if not failed:
                break
            todo = [
                group for group in groups if group in failed or (group in refused and points_to_names(group))
            ]
            refused = {group: reason for group, reason in refused.items() if group not in todo}
            corrections = {} if is_guess else self._without_hidden(failed)
        for group, rcode in failed.items():
            refused[group] = _why_failed(group, rcode, seen[group])
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

    # --- what is there

    def _look(self, groups: Sequence[Group], *, is_guess: bool) -> dict[Group, State]:
        """Return what is at the owner name of each group, in order; a guess takes creates to be new names.

        Groups whose query is refused are recorded, and left out.
        """
        unseen = [group for group in groups if not (is_guess and _only_creates(group))]
        questions = list(dict.fromkeys((change.name, change.type) for group in unseen for change in group))
        aliases = [group[0].name for group in unseen if _asks_for_all_types(group)]
        nodes = dict(zip(questions, query_nodes(self._connection, questions), strict=True))
        failed = [question for question, node in nodes.items() if node == Rcode.SERVFAIL]
        nodes |= query_aliases(self._connection, failed)
        types = dict(zip(aliases, query_types(self._connection, aliases), strict=True))
        found: dict[Group, State] = {}
        for group in groups:
            about = {change.type: nodes.get((group[0].name, change.type), NONEXISTENT) for change in group}
            rcode = next((node for node in about.values() if isinstance(node, Rcode)), None)
            known = {rdtype: node for rdtype, node in about.items() if isinstance(node, Node)}
            if rcode is not None:
                self._refuse_query(group, rcode)
            elif group[0].name in self._hidden:
                found[group] = _UNSEEN if len(group) == 1 else NameState({}, hidden=True)
            elif _is_simple(group) or (len(group) == 1 and known[group[0].type].occluded):
                found[group] = known[group[0].type]
            else:
                found[group] = read_state(known, types.get(group[0].name, ()))
        return found

    def _without_hidden(self, failed: Mapping[Group, Rcode]) -> dict[Group, Rcode]:
        """Return those of the groups whose state the server shows; note the names that it does not show.

        Where it has a child zone too, it answers from that, and checks prerequisites against the parent.
        """
        names = list({group[0].name for group in failed} - self._hidden)
        zones = query_zones(self._connection, names)
        found = {name for name, zone in zip(names, zones, strict=True) if zone not in (None, self._zone)}
        self._hidden |= found
        return {group: rcode for group, rcode in failed.items() if group[0].name not in found}

    def _refuse_query(self, group: Group, rcode: Rcode) -> None:
        check_zone(self._connection, self._zone)  # it may be gone by now
        self._outcomes.record_refusal(group, query_refused(rcode))

    # --- steps

    def _plan(
        self, states: Mapping[Group, State], corrections: Mapping[Group, Rcode], refused: dict[Group, Reason]
    ) -> Iterator[Step]:
        """Yield the steps to send, record the results of the others; add those that no message carries."""
        for group, state in states.items():
            correct = _correct(state, corrections.get(group))
            if isinstance(correct, NameState) and correct.hidden:
                refused[group] = _HIDDEN
                continue
            if isinstance(correct, NameState):
                step = self._name_planner.plan(group, correct)
            else:
                step = self._planner.plan(group, correct)
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


def _only_creates(group: Group) -> bool:
    return all(change.action == "create" and change.expect is None for change in group)


def _is_simple(group: Group) -> bool:
    """Whether it is one change, or adds values to one RRset: all else at the name may change meanwhile."""
    if len(group) == 1:
        return group[0].expect is None
    return _only_creates(group) and len({change.type for change in group}) == 1 and group[0].type != CNAME


def _why_failed(group: Group, rcode: Rcode, seen: Sequence[State]) -> Reason:
    """Return why the prerequisites of a group failed in every attempt, at last with this code."""
    if group[0].expect is not None and isinstance(seen[-1], Node):
        return STATE_CHANGED
    return changed_meanwhile(rcode, looks_the_same=_all_equal(seen))


def _asks_for_all_types(group: Group) -> bool:
    return not _is_simple(group) and any(change.type == CNAME for change in group)


def _all_equal(states: Sequence[State]) -> bool:
    return all(state == states[0] for state in states)


def _correct(state: State, failed_prerequisite: Rcode | None) -> State:
    """Return the state, corrected by what the code of a failed prerequisite says about the name.

    The server checks prerequisites against the zone itself; an answer may come from a wildcard or a referral.
    """
    if isinstance(state, NameState):
        return NOTHING if failed_prerequisite == Rcode.NXDOMAIN else state
    if failed_prerequisite == Rcode.NXDOMAIN:
        return NONEXISTENT
    if failed_prerequisite == Rcode.NXRRSET and state.occluded:
        return Node(InUse.YES)
    if failed_prerequisite == Rcode.YXDOMAIN and state.in_use is InUse.UNKNOWN:
        return replace(state, in_use=InUse.YES)
    return state
