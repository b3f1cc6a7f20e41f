"""A batch: every change of a changes file, in waves; each wave asks, plans and sends."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result as verdict
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused, NoAnswer, Unreachable
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Ledger
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result, failed
from dns.rcode import Rcode

from .connection import Connection, Target
from .dependencies import waves
from .node import NOTHING, Node, Use
from .planner import plan
from .query import ask
from .refusal import (
    PREREQUISITE_FAILED,
    changed_meanwhile,
    refusal,
    unanswered,
)
from .sender import Delivery, Refused
from .update_message import MAX_STEPS_SIZE, Group, Step

ROUNDS = 4  # how often a step is planned anew when its prerequisites do not hold


def apply_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, target: Target, key: dns.tsig.Key | None
) -> tuple[Ledger, str | None]:
    """Apply the items of a changes file to a zone; return their results, and what stopped the batch early."""
    ledger = Ledger()
    changes = list(ledger.usable(items, zone))
    if not changes:
        return ledger, None
    try:
        with Connection(target, key) as connection:
            batch = _Batch(zone, connection, ledger)
            for number, wave in enumerate(waves(changes)):
                batch.apply(batch.create_new(wave) if number == 0 else wave)
    except KeyRefused as error:
        ledger.give_up(changes, failed("tsig_refused", str(error)))
        return ledger, str(error)
    except (Unreachable, NoAnswer) as error:
        ledger.give_up(changes, failed("server_unreachable", f"not sent: {error}"))
        return ledger, str(error)
    return ledger, None


class _Batch:
    def __init__(self, zone: dns.name.Name, connection: Connection, ledger: Ledger) -> None:
        self._zone = zone
        self._connection = connection
        self._ledger = ledger
        self._delivery = Delivery(zone, connection, ledger)

    def create_new(self, groups: Sequence[Group]) -> list[Group]:
        """Apply the creates as if nothing were there yet, and return the groups that are left.

        Most creates are of new names. The prerequisites say so: a wrong guess changes nothing.
        """
        creates = [group for group in groups if group[0].action == "create"]
        steps = filter(self._is_to_send, [plan(group, NOTHING, self._zone) for group in creates])
        refused = list(self._delivery.guess(steps))
        wrong = {each.step.group for each in refused if each.rcode in PREREQUISITE_FAILED}
        for each in refused:
            if each.step.group not in wrong:
                self._take_apart(each)
        return [group for group in groups if group[0].action != "create" or group in wrong]

    def apply(self, groups: Sequence[Group]) -> None:
        """Apply groups that do not depend on each other."""
        learned: dict[Group, Rcode] = {}
        pending, apart = list(groups), []
        for _ in range(ROUNDS):
            refused = list(self._delivery.deliver(self._plan(pending, learned)))
            pending = [each.step.group for each in refused if each.rcode in PREREQUISITE_FAILED]
            learned |= {each.step.group: each.rcode for each in refused}
            apart += [each for each in refused if each.rcode not in PREREQUISITE_FAILED]
            if not pending:
                break
        for group in pending:
            self._record(group, changed_meanwhile, learned[group])
        for each in apart:
            self._take_apart(each)

    def _plan(self, groups: Sequence[Group], learned: Mapping[Group, Rcode]) -> list[Step]:
        """Return the steps to send; what needs no sending is settled."""
        steps = []
        nodes = ask(self._connection, [(group[0].name, group[0].type) for group in groups])
        for group, node in zip(groups, nodes, strict=True):
            if isinstance(node, Rcode):
                self._record(group, unanswered, node)
                continue
            step = plan(group, _corrected(node, learned.get(group)), self._zone)
            if self._is_to_send(step):
                steps.append(step)
        return steps

    def _is_to_send(self, step: Step) -> bool:
        if not step.prerequisites and not step.updates:
            self._ledger.settle(step.group, step.results)
            return False
        if step.size(self._zone) > MAX_STEPS_SIZE:
            for change in step.group:
                self._ledger.record(change, verdict.too_large(change))
            return False
        return True

    def _take_apart(self, refused: Refused) -> None:
        """Apply a refused step's changes one by one, so that a good one does not fail with a bad one."""
        group = refused.step.group
        if len(group) == 1:
            self._record(group, refusal, refused.rcode)
            return
        for change in group:
            self.apply([(change,)])

    def _record(self, group: Group, say: Callable[[str, Rcode], Result], rcode: Rcode) -> None:
        for change in group:
            self._ledger.record(change, say(str(change), rcode))


def _corrected(node: Node, rcode: Rcode | None) -> Node:
    """Return the node with what a failed prerequisite tells.

    The server checks prerequisites in the zone itself; an answer may come from a wildcard or a delegation.
    """
    if rcode == Rcode.NXDOMAIN:
        return NOTHING
    if rcode == Rcode.NXRRSET and node.hidden:
        return Node(Use.YES)
    if rcode == Rcode.YXDOMAIN and node.use is Use.UNTOLD:
        return replace(node, use=Use.YES)
    return node
