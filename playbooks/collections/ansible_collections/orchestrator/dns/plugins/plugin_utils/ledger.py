"""The ledger of a batch: which change has which result, and which are in doubt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.rcode
from dns.rcode import Rcode

from .change import Change
from .connection import NoAnswer
from .result import Result
from .step import Step


@dataclass(slots=True)
class Ledger:
    """Results by request id. A change that is in doubt never gets one: its outcome is unknown."""

    results: dict[str, Result] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    messages: int = 0
    rcodes: set[str] = field(default_factory=set)

    def record(self, change: Change, result: Result) -> None:
        """Note what became of a change."""
        self.results[change.request_id] = result

    def settle(self, step: Step) -> None:
        """Note that a step was carried out."""
        for change, result in zip(step.group, step.results, strict=True):
            self.record(change, result)

    def count_message(self, rcode: Rcode) -> None:
        """Note that an update message was answered."""
        self.messages += 1
        self.rcodes.add(dns.rcode.to_text(rcode))

    @contextmanager
    def in_doubt(self, packet: Sequence[Step]) -> Iterator[None]:
        """Hold the packet's changes in doubt if no answer to them comes."""
        try:
            yield
        except NoAnswer:
            self.doubted.update(change.request_id for step in packet for change in step.group)
            raise

    def give_up(self, changes: Iterable[Change], result: Result) -> None:
        """Note a result for every change that has none and is not in doubt."""
        for change in changes:
            if change.request_id not in self.doubted:
                self.results.setdefault(change.request_id, result)

    def outcomes(self) -> Counter[str]:
        """Return how many changes were applied, unchanged and failed."""
        return Counter(result.outcome for result in self.results.values())
