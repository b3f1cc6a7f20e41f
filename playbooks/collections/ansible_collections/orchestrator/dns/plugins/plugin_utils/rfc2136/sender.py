"""Sends steps. The server carries out a message whole or not at all, so a refused one is bisected."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from dns.rcode import Rcode

from .connection import Connection
from .refusal import PREREQUISITE_FAILED
from .update_message import Step, make_message, pack


class RefusedStep(NamedTuple):
    """A step that the server did not carry out, and the code that it answered."""

    step: Step
    rcode: Rcode


class Sender:
    """Sends steps of one zone over one connection, and records the results of those that are carried out."""

    def __init__(self, zone: dns.name.Name, connection: Connection, outcomes: Outcomes) -> None:
        self._zone = zone
        self._connection = connection
        self._outcomes = outcomes
        self._refuses_empty: dict[Rcode, bool] = {}  # whether an empty message is answered by the code, too
        self._accepts_key: bool | None = None  # None: not known yet

    def send(self, steps: Iterable[Step]) -> Iterator[RefusedStep]:
        """Send the steps in as few messages as they fit in; yield those that are refused on their own.

        Raises NoAnswer, KeyRefused.
        """
        for packed in self._pack(steps):
            yield from self._send_or_bisect(packed)

    def send_optimistically(self, steps: Iterable[Step]) -> Iterator[RefusedStep]:
        """Send steps that were planned without a query.

        If a prerequisite does not hold, all steps of the message are yielded: to query and plan them again
        takes fewer messages than to bisect. Raises NoAnswer, KeyRefused.
        """
        for packed in self._pack(steps):
            rcode = self._send_message(packed)
            if rcode in PREREQUISITE_FAILED:
                yield from (RefusedStep(step, rcode) for step in packed)
            elif rcode != Rcode.NOERROR:
                yield from self._bisect(packed, rcode)

    def _pack(self, steps: Iterable[Step]) -> Iterator[list[Step]]:
        return pack(steps, max_changes=self._connection.target.max_changes)

    def _send_or_bisect(self, steps: Sequence[Step]) -> Iterator[RefusedStep]:
        rcode = self._send_message(steps)
        if rcode != Rcode.NOERROR:
            yield from self._bisect(steps, rcode)

    def _bisect(self, steps: Sequence[Step], rcode: Rcode) -> Iterator[RefusedStep]:
        if len(steps) == 1 or self._refuses_everything(rcode):
            yield from (RefusedStep(step, rcode) for step in steps)
            return
        middle = len(steps) // 2
        yield from self._send_or_bisect(steps[:middle])
        yield from self._send_or_bisect(steps[middle:])

    def _send_message(self, steps: Sequence[Step]) -> Rcode:
        message = make_message(self._zone, steps)
        with self._outcomes.unknown_without_answer(change for step in steps for change in step.group):
            rcode = self._exchange(message)
        self._outcomes.count_message(dns.rcode.to_text(rcode))
        if rcode == Rcode.NOERROR:
            for step in steps:
                self._outcomes.record(step.group, step.results)
        return rcode

    def _exchange(self, message: dns.message.Message) -> Rcode:
        """Send a message and return the answer's code.

        Knot answers BADKEY if its access list does not let the key make *this* change. If it accepts the key
        for an empty message, that is a refusal like any other.
        """
        try:
            return self._connection.exchange(message).rcode()
        except KeyRefused:
            if not self._is_key_accepted():
                raise
            return Rcode.REFUSED

    def _is_key_accepted(self) -> bool:
        """Whether the server accepts an empty message with our key. Raises NoAnswer."""
        if self._accepts_key is None:
            try:
                self._connection.exchange(make_message(self._zone, []))
                self._accepts_key = True
            except KeyRefused:
                self._accepts_key = False
        return self._accepts_key

    def _refuses_everything(self, rcode: Rcode) -> bool:
        """Whether the server answers the code even to an empty message: then bisecting is of no use."""
        if rcode in PREREQUISITE_FAILED:
            return False
        if rcode not in self._refuses_empty:
            self._refuses_empty[rcode] = self._send_message([]) == rcode
        return self._refuses_empty[rcode]
