"""A batch on PowerDNS: read what is there, work out what shall be, write it, find culprits if refused.

The API replaces whole RRsets and knows no prerequisites: what somebody else changes in an RRset between our
reading and our writing is lost. So little time as possible lies between.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    KeyRefused,
    NoAnswer,
    Unreachable,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Ledger
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import failed

from .api import Api, Refused
from .node import Node
from .refusal import is_failure, refusal
from .step import Step, pack, plan
from .zone import NotServed, Zone

PAUSES = (0.05, 0.2, 0.5)  # seconds before a call that the server failed to carry out is made again
STRIKES = 8  # failures of single steps in a row, after which the rest is spared

Group = Sequence[Change]  # of one owner name, in their order


def apply_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, api: Api, *, forecast: bool = False
) -> tuple[Ledger, str | None]:
    """Apply the items of a changes file to a zone; return their results, and what stopped the batch early.

    A forecast only reads, and returns the results that they would have.
    """
    ledger = Ledger()
    changes = list(ledger.usable(items, zone))
    if not changes:
        return ledger, None
    try:
        served = Zone(api, zone)
        groups = _by_name(changes)
        batch = _Batch(served, served.read(list(groups)), ledger)
        batch.forecast(groups.values()) if forecast else batch.apply(groups.values())
    except NotServed as error:
        ledger.give_up(changes, failed("not_zone", str(error)))
    except KeyRefused as error:
        ledger.give_up(changes, failed("auth_refused", str(error)))
        return ledger, str(error)
    except (Unreachable, NoAnswer) as error:
        ledger.give_up(changes, failed("server_unreachable", f"not sent: {error}"))
        return ledger, str(error)
    return ledger, None


def _by_name(changes: Iterable[Change]) -> dict[dns.name.Name, list[Change]]:
    groups: dict[dns.name.Name, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.name, []).append(change)
    return groups


class _Batch:
    def __init__(self, zone: Zone, nodes: dict[dns.name.Name, Node], ledger: Ledger) -> None:
        self._zone = zone
        self._nodes = nodes
        self._ledger = ledger
        self._strikes = 0
        self._refuses_all: dict[int, bool] = {}  # by status

    def apply(self, groups: Iterable[Group]) -> None:
        """Apply groups of changes, each about another name."""
        for packet in pack(self._plan(groups), max_changes=self._zone.max_changes):
            self._deliver(packet, PAUSES)

    def forecast(self, groups: Iterable[Group]) -> None:
        """Settle groups of changes, each about another name, as if the server took everything."""
        for step in self._plan(groups):
            self._ledger.settle(step.changes, step.results)

    def _plan(self, groups: Iterable[Group]) -> Iterator[Step]:
        """Yield the steps to send; what needs no sending is settled."""
        for group in groups:
            step = plan(group, self._nodes.get(group[0].name, {}), self._zone.name)
            if not step.entries:
                self._ledger.settle(step.changes, step.results)
            else:
                yield step

    def _deliver(self, packet: Sequence[Step], pauses: Sequence[float] = ()) -> None:
        """Send steps in one call, or bisect them until only the culprits are left.

        A failure may pass: two zones that are changed at once are enough to lock SQLite.
        """
        try:
            with self._ledger.in_doubt(change for step in packet for change in step.changes):
                self._zone.change(packet)
        except Refused as error:
            self._ledger.count_message(str(error.status))
            if pauses and is_failure(error):
                time.sleep(pauses[0] * random.uniform(0.5, 1.5))  # noqa: S311
                self._deliver(packet, pauses[1:])
            else:
                self._find_culprits(packet, error)
        else:
            self._ledger.count_message("204")
            self._note_done(packet)

    def _note_done(self, packet: Iterable[Step]) -> None:
        self._strikes = 0
        for step in packet:
            self._nodes[step.name] = step.after
            self._ledger.settle(step.changes, step.results)

    def _find_culprits(self, packet: Sequence[Step], error: Refused) -> None:
        hopeless = self._is_hopeless(error)
        if len(packet) > 1 and not hopeless:
            middle = len(packet) // 2
            self._deliver(packet[:middle])
            self._deliver(packet[middle:])
            return
        for step in packet:
            if len(step.changes) > 1 and not hopeless:
                self._take_apart(step)
            else:
                self._refuse(step, error)

    def _take_apart(self, step: Step) -> None:
        """Apply a refused step's changes one by one, so that a good one does not fail with a bad one."""
        for change in step.changes:
            self.apply([[change]])

    def _refuse(self, step: Step, error: Refused) -> None:
        self._strikes += is_failure(error)
        for change in step.changes:
            self._ledger.record(change, refusal(str(change), error))

    def _is_hopeless(self, error: Refused) -> bool:
        """Whether no bisecting helps: the server refuses what asks for nothing, or fails over and over."""
        if error.status not in self._refuses_all:
            self._refuses_all[error.status] = self._refuses_nothing(error.status)
        return self._refuses_all[error.status] or (is_failure(error) and self._strikes >= STRIKES)

    def _refuses_nothing(self, status: int) -> bool:
        try:
            self._zone.change([])
        except Refused as error:
            return error.status == status
        return False
