"""Traces of a drain: what is done for each request, in its own trace, wherever it was asked for."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from uuid import UUID

from app.core import tracing
from app.runner.protocol import RunEvent, SentUpdate
from app.store.queue import Item

OnEvent = Callable[[RunEvent], None]


def traced_work(
    zone: str, run_id: UUID | None, items: Sequence[Item], new: Sequence[Item]
) -> AbstractContextManager[None]:
    """Make a span of the work on these requests; before it, of how long the `new` ones have waited for it."""
    if not tracing.is_on():
        return nullcontext()
    for item in islice((item for item in new if item.traceparent and item.accepted_at), tracing.MAX_LINKS):
        tracing.note("wait", item.traceparent or "", item.accepted_at or 0.0, request_id=str(item.id))
    about: dict[str, str | int] = {"zone": zone, "requests": len(items)}
    if run_id:
        about["run_id"] = str(run_id)
    return tracing.shared_span("drain", (item.traceparent for item in items), about)


def traced_run(backend: str, changes: int) -> AbstractContextManager[object]:
    """Make a span of a run of Ansible."""
    return tracing.span("ansible run", attributes={"backend": backend, "changes": changes})


@contextmanager
def traced_tasks(on_event: OnEvent) -> Iterator[OnEvent]:
    """Make a span of each task of a playbook, below the span of the run; yields what takes its events."""
    run = tracing.traceparent()
    if run is None:
        yield on_event
        return
    tasks = _Tasks(run)

    def take(event: RunEvent) -> None:
        if event.task is not None:
            tasks.begin(event.task)
        tasks.updates += event.updates
        on_event(event)

    try:
        yield take
    finally:
        tasks.end()


class _Tasks:
    """The task that goes on."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._name: str | None = None
        self._began = 0.0
        self.updates: list[SentUpdate] = []

    def begin(self, name: str) -> None:
        self.end()
        self._name, self._began = name, time.monotonic()

    def end(self) -> None:
        made = None
        if self._name is not None:
            made = tracing.note(f"task {self._name}", self._run, self._began)
        for each in self.updates[: tracing.MAX_LINKS]:
            about = {"dns.opcode": "UPDATE", "dns.rcode": each.rcode}
            tracing.note_past(f"update {each.server}", made or self._run, each.began, each.seconds, about)
        self._name, self.updates = None, []
