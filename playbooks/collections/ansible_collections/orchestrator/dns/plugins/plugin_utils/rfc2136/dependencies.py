"""Dependencies between the changes of a batch: which share a step, and which must wait for another.

The prerequisites of a message are checked against the zone as it was before the message (RFC 2136 section
3.2). So all changes of an owner name are planned together as one step, and what can't be in that step must
come in a later message.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from dns.rdatatype import AAAA, CNAME, DNAME, MX, NS, SRV, A

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


def split_into_stages(changes: Sequence[Change]) -> list[list[Group]]:
    """Return the changes in stages that follow each other; within a stage, each group has another owner name.

    The groups keep the order in which a change comes after those that its validity may depend on: what
    points to a name comes after what came before it at that name, and the other way round. Changes of a
    DNAME and of names below it are in different stages.
    """
    latest: dict[dns.name.Name, _OpenGroup] = {}
    addressed: dict[dns.name.Name, _OpenGroup] = {}  # the latest group with addresses of a name
    pointing: dict[dns.name.Name, _OpenGroup] = {}  # the last group in the order that points to a name
    stages: list[list[_OpenGroup]] = []
    covers = _Covers(changes)
    for change in changes:
        earlier = [addressed[target] for target in targets(change) if target in addressed]
        if change.type in _ADDRESS_TYPES and change.name in pointing:
            earlier.append(pointing[change.name])
        first = covers.first_stage(change)
        group = latest.get(change.name)
        if (
            group is None
            or len(group.changes) == MAX_GROUP
            or group.stage < first
            or not group.comes_after(earlier)
        ):
            stage = max((0 if group is None else group.stage + 1, first, *(other.stage for other in earlier)))
            if stage == len(stages):
                stages.append([])
            group = latest[change.name] = _OpenGroup(stage, len(stages[stage]))
            stages[stage].append(group)
        group.changes.append(change)
        for target in targets(change):
            pointing[target] = max(group, pointing.get(target, group), key=lambda each: each.position)
        if change.type in _ADDRESS_TYPES:
            addressed[change.name] = group
        covers.note(change, group.stage)
    return [[tuple(group.changes) for group in stage] for stage in stages]


class _Covers:
    """The stages of DNAME changes, and of changes below them: what a DNAME hides has to be gone before."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._owners = {change.name.labels for change in changes if change.type == DNAME}
        self._of_owner: dict[tuple[bytes, ...], int] = {}
        self._below: dict[tuple[bytes, ...], int] = {}

    def first_stage(self, change: Change) -> int:
        """Return the first stage in which a change can be."""
        if not self._owners:
            return 0
        after = [self._of_owner[owner] for owner in self._above(change) if owner in self._of_owner]
        if change.type == DNAME and change.name.labels in self._below:
            after.append(self._below[change.name.labels])
        return max(after, default=-1) + 1

    def note(self, change: Change, stage: int) -> None:
        """Note the stage that a change is in."""
        if not self._owners:
            return
        for owner in self._above(change):
            self._below[owner] = max(stage, self._below.get(owner, 0))
        if change.type == DNAME:
            self._of_owner[change.name.labels] = stage

    def _above(self, change: Change) -> Iterator[tuple[bytes, ...]]:
        labels = change.name.labels
        return (labels[cut:] for cut in range(1, len(labels)) if labels[cut:] in self._owners)


def points_to_names(group: Group) -> bool:
    """Whether the validity of a change of the group may depend on what is at another name."""
    return any(True for change in group for _ in targets(change))


def targets(change: Change) -> Iterator[dns.name.Name]:
    """Yield the names that a change makes its owner name point to, and that need an address for that."""
    if change.type in _POINTING_TYPES and change.action != "delete":
        for value in change.values:
            yield getattr(value, "exchange" if change.type == MX else "target")
