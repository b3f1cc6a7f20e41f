"""The update messages that a connection has sent: how each was answered, when, and how soon."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dns.rcode import Rcode

MAX_TIMED = 1_000  # messages whose times are kept; the others are counted only
UNANSWERED = "none"


@dataclass(slots=True)
class SentUpdates:
    """Update messages by the code of their answers, and the times of the first ones."""

    rcodes: Counter[str] = field(default_factory=Counter)
    timed: list[tuple[float, float, str]] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[list[bytes]]:
        """Note the message that the block sends; the block appends its answer, if there is one."""
        began, clock = time.time(), time.monotonic()
        answers: list[bytes] = []
        try:
            yield answers
        finally:
            rcode = _rcode(answers[0]) if answers else UNANSWERED
            self.rcodes[rcode] += 1
            if len(self.timed) < MAX_TIMED:
                self.timed.append((began, time.monotonic() - clock, rcode))

    def as_json(self) -> dict[str, Any]:
        """Return it for the task's result: `timed` has seconds since 1970, how many seconds, and the code."""
        return {"rcodes": dict(self.rcodes), "timed": [list(each) for each in self.timed]}


def _rcode(wire: bytes) -> str:
    return Rcode.to_text(Rcode(wire[3] & 0x0F)) if len(wire) > 3 else UNANSWERED
