"""Ask for many changes at once, and plan them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import to_json

from dns_orchestrator.api.changes import Changes
from dns_orchestrator.call import Call, Give, Mode, Pause, Stream, call, stream
from dns_orchestrator.change import Change
from dns_orchestrator.models.plans import Plan
from dns_orchestrator.models.requests import Batch, BatchItem, BatchProgress
from dns_orchestrator.waiting import Deadline, pauses

MOST_ITEMS = 10_000  # that the API takes in one call
_MOST_BYTES = 12_000_000  # of one body
_STORING = 60.0  # seconds that a large batch takes on top of the timeout
_REPLAYED = 200
_NOT_NOW = frozenset({429, 503})  # a quota is used up, or too much is open: later it may be accepted


@dataclass(frozen=True)
class Submitted:
    """What became of one of many changes: it has a request, or errors.

    `batch_id` is that of the call that has stored it, or None: an earlier call had.
    """

    change: Change
    result: BatchItem
    batch_id: UUID | None


class Batches(Changes[Mode]):
    """The calls that are about many changes, which are judged each by itself."""

    @call
    def batch(
        self,
        changes: Sequence[Change],
        *,
        atomic: bool = False,
        allow_mass_change: bool = False,
        idempotency_key: str | None = None,
    ) -> Call[Batch]:
        """Ask for up to 10,000 changes in one call. `atomic`: all of them are made, or none."""
        body = self._body(changes, atomic=atomic, allow_mass_change=allow_mass_change)
        key = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return Call("POST", "/dns/batch", Batch, json=body, headers=key, seconds=_STORING)

    @call
    def plan(
        self,
        changes: Sequence[Change],
        *,
        atomic: bool = False,
        allow_mass_change: bool = False,
        ask_servers: bool = False,
    ) -> Call[Plan]:
        """Ask what up to 10,000 changes would do; `client.plans.apply` does exactly that."""
        body = self._body(
            changes, atomic=atomic, allow_mass_change=allow_mass_change, ask_servers=ask_servers
        )
        return Call("POST", "/dns/plan", Plan, json=body, seconds=2 * _STORING)

    @stream
    def submit(
        self, changes: Iterable[Change], *, allow_mass_change: bool = False, patience: float = 600.0
    ) -> Stream[Submitted]:
        """Ask for any number of changes, in as few calls as they fit in; give what became of each.

        Each has an idempotency key of its own: a call that is made again makes no second request. What can't
        be accepted at the moment, for a quota or the backlog, is sent again until `patience` (seconds) is
        over; it is given last.
        """
        for some in in_chunks(changes):
            yield from self._submit_all(some, Deadline(patience), allow_mass_change)

    @stream
    def progress(self, batch_ids: Iterable[UUID], seconds: float) -> Stream[list[BatchProgress]]:
        """Give how far batches have come, again and again until all is settled or the time is over."""
        return _progress([*batch_ids], Deadline(seconds))

    def _submit_all(
        self, changes: Sequence[Change], deadline: Deadline, allow_mass_change: bool
    ) -> Stream[Submitted]:
        waiting = pauses(longest=30.0)
        while changes:
            body = self._body(changes, atomic=False, allow_mass_change=allow_mass_change)
            answer: Batch = yield Call("POST", "/dns/batch", Batch, json=body, seconds=_STORING)
            is_over = deadline.left == 0.0
            later = []
            for result in answer.results:
                if result.status_code in _NOT_NOW and not is_over:
                    later.append(changes[result.index])
                else:
                    batch_id = None if result.status_code == _REPLAYED else answer.batch_id
                    yield Give(Submitted(changes[result.index], result, batch_id))
            changes = later
            if changes:
                yield Pause(next(waiting))

    def _body(self, changes: Sequence[Change], **flags: bool) -> dict[str, Any]:
        items = [change.item(self.account_id, self.source) for change in changes]
        return {"requests": items, **{name: True for name, wanted in flags.items() if wanted}}


def in_chunks(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield the changes in lists that fit in one call each; each change has an idempotency key."""
    rest = iter(changes)
    while chunk := list(islice(_within(rest), MOST_ITEMS)):
        yield chunk


def _within(changes: Iterator[Change]) -> Iterator[Change]:
    size = 0
    for change in changes:
        yield change.model_copy(update={"idempotency_key": change.idempotency_key or str(uuid4())})
        size += len(to_json(change.item())) + 200  # what the defaults add
        if size > _MOST_BYTES:
            return


def _progress(batch_ids: list[UUID], deadline: Deadline) -> Stream[list[BatchProgress]]:
    found: dict[UUID, BatchProgress] = {}
    for pause in pauses():
        for batch_id in batch_ids:
            if batch_id not in found or found[batch_id].open:
                found[batch_id] = yield Call("GET", f"/dns/batches/{batch_id}", BatchProgress)
        yield Give([*found.values()])
        if deadline.left == 0.0 or not any(each.open for each in found.values()):
            return
        yield Pause(min(pause, deadline.left))
