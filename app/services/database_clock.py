"""The database's clock, by which leases run out and pauses end: whether somebody has set it.

It is compared with the monotonic clock, which is the same for all processes of a host. A worker's sweep looks
each second, and its pool, which is forked later, knows what that has seen.
"""

import struct
import time
from mmap import mmap
from typing import NamedTuple, Self

from sqlalchemy.orm import Session

from app.store import upkeep

_TOLERANCE = 2.0  # seconds: clocks are also made to go a little faster, or slower
_FORMAT = "5d"

seen = mmap(-1, struct.calcsize(_FORMAT))  # shared by a worker's processes


class Reading(NamedTuple):
    """By how many seconds the database's clock is ahead of the monotonic one: at least, and at most."""

    least: float
    most: float

    @classmethod
    def of(cls, said: float, asked_at: float) -> Self:
        """Make one of what the database has just said, in seconds since 1970, and when it was asked."""
        return cls(said - time.monotonic(), said - asked_at)

    def step_since(self, before: "Reading") -> float:
        """Return by how many seconds the clock was set in between: less than 0 where it was set back."""
        if self.least > before.most + _TOLERANCE:
            return self.least - before.most
        return self.most - before.least if self.most < before.least - _TOLERANCE else 0.0


def read(session: Session) -> Reading:
    """Read the clock."""
    asked_at = time.monotonic()
    return Reading.of(upkeep.read_clock(session), asked_at)


class _Seen(NamedTuple):
    """What was seen last: nothing as long as it is all zeros."""

    reading: Reading
    jump: float  # seconds by which the clock was last set forward
    jumped_at: float  # on the monotonic clock
    since: float  # when it was first looked at, on the monotonic clock

    @classmethod
    def load(cls) -> Self:
        least, most, jump, jumped_at, since = struct.unpack(_FORMAT, seen[:])
        return cls(Reading(least, most), jump, jumped_at, since)

    def keep(self) -> None:
        seen[:] = struct.pack(_FORMAT, *self.reading, self.jump, self.jumped_at, self.since)

    def step_to(self, reading: Reading) -> float:
        return reading.step_since(self.reading) if any(self.reading) else 0.0


def note(reading: Reading) -> float:
    """Take note of a reading; return by how many seconds the clock was set since the last one."""
    last = _Seen.load()
    step = last.step_to(reading)
    jump, jumped_at = (step, time.monotonic()) if step > 0 else (last.jump, last.jumped_at)
    _Seen(reading, jump, jumped_at, last.since or time.monotonic()).keep()
    return step


def jump_within(seconds: float, reading: Reading) -> float:
    """Return by how many seconds the clock was set forward within the last seconds, this reading included."""
    last = _Seen.load()
    lately = last.jump if time.monotonic() < last.jumped_at + seconds else 0.0
    return max(lately, last.step_to(reading))


def may_have_jumped_within(seconds: float, reading: Reading) -> bool:
    """Return whether the clock may have been set forward within the last seconds.

    It may where it was seen to be, or where nobody has looked for so long: in a worker that has just begun.
    """
    since = _Seen.load().since
    return bool(since and time.monotonic() < since + seconds) or jump_within(seconds, reading) > 0
