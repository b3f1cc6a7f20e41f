"""Dependencies between the changes of a batch: which may share a message, and which must wait for another.

The prerequisites of a message are checked against the zone as it was before the message (RFC 2136 section
3.2). So a change that depends on another one must come in a later message.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from dns.rdatatype import CNAME, RdataType

Group = tuple[Change, ...]  # changes of one RRset that go together: one change, or several creates
MAX_GROUP = 100  # creates on one RRset that go together


@dataclass(slots=True)
class _OpenGroup:
    """The latest group of an RRset, which further creates may join, and the number of its stage."""

    stage: int
    changes: list[Change] = field(default_factory=list)

    def can_join(self, change: Change) -> bool:
        creates = change.action == "create" and self.changes[-1].action == "create"
        return creates and change.type != CNAME and len(self.changes) < MAX_GROUP


def split_into_stages(changes: Iterable[Change]) -> list[list[Group]]:
    """Return the changes in stages that follow each other; within a stage, none depends on another.

    Two changes depend on each other if they are about one RRset, or if they are about one name and one of
    them is about its CNAME. Several creates on one RRset make one group: their order shows only in their
    results.
    """
    names: dict[dns.name.Name, dict[RdataType, _OpenGroup]] = defaultdict(dict)
    stages: list[list[_OpenGroup]] = []
    for change in changes:
        latest_groups = names[change.name]
        last_stage = _last_related_stage(latest_groups, change.type)
        group = latest_groups.get(change.type)
        if group is not None and group.stage == last_stage and group.can_join(change):
            group.changes.append(change)
            continue
        latest_groups[change.type] = group = _OpenGroup(last_stage + 1, [change])
        if group.stage == len(stages):
            stages.append([])
        stages[group.stage].append(group)
    return [[tuple(group.changes) for group in stage] for stage in stages]


def _last_related_stage(latest_groups: dict[RdataType, _OpenGroup], rdtype: RdataType) -> int:
    """Return the number of the last stage that a change of this type must wait for, -1 for none."""
    related = latest_groups.keys() if rdtype == CNAME else {rdtype, CNAME} & latest_groups.keys()
    return max((latest_groups[other].stage for other in related), default=-1)
