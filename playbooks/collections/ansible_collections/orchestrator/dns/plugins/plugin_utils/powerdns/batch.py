"""A batch over PowerDNS's API: read what is there, plan what shall be, write it, bisect what is refused.

The API replaces whole RRsets and has no prerequisites: if somebody else changes an RRset between our reading
and our writing, that change is lost. So as little time as possible lies between the two.
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
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import failed

from .api import Api, Refused
from .node import Node
from .planner import Planner
from .refusal import explain, is_server_failure
from .step import Step, pack
from .zone import NotServed, Zone

RETRY_PAUSES = (0.05, 0.2, 0.5)  # seconds before a call that the server failed to carry out is made again
MAX_FAILURES = 8  # of single steps in a row; then the rest is not tried

Group = Sequence[Change]  # the changes of one owner name, in their order


def apply_batch(
    items: Iterable[Mapping[str, Any]], zone: dns.name.Name, api: Api, *, dry_run: bool = False
) -> Outcomes:
    """Apply the items of a changes file to a zone, and return what became of them.

    A dry run only reads, and returns the results that the changes would have.
    """
    outcomes = Outcomes()
    changes = list(outcomes.parse(items, zone))
    if not changes:
        return outcomes
    groups: dict[dns.name.Name, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.name, []).append(change)
    try:
        served = Zone(api, zone)
        batch = _Batch(served, served.read(list(groups)), outcomes)
        batch.record_dry_run(groups.values()) if dry_run else batch.apply(groups.values())
    except NotServed as error:
        outcomes.record_rest(changes, failed("not_zone", str(error)))
    except KeyRefused as error:
        outcomes.record_rest(changes, failed("auth_refused", str(error)))
        outcomes.problem = str(error)
    except (Unreachable, NoAnswer) as error:
        outcomes.record_rest(changes, failed("server_unreachable", f"not sent: {error}"))
        outcomes.problem = str(error)
    return outcomes


class _Batch:
    def __init__(self, zone: Zone, nodes: dict[dns.name.Name, Node], outcomes: Outcomes) -> None:
        self._zone = zone
        self._nodes = nodes
        self._outcomes = outcomes
        self._planner = Planner(zone.name)
        self._failures = 0  # of single steps in a row
        self._refuses_empty: dict[int, bool] = {}  # whether an empty call is answered by the status, too

    def apply(self, groups: Iterable[Group]) -> None:
        """Apply groups of changes, each about another name."""
        for steps in pack(self._plan(groups), max_changes=self._zone.max_changes):
            self._send(steps, RETRY_PAUSES)

    def record_dry_run(self, groups: Iterable[Group]) -> None:
        """Record the results of groups of changes as if the server accepted everything."""
        for step in self._plan(groups):
            self._outcomes.record(step.changes, step.results)

    def _plan(self, groups: Iterable[Group]) -> Iterator[Step]:
        """Yield the steps to send, and record the results of changes of which nothing has to be sent."""
        for group in groups:
            step = self._planner.plan(group, self._nodes.get(group[0].name, {}))
            if not step.entries:
                self._outcomes.record(step.changes, step.results)
            else:
                yield step

    def _send(self, steps: Sequence[Step], pauses: Sequence[float] = ()) -> None:
        """Send steps in one call; retry after the pauses while the server fails; bisect what is refused.

        A failure may be over soon: two zones that change at once are enough to lock SQLite.
        """
        try:
            with self._outcomes.unknown_without_answer(change for step in steps for change in step.changes):
                self._zone.apply(steps)
        except Refused as error:
            self._outcomes.count_message(str(error.status))
            if pauses and is_server_failure(error):
                time.sleep(pauses[0] * random.uniform(0.5, 1.5))  # noqa: S311
                self._send(steps, pauses[1:])
            else:
                self._bisect(steps, error)
        else:
            self._outcomes.count_message("204")
            self._failures = 0
            for step in steps:
                self._nodes[step.name] = step.after
                self._outcomes.record(step.changes, step.results)

    def _bisect(self, steps: Sequence[Step], error: Refused) -> None:
        is_useless = self._refuses_everything(error)
        if len(steps) > 1 and not is_useless:
            middle = len(steps) // 2
            self._send(steps[:middle])
            self._send(steps[middle:])
            return
        for step in steps:
            if len(step.changes) > 1 and not is_useless:
                for change in step.changes:  # so that a good one does not fail with a bad one
                    self.apply([[change]])
            else:
                self._failures += is_server_failure(error)
                self._outcomes.record_refusal(step.changes, explain(error))

    def _refuses_everything(self, error: Refused) -> bool:
        """Whether bisecting is useless: the server refuses even an empty call, or has failed too often."""
        if error.status not in self._refuses_empty:
            self._refuses_empty[error.status] = self._is_empty_refused(error.status)
        failed_too_often = is_server_failure(error) and self._failures >= MAX_FAILURES
        return self._refuses_empty[error.status] or failed_too_often

    def _is_empty_refused(self, status: int) -> bool:
        try:
            self._zone.apply([])
        except Refused as error:
            return error.status == status
        return False
