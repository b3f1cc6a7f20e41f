"""The DNAMEs of a zone and the data below names that are to have one: RFC 6672 section 2.4."""

from collections.abc import Collection, Mapping, Sequence

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import may_hide_names, names_above
from dns.rdatatype import DNAME

from .node import Node

Labels = tuple[bytes, ...]
Groups = dict[dns.name.Name, list[Change]]  # changes by owner name


class Tree:
    """What is above and below the names of a batch, as the nodes have it; kept up to date by `note`."""

    def __init__(
        self, zone: dns.name.Name, nodes: Mapping[dns.name.Name, Node], hiding: Collection[dns.name.Name]
    ) -> None:
        self._zone = zone
        self._dnames: set[Labels] = set()
        self._below: dict[Labels, set[dns.name.Name]] = {name.labels: set() for name in hiding}
        for name, node in nodes.items():
            self.note(name, node)

    def note(self, name: dns.name.Name, node: Node) -> None:
        """Note what is at a name now."""
        visible = {rdtype for rdtype, rrset in node.items() if rrset.values}
        if "DNAME" in visible:
            self._dnames.add(name.labels)
        else:
            self._dnames.discard(name.labels)
        for labels in names_above(name, self._zone) if self._below else ():
            if labels in self._below:
                below = self._below[labels]
                below.add(name) if visible else below.discard(name)

    def is_below_dname(self, name: dns.name.Name) -> bool:
        """Whether a DNAME hides the name."""
        return bool(self._dnames) and any(labels in self._dnames for labels in names_above(name, self._zone))

    def is_above_data(self, name: dns.name.Name) -> bool:
        """Whether a DNAME at the name would hide data; known of those that are to have one."""
        return bool(self._below.get(name.labels))


def split_into_segments(changes: Sequence[Change]) -> list[Groups]:
    """Return the changes by owner name, in segments that follow each other.

    A change of a DNAME depends on what came before it above and below. So these are in segments of their own,
    without others of which one is above the other.
    """
    segments: list[Groups] = [{}]
    above: set[Labels] = set()  # the names in the last segment
    last: Change | None = None
    for change in changes:
        is_dname = change.type == DNAME
        parents = _parents(change.name) if is_dname else set()
        if last is not None and (
            is_dname != (last.type == DNAME)
            or (is_dname and change.name.labels in above)
            or any(dns.name.Name(labels) in segments[-1] for labels in parents)
        ):
            segments.append({})
            above = set()
        segments[-1].setdefault(change.name, []).append(change)
        above |= parents
        last = change
    return segments


def _parents(name: dns.name.Name) -> set[Labels]:
    return {name.labels[cut:] for cut in range(1, len(name.labels))}


def hiding_names(changes: Sequence[Change]) -> set[dns.name.Name]:
    """Return the names that are to have a DNAME."""
    return {change.name for change in changes if may_hide_names(change)}
