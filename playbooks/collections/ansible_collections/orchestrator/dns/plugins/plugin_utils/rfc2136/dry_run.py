"""A forecast: what would become of a batch, judged by what the server says is there. Only questions are sent.

It can't know what the server's policy refuses, what others change meanwhile, and whether an answer was made
from a wildcard.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result as verdict
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused, Unreachable
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Ledger
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import failed
from dns.rcode import Rcode
from dns.rdatatype import CNAME, RdataType

from .connection import Connection, Target
from .node import Node, RRset, Use
from .planner import plan
from .query import Question, ask, ask_types
from .refusal import unanswered
from .update_message import MAX_STEPS_SIZE


def forecast_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, target: Target, key: dns.tsig.Key | None
) -> tuple[Ledger, str | None]:
    """Return the results that the items of a changes file would have, and what prevents the batch."""
    ledger = Ledger()
    changes = list(ledger.usable(items, zone))
    if not changes:
        return ledger, None
    try:
        with Connection(target, key) as connection:
            picture = _look(connection, changes)
    except (KeyRefused, Unreachable) as error:
        code = "tsig_refused" if isinstance(error, KeyRefused) else "server_unreachable"
        ledger.give_up(changes, failed(code, str(error)))
        return ledger, str(error)
    for change in changes:
        _forecast(change, picture, zone, ledger)
    return ledger, None


def _forecast(change: Change, picture: "_Picture", zone: dns.name.Name, ledger: Ledger) -> None:
    node = picture.node(change)
    if isinstance(node, Rcode):
        ledger.record(change, unanswered(str(change), node))
        return
    step = plan((change,), node, zone)
    if step.size(zone) > MAX_STEPS_SIZE:
        ledger.record(change, verdict.too_large(change))
        return
    ledger.settle(step.group, step.results)
    if step.updates:
        picture.take(change, node.rrset)


def _look(connection: Connection, changes: Sequence[Change]) -> "_Picture":
    questions = list(dict.fromkeys((change.name, change.type) for change in changes))
    aliases = list(dict.fromkeys(change.name for change in changes if change.type == CNAME))
    picture = _Picture(dict(zip(questions, ask(connection, questions), strict=True)))
    for name, types in zip(aliases, ask_types(connection, aliases), strict=True):
        picture.types[name] |= types
    return picture


@dataclass(slots=True)
class _Picture:
    """The zone as the server shows it, and as the changes so far would leave it."""

    seen: Mapping[Question, Node | Rcode]
    types: dict[dns.name.Name, set[RdataType]] = field(default_factory=lambda: defaultdict(set))
    planned: dict[Question, RRset | None] = field(default_factory=dict)

    def node(self, change: Change) -> Node | Rcode:
        """What would be at the owner name when it is the change's turn, or why nobody knows."""
        seen = self.seen[change.name, change.type]
        if isinstance(seen, Rcode):
            return seen
        rrset = self.planned.get((change.name, change.type), seen.rrset)
        cname = self.planned.get((change.name, CNAME), seen.cname)
        use = Use.YES if rrset or self.types[change.name] else Use.UNTOLD
        return Node(use, rrset, cname, seen.hidden)

    def take(self, change: Change, before: RRset | None) -> None:
        """Carry the change out in the picture."""
        after = _after(change, before)
        self.planned[change.name, change.type] = after
        types = self.types[change.name]
        types.add(change.type) if after else types.discard(change.type)


def _after(change: Change, before: RRset | None) -> RRset | None:
    old = before.values if before else frozenset()
    values = frozenset(change.values)
    if change.action == "delete":
        left = old - values if values else frozenset()
        return RRset(before.ttl, left) if before and left else None
    return RRset(change.ttl, values | old if change.action == "create" else values)
