"""Looks at the owner names of groups of changes, and plans the step that carries each group out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason, Result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import (
    deciding_type,
    failure_beside,
    may_hide_names,
)
from dns.rcode import Rcode
from dns.rdatatype import CNAME, DNAME, DS, NS, RdataType

from .alone import leave_alone, may_not_be_alone
from .connection import Connection
from .dependencies import Group
from .group_tree import GroupTree, State
from .name_planner import NOTHING, NamePlanner, NameState, read_state
from .names_below import names_above_data
from .node import BELOW_DNAME, NONEXISTENT, SOME_CNAME, UNSEEN, InUse, Node
from .planner import Planner
from .query import (
    Question,
    query_aliases,
    query_dnames_above,
    query_nodes,
    query_soa,
    query_types,
    query_zones,
)
from .refusal import STATE_CHANGED, changed_meanwhile, query_refused
from .update_message import Step, without_values
from .zone_check import check_zone

ATTEMPTS = 6  # to plan and send a change whose prerequisites do not hold

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
        self._hidden: dict[dns.name.Name, Node] = {}  # names whose state no answer shows

    def forget_hidden(self) -> None:
        """Forget which names the server does not show: changes may have removed what hides them."""
        self._hidden = {}

    def look(self, groups: Sequence[Group], *, is_guess: bool) -> dict[Group, State]:
        """Return what is at the owner name of each group, in order; a guess takes creates to be new names.

        Groups whose query is refused are recorded, and left out.
        """
        unseen = [group for group in groups if not (is_guess and _only_creates(group))]
        questions = list(dict.fromkeys(chain.from_iterable(map(self._questions, unseen))))
        aliases = [group[0].name for group in unseen if self._asks_for_all_types(group)]
        nodes = dict(zip(questions, query_nodes(self._connection, questions), strict=True))
        failed = [question for question, node in nodes.items() if node == Rcode.SERVFAIL]
        nodes |= query_aliases(self._connection, failed)
        types = dict(zip(aliases, query_types(self._connection, aliases), strict=True))
        found: dict[Group, State] = {}
        for group in groups:
            about = {
                rdtype: nodes.get((name, rdtype), NONEXISTENT) if nodes else NONEXISTENT  # to hash takes long
                for name, rdtype in self._questions(group)
            }
            rcode = next((node for node in about.values() if isinstance(node, Rcode)), None)
            known = _at_cut({rdtype: node for rdtype, node in about.items() if isinstance(node, Node)})
            if rcode is not None:
                self._refuse_query(group, rcode)
            elif self._hidden and group[0].name in self._hidden:
                node = self._hidden[group[0].name]
                is_below = node.below_dname
                found[group] = node if len(group) == 1 else NameState({}, hidden=True, below_dname=is_below)
            elif self._is_simple(group) or (len(group) == 1 and known[group[0].type].occluded):
                found[group] = known[group[0].type]
            else:
                found[group] = read_state(known, types.get(group[0].name, ()))
        return self._with_names_below(found)

    def _questions(self, group: Group) -> Iterator[Question]:
        """Yield what has to be known about the owner name of a group."""
        for change in group:
            yield change.name, change.type
            if decides := deciding_type(change, self.zone):
                yield change.name, decides

    def _is_simple(self, group: Group) -> bool:
        """Whether all else at the name may change meanwhile: one change, or values added to one RRset."""
        if any(may_hide_names(change) or deciding_type(change, self.zone) for change in group):
            return False
        if len(group) == 1:
            return group[0].expect is None
        return _only_creates(group) and len({change.type for change in group}) == 1 and group[0].type != CNAME

    def _asks_for_all_types(self, group: Group) -> bool:
        return not self._is_simple(group) and any(change.type == CNAME for change in group)

    def _with_names_below(self, states: dict[Group, State]) -> dict[Group, State]:
        """Return the states with what is below the names that are to have a DNAME."""
        names = [
            group[0].name
            for group, state in states.items()
            if isinstance(state, NameState) and DNAME not in state.rrsets and any(map(may_hide_names, group))
        ]
        if names:
            above = names_above_data(self._connection, self.zone, names)
            for group, state in states.items():
                if isinstance(state, NameState) and group[0].name in above:
                    states[group] = replace(state, is_above_data=True)
        return states

    def without_hidden(self, failed: Mapping[Group, Rcode]) -> dict[Group, Rcode]:
        """Return those of the groups that were planned from what is there, as far as the server shows it.

        The others are of names of which it does not show what is there, as is found and noted now.

        It checks prerequisites against the zone. But it answers from a child zone where it has that, too, and
        PowerDNS shows what is below a DNAME unless `dname-processing` is on.
        """
        names = list({group[0].name for group in failed} - self._hidden.keys())
        zones = query_zones(self._connection, names)
        found = {
            name: UNSEEN for name, zone in zip(names, zones, strict=True) if zone not in (None, self.zone)
        }
        below = query_dnames_above(self._connection, self.zone, names, in_children=found)
        found |= dict.fromkeys(below, BELOW_DNAME)
        self._hidden |= found
        return {group: rcode for group, rcode in failed.items() if group[0].name not in found}

    def _refuse_query(self, group: Group, rcode: Rcode) -> None:
        check_zone(self._connection, self.zone)  # it may be gone by now
        self._outcomes.record_refusal(group, query_refused(rcode))

    def tree(self, changes: Sequence[Change]) -> GroupTree:
        """Return what is above and below the names of an atomic group. Raises Unreachable, KeyRefused."""
        return GroupTree(self._connection, self.zone, changes)

    def plan(self, group: Group, state: State, failed_prerequisite: Rcode | None) -> Step | Reason:
        """Return the step for a group, or why the group can't be planned as one.

        `failed_prerequisite` is the code of the step before, which was planned from the same state.
        """
        if isinstance(state, Node) and state.occluded and failed_prerequisite is not None:
            if _is_unexpected(group[0], failed_prerequisite):
                return self._planner.plan_made_before(group)
            failed_prerequisite = _of_others(group[0], failed_prerequisite)
        correct = _correct(state, failed_prerequisite)
        if isinstance(correct, Node):
            step = self._planner.plan(group, correct)
            if may_not_be_alone(group, correct) and step.updates:
                return leave_alone(step, self.zone, self._connection)
        elif correct.hidden:
            return _HIDDEN
        else:
            step = self._name_planner.plan(group, correct)
        return step if step.fits else self._by_soa(step, state)

    def _by_soa(self, step: Step, state: State) -> Step:
        """Return the step without the values of what is there, which are too many, if it can do without them.

        The zone's SOA, read before them, takes their place as a prerequisite: a server gives it a new serial
        with each update (RFC 2136 section 3.6). That tells only of values that the zone itself shows.
        """
        small = without_values(step, self.zone)
        name = step.group[0].name
        if not small.fits or query_zones(self._connection, [name]) != [self.zone]:
            return step
        soa = query_soa(self._connection, self.zone)
        is_so_still = self.look([step.group], is_guess=False).get(step.group) == state
        return replace(small, soa=soa) if soa and is_so_still else step

    def why_failed(self, group: Group, rcode: Rcode, seen: Sequence[State]) -> Reason:
        """Return why the prerequisites of a group failed in every attempt, at last with this code."""
        last = seen[-1]
        if group[0].expect is not None and (isinstance(last, Node) or last.is_supposed):
            return STATE_CHANGED
        if group[0].type == DS and isinstance(last, Node):
            return _reason(failure_beside(group[0]))
        is_cut = isinstance(last, NameState) and NS in last.rrsets and rcode == Rcode.YXRRSET
        of_cut = [
            change for change in group if change.type in (NS, DNAME) and deciding_type(change, self.zone)
        ]
        if of_cut and (is_cut or isinstance(last, Node)):  # what is beside it, no answer shows
            return _reason(failure_beside(of_cut[0]))
        return changed_meanwhile(rcode, looks_the_same=_all_equal(seen))


def _reason(failure: Result) -> Reason:
    return Reason(failure.code or "refused", failure.message)


def _all_equal(states: Sequence[State]) -> bool:
    return all(state == states[0] for state in states)


def _at_cut(nodes: dict[RdataType, Node]) -> dict[RdataType, Node]:
    """Return what is at a name, without doubt about a DNAME where a delegation is shown."""
    cut, dname = nodes.get(NS), nodes.get(DNAME)
    if cut and cut.rrset and dname and dname.occluded and not dname.below_dname:
        return nodes | {DNAME: Node(InUse.YES)}
    return nodes


def _only_creates(group: Group) -> bool:
    return all(
        change.action == "create" and change.expect is None and change.type not in (DNAME, DS, NS)
        for change in group
    )


def _is_unexpected(change: Change, failed_prerequisite: Rcode) -> bool:
    """Whether the prerequisite that failed is the one that the RRset is as the change expects it."""
    if change.expect is None:
        return False
    absent = (Rcode.NXRRSET, Rcode.NXDOMAIN)
    return failed_prerequisite in absent if change.expect.values else failed_prerequisite == Rcode.YXRRSET


def _of_others(change: Change, failed_prerequisite: Rcode) -> Rcode:
    """Return the code that tells of other data at a name, where nothing was expected and nothing is there."""
    if change.expect is None or change.expect.values or failed_prerequisite != Rcode.NXRRSET:
        return failed_prerequisite
    return Rcode.NXRRSET if change.type == CNAME else Rcode.YXRRSET


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
    if failed_prerequisite == Rcode.YXRRSET and state.occluded:
        return replace(state, in_use=InUse.YES, cname=SOME_CNAME)
    if failed_prerequisite == Rcode.YXDOMAIN and state.in_use is InUse.UNKNOWN:
        return replace(state, in_use=InUse.YES)
    return state
