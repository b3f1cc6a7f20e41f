"""A step: what to send for one change, or for several creates on one RRset; done whole or not at all."""

from dataclasses import dataclass

import dns.name

from .change import Change
from .instruction import Instruction
from .result import Result

Group = tuple[Change, ...]  # changes of one RRset that may go together: one change, or several creates


@dataclass(frozen=True, slots=True)
class Step:
    """The lines to send, and what has become of the changes once the server has taken them."""

    group: Group
    results: tuple[Result, ...]
    prerequisites: tuple[Instruction, ...] = ()
    updates: tuple[Instruction, ...] = ()

    def size(self, zone: dns.name.Name) -> int:
        """Return how many bytes it takes at most in a message about the zone."""
        return sum(line.size(zone) for line in (*self.prerequisites, *self.updates))
