"""The update messages that a run's tasks send, as the collection tells of them.

Any playbook may write there: what is not as our own role writes it is left out.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.runner.ansible.redaction import Redactor
from app.runner.protocol import SentUpdate

MAX_TIMED = 1_000  # messages of a run whose times are kept; the others are counted only
_MAX_RCODES = 50
_MAX_SECONDS = 1_000_000
_MAX_SERVER = 300  # characters
_RCODE = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(slots=True)
class Updates:
    """Update messages by the code of their answers, and the first of them with their times."""

    rcodes: Counter[str] = field(default_factory=Counter)
    timed: list[SentUpdate] = field(default_factory=list)
    _taken: int = 0

    def read(self, event: Mapping[str, Any], redactor: Redactor) -> None:
        """Take what an event says of one message."""
        match event:
            case {"rcode": str(rcode), "began": float(began), "seconds": float(seconds)}:
                if not (_RCODE.fullmatch(rcode) and began > 0 and 0 <= seconds < _MAX_SECONDS):
                    return
                if rcode in self.rcodes or len(self.rcodes) < _MAX_RCODES:
                    self.rcodes[rcode] += 1
                if len(self.timed) < MAX_TIMED:
                    server = redactor.line(str(event.get("server")), _MAX_SERVER)
                    self.timed.append(SentUpdate(server, rcode, began, seconds))

    def take(self) -> Sequence[SentUpdate]:
        """Return those with times that were not returned before."""
        new = self.timed[self._taken :]
        self._taken = len(self.timed)
        return new
