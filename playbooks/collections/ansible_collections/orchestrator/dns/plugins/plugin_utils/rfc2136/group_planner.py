"""Looks at the owner names of groups of changes, and plans the step that carries each group out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason
from dns.rcode import Rcode
from dns.rdatatype import CNAME

from .connection import Connection
from .dependencies import Group
from .name_planner import NOTHING, NamePlanner, NameState, read_state
from .node import NONEXISTENT, InUse, Node
from .planner import Planner
from .query import query_aliases, query_nodes, query_types, query_zones
from .refusal import STATE_CHANGED, changed_meanwhile, query_refused
from .update_message import Step
from .zone_check import check_zone

ATTEMPTS = 4  # to plan and send a change whose prerequisites do not hold

State = Node | NameState  # what is at the owner name of a group
_UNSEEN = Node(InUse.UNKNOWN, occluded=True)
_HIDDEN = Reason(
    "refused", "the server does not show what is below a delegation"
)  # of groups, never of a change


class GroupPlanner:
    """Looks and plans in one zone, over one connection."""

    def __init__(self, zone: dns.name.Name, connection: Connection, outcomes: Outcomes) -> None:
        self.zone = zone
        self._connection = connection
        self._outcomes = outcomes
        self._planner = Planner(zone)
        self._name_planner = NamePlanner(zone)
        self._hidden: set[dns.name.Name] = set()  # names for which the server answers from another zone

    def look(self, groups: Sequence[Group], *, is_guess: bool) -> dict[Group, State]:
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

    def without_hidden(self, failed: Mapping[Group, Rcode]) -> dict[Group, Rcode]:
        """Return those of the groups whose state the server shows; note the names that it does not show.

        Where it has a child zone too, it answers from that, and checks prerequisites against the parent.
        """
        names = list({group[0].name for group in failed} - self._hidden)
        zones = query_zones(self._connection, names)
        found = {name for name, zone in zip(names, zones, strict=True) if zone not in (None, self.zone)}
        self._hidden |= found
        return {group: rcode for group, rcode in failed.items() if group[0].name not in found}

    def _refuse_query(self, group: Group, rcode: Rcode) -> None:
        check_zone(self._connection, self.zone)  # it may be gone by now
        self._outcomes.record_refusal(group, query_refused(rcode))

    def plan(self, group: Group, state: State, failed_prerequisite: Rcode | None) -> Step | Reason:
        """Return the step for a group, or why the group can't be planned as one.

        `failed_prerequisite` is the code of the step before, which was planned from the same state.
        """
        correct = _correct(state, failed_prerequisite)
        if isinstance(correct, Node):
            return self._planner.plan(group, correct)
        return _HIDDEN if correct.hidden else self._name_planner.plan(group, correct)


def why_failed(group: Group, rcode: Rcode, seen: Sequence[State]) -> Reason:
    """Return why the prerequisites of a group failed in every attempt, at last with this code."""
    if group[0].expect is not None and isinstance(seen[-1], Node):
        return STATE_CHANGED
    return changed_meanwhile(rcode, looks_the_same=_all_equal(seen))


def _all_equal(states: Sequence[State]) -> bool:
    return all(state == states[0] for state in states)


def _only_creates(group: Group) -> bool:
    return all(change.action == "create" and change.expect is None for change in group)


def _is_simple(group: Group) -> bool:
    """Whether it is one change, or adds values to one RRset: all else at the name may change meanwhile."""
    if len(group) == 1:
        return group[0].expect is None
    return _only_creates(group) and len({change.type for change in group}) == 1 and group[0].type != CNAME


def _asks_for_all_types(group: Group) -> bool:
    return not _is_simple(group) and any(change.type == CNAME for change in group)


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
