"""The ledger of a batch: which change has which result, and which are in doubt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.name

from .change import Change, UnusableChange, parse_change
from .errors import NoAnswer
from .result import Result, failed


@dataclass(slots=True)
class Ledger:
    """Results by request id. A change that is in doubt never gets one: its outcome is unknown."""

    results: dict[str, Result] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    messages: int = 0
    answers: set[str] = field(default_factory=set)  # in the protocol's words

    def usable(self, items: Iterable[Mapping[str, Any]], zone: dns.name.Name) -> Iterator[Change]:
        """Yield the changes that a changes file asks for, and note why the others can't be sent."""
        for item in items:
            try:
                yield parse_change(item, zone)
            except UnusableChange as error:
                self.results[str(item["request_id"])] = failed(error.code, str(error))

    def record(self, change: Change, result: Result) -> None:
        """Note what became of a change."""
        self.results[change.request_id] = result

    def settle(self, changes: Iterable[Change], results: Iterable[Result]) -> None:
        """Note what became of each of some changes."""
        for change, result in zip(changes, results, strict=True):
            self.record(change, result)

    def count_message(self, answer: str) -> None:
        """Note that a message was answered."""
        self.messages += 1
        self.answers.add(answer)

    @contextmanager
    def in_doubt(self, changes: Iterable[Change]) -> Iterator[None]:
        """Hold changes in doubt if no answer to them comes."""
        try:
            yield
        except NoAnswer:
            self.doubted.update(change.request_id for change in changes)
            raise

    def give_up(self, changes: Iterable[Change], result: Result) -> None:
        """Note a result for every change that has none and is not in doubt."""
        for change in changes:
            if change.request_id not in self.doubted:
                self.results.setdefault(change.request_id, result)

    def outcomes(self) -> Counter[str]:
        """Return how many changes were applied, unchanged and failed."""
        return Counter(result.outcome for result in self.results.values())


def summary(
    ledger: Ledger, problem: str | None, server: str, total: int, unit: str = "message"
) -> dict[str, Any]:
    """Return the task's result: a failure when a problem of the whole run let nothing be done at all."""
    line = _line(ledger, server, total, unit)
    counts = ledger.outcomes()
    done = counts["applied"] + counts["unchanged"]
    return {
        "msg": f"{problem}; {line}" if problem else line,
        "failed": problem is not None and not done,
        "changed": counts["applied"] > 0,
        "server": server,
        "messages": ledger.messages,
        "applied": counts["applied"],
        "unchanged": counts["unchanged"],
        "refused": counts["failed"],
        "unknown": total - len(ledger.results),
    }


def _line(ledger: Ledger, server: str, total: int, unit: str) -> str:
    outcomes = ledger.outcomes()
    counts = {what: outcomes[what] for what in ("applied", "unchanged", "failed")}
    counts["unknown"] = total - len(ledger.results)
    parts = [f"{number} {what}" for what, number in counts.items() if number]
    answers = f" ({', '.join(sorted(ledger.answers))})" if ledger.answers else ""
    sent = f"{_count(total, 'change')} to {server} in {_count(ledger.messages, unit)}"
    return f"{sent}: {', '.join(parts)}{answers}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
