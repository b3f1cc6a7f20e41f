"""A step: what to send for one change, or for several creates on one RRset; done whole or not at all."""

from dataclasses import dataclass, field

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
    size: int = field(init=False)  # bytes, at most

    def __post_init__(self) -> None:
        size = sum(line.size for line in (*self.prerequisites, *self.updates))
        object.__setattr__(self, "size", size)
