"""Sends steps. The server carries out a message whole or not at all, so a refused one is bisected."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batching import halves
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused, ZoneFailed
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from dns.rcode import Rcode

from .connection import Connection
from .refusal import PREREQUISITE_FAILED, exceeds_likely_limit
from .update_message import Step, make_message, pack
from .zone_check import explain_empty_update

MAX_FAILURES = (
    8  # names whose updates the server fails to carry out; if nothing gets through, no more are tried
)


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
        self._has_updated = False  # whether the server has carried out a step
        self._failed_names: set[dns.name.Name] = (
            set()
        )  # whose steps the server failed to carry out on their own

    def send(self, steps: Iterable[Step], *, optimistic: bool = False) -> Iterator[RefusedStep]:
        """Send the steps, in their order, in as few messages as they fit in; yield those that are refused.

        Steps that are sent optimistically were planned without a query. If a prerequisite does not hold,
        all steps of the message are yielded: to query and plan them again takes fewer messages than to
        bisect. Raises BatchFault.
        """
        for packed in pack(steps, max_changes=self._connection.target.max_changes):
            rcode = self._send_message(packed)
            if rcode in PREREQUISITE_FAILED and optimistic:
                yield from (RefusedStep(step, rcode) for step in packed)
            elif rcode in PREREQUISITE_FAILED:
                yield from self._bisect(packed, rcode)
            elif rcode != Rcode.NOERROR:
                yield from self._find_refused(packed, rcode)

    def send_whole(self, steps: Sequence[Step]) -> Rcode:
        """Send the steps in one message, however many they are. Raises BatchFault.

        Raises it also where the zone is to blame for what is answered.
        """
        rcode = self._send_message(steps)
        if rcode not in PREREQUISITE_FAILED and rcode != Rcode.NOERROR:
            self._check_zone()
        return rcode

    def ask_prerequisites(self, step: Step) -> Rcode:
        """Return what the server says of a step's prerequisites alone. Raises BatchFault."""
        rcode = self._exchange(make_message(self._zone, [replace(step, updates=())]))
        self._outcomes.count_message(dns.rcode.to_text(rcode))
        return rcode

    def _find_refused(self, steps: Sequence[Step], rcode: Rcode) -> list[RefusedStep]:
        """Return the steps that are refused while the zone takes others: that is asked before and after."""
        self._check_zone()
        refused = list(self._bisect(steps, rcode))
        if len(steps) > 1 and any(each.rcode not in PREREQUISITE_FAILED for each in refused):
            self._check_zone()
        self._check_failures(2)
        return refused

    def _bisect(self, steps: Sequence[Step], rcode: Rcode) -> Iterator[RefusedStep]:
        if len(steps) == 1:
            if rcode == Rcode.SERVFAIL and not exceeds_likely_limit(steps[0]):
                self._failed_names.add(steps[0].group[0].name)
                self._check_failures(MAX_FAILURES)
            yield RefusedStep(steps[0], rcode)
            return
        for half in halves(steps):
            rcode = self._send_message(half)
            if rcode != Rcode.NOERROR:
                yield from self._bisect(half, rcode)

    def _check_failures(self, number: int) -> None:
        """Raise ZoneFailed if so many names failed, and nothing got through."""
        if len(self._failed_names) >= number and not self._has_updated:
            server, zone = self._connection.target, self._zone
            raise ZoneFailed(
                f"{server} fails to carry out whatever update of the zone {zone} it gets (SERVFAIL)"
            )

    def _send_message(self, steps: Sequence[Step]) -> Rcode:
        message = make_message(self._zone, steps)
        with self._outcomes.unknown_without_answer(change for step in steps for change in step.group):
            rcode = self._exchange(message)
        self._outcomes.count_message(dns.rcode.to_text(rcode))
        if rcode == Rcode.NOERROR:
            self._has_updated = self._has_updated or any(step.updates for step in steps)
            for step in steps:
                self._outcomes.record(step.group, step.results)
        return rcode

    def _exchange(self, message: dns.message.Message) -> Rcode:
        """Send a message and return the answer's code.

        Knot answers BADKEY if its access list does not let the key make *this* change: the key itself is
        good, since the zone's SOA was asked with it.
        """
        try:
            return self._connection.exchange(message).rcode()
        except KeyRefused as error:
            if not isinstance(error.__cause__, dns.tsig.PeerBadKey):
                raise
            return Rcode.REFUSED

    def _check_zone(self) -> None:
        """Send an update that changes nothing. Raises ZoneRefusesUpdates, ZoneFailed if it is refused."""
        explain_empty_update(self._send_message([]), self._connection.target, self._zone)
