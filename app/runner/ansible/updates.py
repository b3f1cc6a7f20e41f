"""The update messages that a run's tasks have sent, as the callback plugin reports them.

Any playbook may write there: what is not as our own role writes it is left out.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.runner.ansible.redaction import Redactor
from app.runner.protocol import SentUpdate

MAX_TIMED = 1_000  # messages of a run whose times are kept
MAX_NUMBER = 1_000_000  # messages of one task
_MAX_SERVER = 300  # characters
_RCODE = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(slots=True)
class Updates:
    """Update messages by the code of their answers, and the first of them with their times."""

    rcodes: Counter[str] = field(default_factory=Counter)
    timed: list[SentUpdate] = field(default_factory=list)

    def read(self, event: Mapping[str, Any], redactor: Redactor) -> Sequence[SentUpdate]:
        """Take what an event says of the messages of its task; return those that have times."""
        said = event.get("updates")
        if not isinstance(said, dict):
            return ()
        self.rcodes.update(_numbers(said.get("rcodes")))
        server = redactor.line(str(event.get("server")), _MAX_SERVER)
        listed = said.get("timed")
        room = MAX_TIMED - len(self.timed)
        timed = [_sent(server, each) for each in (listed if isinstance(listed, list) else [])[:room]]
        found = [each for each in timed if each is not None]
        self.timed += found
        return found


def _numbers(said: Any) -> dict[str, int]:
    if not isinstance(said, dict):
        return {}
    return {
        rcode: number
        for rcode, number in list(said.items())[:MAX_TIMED]
        if _RCODE.fullmatch(rcode) and type(number) is int and 0 < number <= MAX_NUMBER
    }


def _sent(server: str, said: Any) -> SentUpdate | None:
    match said:
        case [float(began), float(seconds), str(rcode)] if began > 0 and 0 <= seconds < MAX_NUMBER:
            return SentUpdate(server, rcode, began, seconds) if _RCODE.fullmatch(rcode) else None
    return None
