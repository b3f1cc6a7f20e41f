"""Sending steps, and finding the culprits among them: a message is carried out whole or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Ledger
from dns.rcode import Rcode

from .connection import Connection
from .refusal import PREREQUISITE_FAILED
from .update_message import Step, make_message, pack


class Refused(NamedTuple):
    """A step that the server did not carry out."""

    step: Step
    rcode: Rcode


class Delivery:
    """Sends steps to one zone over one connection, and writes what is done into the ledger."""

    def __init__(self, zone: dns.name.Name, connection: Connection, ledger: Ledger) -> None:
        self._zone = zone
        self._connection = connection
        self._ledger = ledger
        self._refuses_all: dict[Rcode, bool] = {}
        self._accepts_key: bool | None = None  # not known yet

    def deliver(self, steps: Iterable[Step]) -> Iterator[Refused]:
        """Send the steps in as few messages as they fit in; yield those that are refused on their own.

        Raises NoAnswer, KeyRefused.
        """
        for packet in self._pack(steps):
            yield from self._deliver(packet)

    def guess(self, steps: Iterable[Step]) -> Iterator[Refused]:
        """Send steps that were planned without asking.

        Where a prerequisite does not hold, all steps of the message are yielded: asking takes fewer messages
        than finding the culprit. Raises NoAnswer, KeyRefused.
        """
        for packet in self._pack(steps):
            rcode = self._send(packet)
            if rcode in PREREQUISITE_FAILED:
                yield from (Refused(step, rcode) for step in packet)
            elif rcode != Rcode.NOERROR:
                yield from self._find_culprits(packet, rcode)

    def _pack(self, steps: Iterable[Step]) -> Iterator[list[Step]]:
        return pack(self._zone, steps, max_changes=self._connection.target.max_changes)

    def _deliver(self, packet: Sequence[Step]) -> Iterator[Refused]:
        rcode = self._send(packet)
        if rcode != Rcode.NOERROR:
            yield from self._find_culprits(packet, rcode)

    def _find_culprits(self, packet: Sequence[Step], rcode: Rcode) -> Iterator[Refused]:
        if len(packet) == 1 or self._refuses_everything(rcode):
            yield from (Refused(step, rcode) for step in packet)
            return
        middle = len(packet) // 2
        yield from self._deliver(packet[:middle])
        yield from self._deliver(packet[middle:])

    def _send(self, packet: Sequence[Step]) -> Rcode:
        message = make_message(self._zone, packet)
        with self._ledger.in_doubt(change for step in packet for change in step.group):
            rcode = self._exchange(message)
        self._ledger.count_message(dns.rcode.to_text(rcode))
        if rcode == Rcode.NOERROR:
            for step in packet:
                self._ledger.settle(step.group, step.results)
        return rcode

    def _exchange(self, message: dns.message.Message) -> Rcode:
        """Send a message and return the answer's code.

        Knot says BADKEY where its access list does not let the key change *this*: a refusal like any other.
        """
        try:
            return self._connection.exchange(message).rcode()
        except KeyRefused:
            if not self._key_is_good():
                raise
            return Rcode.REFUSED

    def _key_is_good(self) -> bool:
        """Whether the server takes a message that asks for nothing. Raises NoAnswer."""
        if self._accepts_key is None:
            try:
                self._connection.exchange(make_message(self._zone, []))
                self._accepts_key = True
            except KeyRefused:
                self._accepts_key = False
        return self._accepts_key

    def _refuses_everything(self, rcode: Rcode) -> bool:
        """Whether the server answers so even to a message that asks for nothing: then no bisecting helps."""
        if rcode in PREREQUISITE_FAILED:
            return False
        if rcode not in self._refuses_all:
            self._refuses_all[rcode] = self._send([]) == rcode
        return self._refuses_all[rcode]
