"""Turns what the callback plugin reports into lines of the run's log, written for people."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID

from app.runner.ansible.redaction import Redactor
from app.runner.ansible.updates import Updates
from app.runner.protocol import RunEvent

MAX_MESSAGE = 1_000  # characters
MAX_EVENTS = 1_000  # so that a loop over ten thousand items does not fill the run's log

Stats = dict[str, dict[str, int]]


class EventReader:
    """Turns the plugin's lines into events of the run, and keeps the counts with which the run ends.

    What a task says of one request is kept for that request. What it says of an item of a loop that is
    about nobody knows whom is not kept: requests of one run may belong to accounts that must not see each
    other's changes.
    """

    def __init__(
        self, on_event: Callable[[RunEvent], None], redactor: Redactor, asked: Collection[UUID] = ()
    ) -> None:
        """Take what gets the events, and the requests of the run."""
        self.stats: Stats = {}
        self.failed = False  # whether a task has failed, or a host was unreachable
        self._on_event = on_event
        self._redactor = redactor
        self._asked = asked
        self._count = 0
        self.updates = Updates()

    def feed(self, line: bytes) -> None:
        """Take a line from the plugin. What is not an event is skipped: any playbook may write there."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if event.get("event") == "stats":
            self.stats = _stats(event.get("hosts"))
        self.failed = self.failed or event.get("event") in _FAILURES
        request_id = self._request_id(event)
        if event.get("event") in _OF_ITEMS and request_id is None and len(self._asked) > 1:
            event |= {"item": None, "message": None}
        if event.get("event") == "update":
            self.updates.read(event, self._redactor)
        message = _message(event)
        if message:
            self._report_limited(message, request_id, _task_of(event))

    def report(self, message: str, request_id: UUID | None = None, task: str | None = None) -> None:
        """Add a line to the run's log, cleaned and cut; of a request, or of the run, or of a task's begin."""
        line = self._redactor.line(message, MAX_MESSAGE)
        name = None if task is None else self._redactor.line(task, MAX_MESSAGE)
        self._on_event(RunEvent(line, request_id=request_id, task=name, updates=self.updates.take()))

    def _request_id(self, event: Mapping[str, Any]) -> UUID | None:
        try:
            request_id = UUID(event["request_id"])
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        return request_id if request_id in self._asked else None

    def _report_limited(self, message: str, request_id: UUID | None, task: str | None) -> None:
        self._count += 1
        if self._count <= MAX_EVENTS:
            self.report(message, request_id, task)
        elif self._count == MAX_EVENTS + 1:
            self.report(f"the run reports more than {MAX_EVENTS} events; the further ones are not kept")


def _task_of(event: Mapping[str, Any]) -> str | None:
    return str(event.get("name")) if event.get("event") == "task" else None


def _message(event: Mapping[str, Any]) -> str | None:
    """Return the event as a line of the log; None for an unknown kind of event."""
    match event.get("event"):
        case "play":
            return f"play: {event.get('name')}"
        case "task":
            return f"task: {event.get('name')}"
        case "stats":
            return _summary(_stats(event.get("hosts")))
        case str(kind) if kind in _OUTCOMES:
            return _outcome(_OUTCOMES[kind], event)
    return None


_OUTCOMES = {
    "ok": "task ok",  # what became of each change, the message and the results say
    "failed": "failed",
    "skipped": "skipped",
    "unreachable": "unreachable",
    "retry": "trying again",
    "item_ok": "ok",
    "item_failed": "failed",
}
_FAILURES = ("failed", "unreachable")
_OF_ITEMS = ("item_ok", "item_failed", "retry")


def _outcome(outcome: str, event: Mapping[str, Any]) -> str:
    item = f" ({event['item']})" if event.get("item") else ""
    ignored = " (ignored)" if event.get("ignored") else ""
    changed = ", changed" if event.get("changed") and not event.get("message") else ""
    message = f", {event['message']}" if event.get("message") else ""
    return f"{event.get('host')}: {outcome}{ignored}{item}{changed}{message}"


def _summary(stats: Stats) -> str:
    parts = [
        f"{host}: " + ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        for host, counts in stats.items()
    ]
    return f"tasks finished: {'; '.join(parts)}" if parts else "finished: no host took part"


def _stats(hosts: Any) -> Stats:
    """Return the counts of each host; whatever is not a count is left out."""
    if not isinstance(hosts, dict):
        return {}
    return {
        str(host): {str(what): number for what, number in counts.items() if isinstance(number, int)}
        for host, counts in hosts.items()
        if isinstance(counts, dict)
    }
