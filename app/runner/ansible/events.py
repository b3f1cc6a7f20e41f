"""What the callback plugin reports, in words that a person understands."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.runner.ansible.redaction import Redactor
from app.runner.protocol import RunEvent

MAX_MESSAGE = 1_000  # characters
MAX_EVENTS = 1_000  # a loop over ten thousand items shall not fill the run's log

Stats = dict[str, dict[str, int]]


class EventReader:
    """Turns the plugin's lines into events of the run, and keeps the counts that end it."""

    def __init__(self, on_event: Callable[[RunEvent], None], redactor: Redactor) -> None:
        self.stats: Stats = {}
        self.failed = False  # whether some task has said so
        self._on_event = on_event
        self._redactor = redactor
        self._said = 0

    def feed(self, line: bytes) -> None:
        """Take a line of the plugin. What is no event is passed over: any playbook may write there."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if event.get("event") == "stats":
            self.stats = _stats(event.get("hosts"))
        self.failed = self.failed or event.get("event") in _FAILURES
        words = _words(event)
        if words:
            self._say_of_many(words)

    def say(self, message: str) -> None:
        """Report a line of our own."""
        self._on_event(RunEvent(self._redactor.line(message, MAX_MESSAGE)))

    def _say_of_many(self, message: str) -> None:
        self._said += 1
        if self._said <= MAX_EVENTS:
            self.say(message)
        elif self._said == MAX_EVENTS + 1:
            self.say("more is said than is kept here")


def _words(event: Mapping[str, Any]) -> str | None:
    match event.get("event"):
        case "play":
            return f"play: {event.get('name')}"
        case "task":
            return f"task: {event.get('name')}"
        case "stats":
            return _ending(_stats(event.get("hosts")))
        case str(kind) if kind in _OUTCOMES:
            return _outcome(_OUTCOMES[kind], event)
    return None


_OUTCOMES = {
    "ok": "ok",
    "failed": "failed",
    "skipped": "skipped",
    "unreachable": "unreachable",
    "retry": "trying again",
    "item_ok": "ok",
    "item_failed": "failed",
}
_FAILURES = ("failed", "unreachable")


def _outcome(outcome: str, event: Mapping[str, Any]) -> str:
    item = f" ({event['item']})" if event.get("item") else ""
    ignored = " (ignored)" if event.get("ignored") else ""
    changed = ", changed" if event.get("changed") and not event.get("message") else ""
    message = f", {event['message']}" if event.get("message") else ""
    return f"{event.get('host')}: {outcome}{ignored}{item}{changed}{message}"


def _ending(stats: Stats) -> str | None:
    parts = [
        f"{host}: " + ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        for host, counts in stats.items()
    ]
    return f"finished: {'; '.join(parts)}" if parts else "finished: no host took part"


def _stats(hosts: Any) -> Stats:
    """Return the counts by host, as far as they are counts."""
    if not isinstance(hosts, dict):
        return {}
    return {
        str(host): {str(what): number for what, number in counts.items() if isinstance(number, int)}
        for host, counts in hosts.items()
        if isinstance(counts, dict)
    }
