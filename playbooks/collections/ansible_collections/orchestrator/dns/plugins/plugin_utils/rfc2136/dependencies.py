"""Dependencies between the changes of a batch: which share a step, and which must wait for another.

The prerequisites of a message are checked against the zone as it was before the message (RFC 2136 section
3.2). So all changes of an owner name are planned together as one step, and what can't be in that step must
come in a later message.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from dns.rdatatype import AAAA, CNAME, MX, NS, SRV, A

Group = tuple[Change, ...]  # changes of one owner name that go together, in their order
MAX_GROUP = 100  # changes of one owner name that go together

_ADDRESS_TYPES = (A, AAAA, CNAME)
_POINTING_TYPES = (MX, NS, SRV)  # a server may refuse them where the target has no address, or is an alias


@dataclass(slots=True)
class _OpenGroup:
    """The latest group of an owner name, which further changes may join, and its place in the order."""

    stage: int
    place: int  # within the stage
    changes: list[Change] = field(default_factory=list)

    @property
    def position(self) -> tuple[int, int]:
        return self.stage, self.place

    def comes_after(self, others: Iterable["_OpenGroup"]) -> bool:
        return all(other is self or other.position < self.position for other in others)


def split_into_stages(changes: Iterable[Change]) -> list[list[Group]]:
    """Return the changes in stages that follow each other; within a stage, each group has another owner name.

    The groups keep the order in which a change comes after those that its validity may depend on: what
    points to a name comes after what came before it at that name, and the other way round.
    """
    latest: dict[dns.name.Name, _OpenGroup] = {}
    addressed: dict[dns.name.Name, _OpenGroup] = {}  # the latest group with addresses of a name
    pointing: dict[dns.name.Name, _OpenGroup] = {}  # the last group in the order that points to a name
    stages: list[list[_OpenGroup]] = []
    for change in changes:
        earlier = [addressed[target] for target in targets(change) if target in addressed]
        if change.type in _ADDRESS_TYPES and change.name in pointing:
            earlier.append(pointing[change.name])
        group = latest.get(change.name)
        if group is None or len(group.changes) == MAX_GROUP or not group.comes_after(earlier):
            stage = max((0 if group is None else group.stage + 1, *(other.stage for other in earlier)))
            if stage == len(stages):
                stages.append([])
            group = latest[change.name] = _OpenGroup(stage, len(stages[stage]))
            stages[stage].append(group)
        group.changes.append(change)
        for target in targets(change):
            pointing[target] = max(group, pointing.get(target, group), key=lambda each: each.position)
        if change.type in _ADDRESS_TYPES:
            addressed[change.name] = group
    return [[tuple(group.changes) for group in stage] for stage in stages]


def points_to_names(group: Group) -> bool:
    """Whether the validity of a change of the group may depend on what is at another name."""
    return any(True for change in group for _ in targets(change))


def targets(change: Change) -> Iterator[dns.name.Name]:
    """Yield the names that a change makes its owner name point to, and that need an address for that."""
    if change.type in _POINTING_TYPES and change.action != "delete":
        for value in change.values:
            yield getattr(value, "exchange" if change.type == MX else "target")
