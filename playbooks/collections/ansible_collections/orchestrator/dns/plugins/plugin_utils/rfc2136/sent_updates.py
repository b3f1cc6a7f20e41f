"""Update messages are told as they are answered: how, when, and how soon.

The orchestrator counts them also of a run that is killed before its task has a result.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dns.rcode import Rcode

UNANSWERED = "none"


@contextmanager
def told(server: str) -> Iterator[list[bytes]]:
    """Tell of the message that the block sends; the block appends its answer, if there is one."""
    began, clock = time.time(), time.monotonic()
    answers: list[bytes] = []
    try:
        yield answers
    finally:
        rcode = _rcode(answers[0]) if answers else UNANSWERED
        _tell(server, began, time.monotonic() - clock, rcode)


def _tell(server: str, began: float, seconds: float, rcode: str) -> None:
    """Write to the descriptor that `DNS_EVENTS_FD` names, as the callback plugin `run_events` does."""
    descriptor = os.environ.get("DNS_EVENTS_FD", "")
    if descriptor.isdigit():
        event = {"event": "update", "server": server, "began": began, "seconds": seconds, "rcode": rcode}
        with suppress(OSError):  # the reader has closed its end
            os.write(int(descriptor), (json.dumps(event) + "\n").encode())


def _rcode(wire: bytes) -> str:
    return Rcode.to_text(Rcode(wire[3] & 0x0F)) if len(wire) > 3 else UNANSWERED
