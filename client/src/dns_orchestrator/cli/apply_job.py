"""The changes of a file on their way: submitted, followed until they are settled, and what became of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dns_orchestrator.api.batches import MOST_ITEMS
from dns_orchestrator.cli.apply_state import ApplyState
from dns_orchestrator.client import Client
from dns_orchestrator.files import Entry
from dns_orchestrator.models.plans import Plan
from dns_orchestrator.models.requests import RefusalReason, Request

Report = Callable[[int], None]  # is told how many are done


@dataclass
class ApplyJob:
    """The changes of a file, what has become of them so far."""

    dns: Client
    entries: Sequence[Entry]
    allow_mass_change: bool = False
    refused: list[tuple[Entry, list[RefusalReason]]] = field(default_factory=list)
    unsettled: dict[UUID, Request] = field(default_factory=dict)
    failed: list[tuple[Entry, Request]] = field(default_factory=list)
    _of_request: dict[UUID, int] = field(default_factory=dict)  # the position of its entry
    _batches: set[UUID] = field(default_factory=set)

    @property
    def submitted(self) -> int:
        """How many requests there are."""
        return len(self._of_request)

    @property
    def succeeded(self) -> int:
        """How many of them every authoritative server answers."""
        return self.submitted - len(self.failed) - len(self.unsettled)

    def plans(self, *, ask_servers: bool) -> Iterator[tuple[Plan, Sequence[Entry]]]:
        """Yield plans, and of which entries each is."""
        for start in range(0, len(self.entries), MOST_ITEMS):
            some = self.entries[start : start + MOST_ITEMS]
            changes = [entry.change for entry in some]
            flags = {"ask_servers": ask_servers, "allow_mass_change": self.allow_mass_change}
            yield self.dns.plan(changes, **flags), some

    def submit(self, state: ApplyState, report: Report) -> None:
        """Submit all changes; what was submitted by an earlier run of the command is found again."""
        changes = state.with_keys(self.entries)
        position = {change.idempotency_key: number for number, change in enumerate(changes)}
        earlier: set[UUID] = set()
        for number, each in enumerate(self.dns.submit(changes, allow_mass_change=self.allow_mass_change), 1):
            at = position[each.change.idempotency_key]
            if each.result.request is None:
                self.refused.append((self.entries[at], each.result.errors or []))
            else:
                self._note(each.result.request, at)
                if each.batch_id is None:
                    earlier.add(each.result.request.id)
                else:
                    self._batches.add(each.batch_id)
            report(number)
        for request in self.dns.requests.states(earlier):
            self._note(request, self._of_request[request.id])
            if not request.is_settled and request.batch_id is not None:
                self._batches.add(request.batch_id)

    def follow(self, seconds: float, report: Report) -> None:
        """Wait until all is settled, or the time is over; find out what has failed and what is open."""
        for progress in self.dns.progress(self._batches, seconds):
            report(sum(batch.requests - batch.open for batch in progress))
        for request in self.dns.requests.states(list(self.unsettled)):
            self._note(request, self._of_request[request.id])

    def _note(self, request: Request, at: int) -> None:
        self._of_request[request.id] = at
        self.unsettled.pop(request.id, None)
        if not request.is_settled:
            self.unsettled[request.id] = request
        elif not request.has_succeeded:
            self.failed.append((self.entries[at], request))
