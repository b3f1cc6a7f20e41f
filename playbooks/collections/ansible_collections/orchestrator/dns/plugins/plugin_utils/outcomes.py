"""The outcomes of a batch: the result of each change, and the task's result about all of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import dns.name

from .batching import split_by_group
from .change import Change, UnusableChange, parse_change
from .errors import BatchFault, NoAnswer
from .result import Reason, Result, all_or_none, atomic_failed, failed, no_answer, refused

UNCERTAIN = frozenset({"no_answer", "server_failed", "changed_meanwhile"})  # codes of what is tried again


@dataclass(slots=True)
class Outcomes:
    """Results by request id."""

    results: dict[str, Result] = field(default_factory=dict)
    messages: int = 0  # that the server has answered
    answers: set[str] = field(default_factory=set)  # response codes or HTTP statuses
    problem: str | None = None  # what stopped the batch early, or is wrong with the zone
    server: str | None = None  # which of several primaries got the changes
    passed_over: str | None = None  # why those before it did not

    @classmethod
    def of_fault(cls, items: Iterable[Mapping[str, Any]], zone: dns.name.Name, fault: BatchFault) -> Self:
        """Return the outcomes of a batch of which nothing can be sent."""
        outcomes = cls()
        outcomes.record_fault(list(outcomes.parse(items, zone)), fault)
        return outcomes

    def parse(self, items: Iterable[Mapping[str, Any]], zone: dns.name.Name) -> Iterator[Change]:
        """Yield the changes that a changes file asks for, and record why the others can't be sent."""
        for item in items:
            try:
                yield parse_change(item, zone)
            except UnusableChange as error:
                self.results[str(item["request_id"])] = failed(error.code, str(error))

    def record(self, changes: Iterable[Change], results: Iterable[Result]) -> None:
        """Record the result of each change, in the same order."""
        for change, result in zip(changes, results, strict=True):
            self.results[change.request_id] = result

    def record_refusal(self, changes: Iterable[Change], reason: Reason) -> None:
        """Record that the server did not carry out the changes."""
        for change in changes:
            self.results[change.request_id] = refused(change, reason)

    def record_group_refusal(
        self, changes: Iterable[Change], culprits: Collection[Change], why: Reason
    ) -> None:
        """Record that the server did not carry out a group; the culprits are those that the reason is about.

        Where it is uncertain what became of them, it is of all.
        """
        for change in changes:
            is_meant = change in culprits or why.code in UNCERTAIN
            self.results[change.request_id] = (
                refused(change, why) if is_meant else atomic_failed(change, next(iter(culprits)))
            )

    def fail_groups(self, changes: Iterable[Change]) -> None:
        """Let all changes of a group fail of which one has failed."""
        for is_group, part in split_by_group(changes):
            if is_group and all(change.request_id in self.results for change in part):
                self.record(part, all_or_none(part, [self.results[change.request_id] for change in part]))

    def record_fault(self, changes: Iterable[Change], fault: BatchFault) -> None:
        """Record a fault of the batch for those of the changes that have no result: they were not sent."""
        self.problem = str(fault)
        for change in changes:
            self.results.setdefault(change.request_id, failed(fault.code, f"not sent: {fault}"))

    def note_on_applied(self, why: str) -> None:
        """Note on the applied changes, and on the batch, why others than the server may not learn of them."""
        self.problem = "; ".join(filter(None, (self.problem, why)))
        for request_id, result in self.results.items():
            if result.outcome == "applied":
                self.results[request_id] = result._replace(note=why)

    def note_server(self, server: str, absent: Sequence[BatchFault]) -> None:
        """Note which of several primaries is sent the changes, and why those before it are not."""
        self.server = server
        if absent:
            self.passed_over = f"passed over: {'; '.join(map(str, absent))}"

    def count_message(self, answer: str) -> None:
        """Note that the server has answered a message."""
        self.messages += 1
        self.answers.add(answer)

    @contextmanager
    def unknown_without_answer(self, changes: Iterable[Change]) -> Iterator[None]:
        """Record that the changes are unknown if the block raises NoAnswer, which goes on to the caller."""
        try:
            yield
        except NoAnswer as error:
            for change in changes:
                self.results[change.request_id] = no_answer(change, error)
            raise


def task_result(outcomes: Outcomes, server: str, total: int, unit: str = "message") -> dict[str, Any]:
    """Return Ansible's result of the task: counts, and one line for a person.

    `server` is who would have got the changes if it is not said who did. `total` is the number of changes
    in the changes file, `unit` is what the server gets them in. The task has failed only if something stopped
    the batch before any change was done.
    """
    server = outcomes.server or server
    found = Counter(
        "unknown" if result.code == "no_answer" else result.outcome for result in outcomes.results.values()
    )
    counts = {name: found[name] for name in ("applied", "unchanged", "failed")}
    counts["unknown"] = found["unknown"] + total - len(outcomes.results)
    parts = [f"{number} {name}" for name, number in counts.items() if number]
    answers = f"; answers: {', '.join(sorted(outcomes.answers))}" if outcomes.answers else ""
    sent = f"{_count(total, 'change')} to {server} in {_count(outcomes.messages, unit)}"
    line = f"{sent}: {', '.join(parts)}{answers}"
    return {
        "msg": "; ".join(filter(None, (outcomes.problem, outcomes.passed_over, line))),
        "failed": outcomes.problem is not None and not counts["applied"] + counts["unchanged"],
        "changed": counts["applied"] > 0,
        "server": server,
        "messages": outcomes.messages,
        "applied": counts["applied"],
        "unchanged": counts["unchanged"],
        "refused": counts["failed"],
        "unknown": counts["unknown"],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
