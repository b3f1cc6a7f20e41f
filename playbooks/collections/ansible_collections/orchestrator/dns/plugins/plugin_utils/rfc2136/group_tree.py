"""What is above and below the names of an atomic group (RFC 6672 section 2.4), and at names that are hidden.

The group is one message. So no query shows what its changes make or remove for those that come after them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import STAND_ALONE
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import may_hide_names, names_above
from dns.rdata import Rdata
from dns.rdatatype import CNAME, DNAME, DS, NS, RdataType

from .connection import Connection
from .dependencies import Group
from .name_planner import NOTHING, NameState
from .names_below import data_below
from .node import BELOW_DNAME, UNSEEN, Node, RRset
from .query import query_dnames_above
from .update_message import Instruction, Kind, Step

State = Node | NameState  # what is at the owner name of a group

_HAS_NS = Instruction(Kind.RRSET_EXISTS, NS)
_HAS_NO_DS = Instruction(Kind.RRSET_ABSENT, DS)
_BELOW = NameState({}, hidden=True, below_dname=True)


class GroupTree:
    """The DNAMEs above an atomic group's names, and the data below those that are to have one.

    `note` keeps it up to date. Raises Unreachable, KeyRefused.
    """

    def __init__(self, connection: Connection, zone: dns.name.Name, changes: Sequence[Change]) -> None:
        self._connection = connection
        self._zone = zone
        self._has_dnames = any(change.type == DNAME for change in changes)
        names = list({change.name for change in changes}) if self._has_dnames else []
        above = query_dnames_above(connection, zone, names)
        self._dnames = {owner.labels for owners in above.values() for owner in owners}
        self._above_added: set[tuple[bytes, ...]] = set()
        self._removed: set[tuple[dns.name.Name, RdataType]] = set()
        self._relieved: dict[dns.name.Name, Instruction] = {}  # of what the changes before see to

    def correct(self, group: Group, state: State) -> State:
        """Return what is at a name once the changes before it are made; `state` is what the server shows."""
        if not self._has_dnames:
            return state
        name = group[0].name
        if any(labels in self._dnames for labels in names_above(name, self._zone)):
            return _BELOW
        if state.below_dname:
            return NOTHING  # the group has removed that DNAME; the prerequisites say that nothing is hidden
        if isinstance(state, NameState) and any(map(may_hide_names, group)):
            is_above = name.labels in self._above_added or (
                state.is_above_data and not self._is_emptied(name)
            )
            return replace(state, is_above_data=is_above)
        return state

    def relieve(self, step: Step) -> Step:
        """Return the step without the prerequisite of an NS that the group makes, or a DS that it removes."""
        relieved = self._relieved.get(step.group[0].name)
        if relieved is None or step.group[0].type not in (DS, NS):
            return step
        return replace(step, prerequisites=tuple(each for each in step.prerequisites if each != relieved))

    def note(self, step: Step, state: State) -> None:
        """Note what a step, which was planned from this state, makes and removes."""
        name = step.group[0].name
        is_added = any(line.kind is Kind.ADD_VALUES for line in step.updates)
        if step.group[0].type == NS and is_added:
            self._relieved[name] = _HAS_NS
        elif step.group[0].type == DS and step.updates and not is_added:
            self._relieved[name] = _HAS_NO_DS
        for line in step.updates if self._has_dnames else ():
            rdtype = line.type if line.type is not None else line.values[0].rdtype
            if line.kind is Kind.ADD_VALUES:
                self._above_added |= set(names_above(name, self._zone))
                self._removed.discard((name, rdtype))
                self._dnames |= {name.labels} if rdtype == DNAME else set()
            elif _removes_all(line, _rrset(state, rdtype)):
                self._removed.add((name, rdtype))
                self._dnames -= {name.labels} if rdtype == DNAME else set()

    def _is_emptied(self, name: dns.name.Name) -> bool:
        """Whether the group has removed all data below a name, as far as a transfer tells."""
        if not any(owner != name and owner.is_subdomain(name) for owner, _ in self._removed):
            return False
        there = data_below(self._connection, self._zone, name)
        return there is not None and there <= self._removed


def split_hidden(group: Group, state: State) -> Iterable[tuple[Group, State]]:
    """Yield a group and its state; where no answer shows that, parts that can be planned all the same.

    A server carries out the updates of one message in their order, so changes of different types, of which
    none is a CNAME, are as good apart. What the first change of a type expects is taken for what is there.
    """
    if not (isinstance(state, NameState) and state.hidden):
        yield group, state
        return
    if state.below_dname:
        yield from (((change,), BELOW_DNAME) for change in group)
        return
    parts: dict[RdataType, list[Change]] = {}
    for change in group:
        parts.setdefault(change.type, []).append(change)
    if CNAME in parts and len(parts) > 1:
        yield group, state
        return
    for part in parts.values():
        if _are_apart(part):
            yield from (((change,), UNSEEN) for change in part)
        else:
            yield tuple(part), _suppose(part, state)


def _are_apart(part: Sequence[Change]) -> bool:
    """Whether changes of one RRset can be planned one by one, though no answer shows what is there.

    What removes comes first: PowerDNS adds what a message adds after all that it removes. An update behind
    others, and what stands alone, need to know what these leave. Creates go together.
    """
    if any(change.expect is not None for change in part) or part[0].type in (CNAME, *STAND_ALONE):
        return False
    actions = list(dropwhile(lambda action: action == "delete", (change.action for change in part)))
    is_update_first = len(actions) == len(part) or "update" not in actions
    return actions != ["create"] * len(part) and set(actions[1:]) <= {"create"} and is_update_first


def _suppose(part: Sequence[Change], hidden: NameState) -> State:
    if len(part) == 1:
        return UNSEEN
    first = part[0]
    if first.expect is None:
        creates = all(change.action == "create" and change.expect is None for change in part)
        return UNSEEN if creates else hidden
    values = frozenset(value for value in first.expect.values if isinstance(value, Rdata))
    there = {first.type: RRset(first.expect.ttl, values)} if values else {}
    return NameState(there, is_supposed=True)


def _rrset(state: State, rdtype: RdataType) -> RRset | None:
    return state.rrset if isinstance(state, Node) else state.rrsets.get(rdtype)


def _removes_all(line: Instruction, there: RRset | None) -> bool:
    if line.kind is Kind.DELETE_RRSET:
        return True
    return line.kind is Kind.DELETE_VALUES and there is not None and there.values <= set(line.values)
